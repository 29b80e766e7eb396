"""The MuJoCo model of a table, one object in convex parts, and a free-floating parallel gripper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from gsn_perception.evaluation.physics.mass import Body
from gsn_perception.evaluation.physics.mass import body_of
from gsn_perception.grasping import Gripper

__all__ = ["Body", "WorldSettings", "body_of", "build"]

TABLE, OBJECT, HAND = 1, 2, 4
_MEETS = {TABLE: OBJECT | HAND, OBJECT: TABLE | HAND, HAND: TABLE | OBJECT | HAND}  # no contacts with a body's parent
_HAND_MASS, _FINGER_MASS = 0.7, 0.05
_PAD_CONTACTS = 4  # corners of the contact patch between a flat pad and a flat face
_SOFTEST = 0.99  # least impedance; if pads sink less than a micrometre, contacts never settle
_STIFFEST = 0.9999  # MuJoCo's upper limit
_RIGID = [0.99, 0.999, 0.0001]  # impedance of the constraints inside the hand
_MOTOR_REACH = 0.007  # metres from the grip's target at which the motor reaches its force limit
_ROTOR = 1.2  # kg, effective mass of motor and gears per finger along its slide


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Friction, density, compliance and time step of the simulation; SI units."""

    friction: float = 0.5
    """Coulomb coefficient of every contact."""
    torsion: float = 0.003
    """Of the pads' patch about the contact normal, metres: two thirds of the friction times a patch of 9 mm."""
    density: float = 300.0
    """Of the object, kg/m^3."""
    give: float = 5e-5
    """Largest penetration of a flat pad into the object, metres, at the gripper's maximum force."""
    timestep: float = 0.002
    """Seconds."""


def build(parts: Sequence[np.ndarray], body: Body, gripper: Gripper, settings: WorldSettings) -> Any:
    """The compiled ``mujoco.MjModel``.

    Bodies: ``object`` (free, at its mesh frame), ``hand`` (free, at the TCP, pulled by the mocap body ``target``),
    ``left`` and ``right`` (slides along +y and -y of the grasp frame, coupled, each at half the opening). The actuator
    ``grip`` controls the mean of both slides; its force limit is the force of both pads at the gripper's limit.

    Args:
        parts: Convex parts of the object, mesh frame.
        body: Its mass properties.
        gripper: Boxes, stroke and force.
        settings: Friction and time step.
    """
    import mujoco

    root = ElementTree.Element("mujoco")
    _options(root, settings)
    asset, world = ElementTree.SubElement(root, "asset"), ElementTree.SubElement(root, "worldbody")
    stiff = impedance(body.mass, gripper.max_force, settings)
    touch = {kind: _touch(kind, settings, stiff) for kind in _MEETS}
    _add(world, "geom", name="table", type="plane", size=[2, 2, 0.1], **touch[TABLE])
    _object(asset, world, parts, body, touch[OBJECT])
    _hand(world, gripper, touch[HAND])
    _drive(root, gripper, 2 * settings.timestep)
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def _options(root: ElementTree.Element, settings: WorldSettings) -> None:
    option = _add(root, "option", timestep=settings.timestep, integrator="implicitfast", cone="elliptic", impratio=10)
    _add(option, "flag", multiccd="enable")
    _add(root, "compiler", angle="radian", autolimits="true")
    _add(root, "size", memory="64M")


def impedance(mass: float, force: float, settings: WorldSettings) -> float:
    """The impedance d of contacts at which a pad sinks at most ``settings.give`` deep under a force.

    MuJoCo defines stiffness per unit of inverse mass: with the elliptic cone and critical damping, a normal force f sinks
    a contact by ``f (1 - d) A t^2``, where A is the sum of the bodies' inverse masses and t the time constant. So an
    impedance that is rigid for a heavy object is soft for a light one. Four contacts share the pad's force.

    Args:
        mass: Of the object, kg.
        force: Of a pad, newton.
        settings: Give and time step; the time constant is the shortest that the solver allows, two steps.
    """
    softness = (1 / mass + 1 / _FINGER_MASS) * (2 * settings.timestep) ** 2  # metres per newton at d = 0
    return float(np.clip(1 - settings.give / (force / _PAD_CONTACTS * softness), _SOFTEST, _STIFFEST))


def _touch(kind: int, settings: WorldSettings, stiff: float) -> dict[str, Any]:
    """Contact attributes of a kind of geom."""
    friction = [settings.friction, settings.torsion if kind == HAND else 1e-5, 1e-5]
    contact = {"contype": kind, "conaffinity": _MEETS[kind], "condim": 4 if kind == HAND else 3}
    return contact | {"friction": friction, "solref": [2 * settings.timestep, 1], "solimp": [stiff, stiff, 0.0005]}


def _object(
    asset: ElementTree.Element,
    world: ElementTree.Element,
    parts: Sequence[np.ndarray],
    body: Body,
    touch: dict[str, Any],
) -> None:
    element = _add(world, "body", name="object", pos=[0, 0, 0.5])
    _add(element, "freejoint", name="object")
    inertia = body.inertia
    six = [inertia[0, 0], inertia[1, 1], inertia[2, 2], inertia[0, 1], inertia[0, 2], inertia[1, 2]]
    _add(element, "inertial", mass=body.mass, pos=body.center, fullinertia=six)
    for number, part in enumerate(parts):
        name = f"part{number}"
        _add(asset, "mesh", name=name, vertex=part.reshape(-1))
        # MuJoCo moves a mesh to its centre and principal axes and puts the geom back by itself
        _add(element, "geom", name=name, type="mesh", mesh=name, mass=0, **touch)


def _hand(world: ElementTree.Element, gripper: Gripper, touch: dict[str, Any]) -> None:
    _add(world, "body", name="target", mocap="true", pos=[0, 0, 1.0])
    hand = _add(world, "body", name="hand", pos=[0, 0, 1.0], gravcomp=1)
    _add(hand, "freejoint", name="hand")
    _add(hand, "inertial", mass=_HAND_MASS, pos=[0, 0, 0], diaginertia=[2e-3, 2e-3, 2e-3])
    for number, box in enumerate(gripper.palm):
        _add(hand, "geom", name=f"palm{number}", type="box", pos=box.center, size=box.size / 2, mass=0, **touch)
    stop = {"range": [0, gripper.max_width / 2], "solreflimit": touch["solref"], "solimplimit": _RIGID}
    for name, side in (("left", 1.0), ("right", -1.0)):
        finger = _add(hand, "body", name=name, gravcomp=1)
        _add(finger, "joint", name=name, type="slide", axis=[0, side, 0], damping=2, armature=_ROTOR, **stop)
        _add(finger, "inertial", mass=_FINGER_MASS, pos=[0, 0, 0], diaginertia=[2e-5, 2e-5, 2e-5])
        for number, box in enumerate(gripper.fingers):
            center = box.center * [1, side, 1]
            _add(finger, "geom", name=f"{name}{number}", type="box", pos=center, size=box.size / 2, mass=0, **touch)


def _drive(root: ElementTree.Element, gripper: Gripper, time_constant: float) -> None:
    """The weld that carries the hand, the coupling of the fingers, and their motor, which reaches its limit at any width."""
    equality = _add(root, "equality")
    _add(equality, "weld", body1="target", body2="hand", solref=[time_constant, 1], solimp=_RIGID)
    coupled = {"polycoef": [0, 1, 0, 0, 0], "solref": [time_constant, 1], "solimp": _RIGID}
    _add(equality, "joint", joint1="left", joint2="right", **coupled)
    tendon = _add(root, "tendon")
    fixed = _add(tendon, "fixed", name="opening")
    for name in ("left", "right"):
        _add(fixed, "joint", joint=name, coef=0.5)
    limit = 2 * gripper.max_force
    gain = limit / _MOTOR_REACH
    _add(
        _add(root, "actuator"),
        "position",
        name="grip",
        tendon="opening",
        kp=gain,
        kv=4 * np.sqrt(gain / 2 * (_ROTOR + _FINGER_MASS)),  # critical: each finger feels half of both
        forcerange=[-limit, limit],
    )


def _add(parent: ElementTree.Element, tag: str, **attributes: Any) -> ElementTree.Element:
    """Add a child element with attributes; numbers and arrays are written with nine digits."""
    return ElementTree.SubElement(parent, tag, {key: _text(value) for key, value in attributes.items()})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"{float(v):.9g}" for v in np.atleast_1d(value))
