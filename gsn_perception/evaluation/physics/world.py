"""The MuJoCo model of a table, one object in convex parts, and a free-floating parallel gripper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.grasping import Gripper

TABLE, OBJECT, HAND = 1, 2, 4
_MEETS = {TABLE: OBJECT | HAND, OBJECT: TABLE | HAND, HAND: TABLE | OBJECT}
_HAND_MASS, _FINGER_MASS = 0.7, 0.05


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What the world is made of; SI units."""

    friction: float = 0.5
    """Coulomb coefficient of every contact."""
    torsion: float = 0.003
    """Of the pads' patch about the contact normal, metres: two thirds of the friction times a patch of 9 mm."""
    density: float = 300.0
    """Of the object, kg/m^3."""
    timestep: float = 0.002
    """Seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The mass properties of a solid.

    Attributes:
        mass: kg.
        center: [3] centre of mass, mesh frame, metres.
        inertia: [3,3] about the centre of mass, kg m^2.
    """

    mass: float
    center: np.ndarray
    inertia: np.ndarray


def body_of(mesh: Mesh, parts: Sequence[np.ndarray], density: float) -> Body:
    """Mass properties of the solid a mesh bounds; of the hull of its parts where it bounds none."""
    import trimesh

    solid = trimesh.Trimesh(mesh.vertices.astype(np.float64), mesh.faces, process=False)
    hull = trimesh.convex.convex_hull(np.concatenate(list(parts)))
    if not 1e-3 * hull.volume < solid.volume <= 1.01 * hull.volume:
        solid = hull
    mass = max(density * float(solid.volume), 2e-3)  # lighter bodies are beyond the solver
    inertia = np.asarray(solid.moment_inertia) * mass / float(solid.volume)
    least = 1e-7 * np.eye(3)
    return Body(mass, np.asarray(solid.center_mass), inertia + least)


def build(parts: Sequence[np.ndarray], body: Body, gripper: Gripper, settings: WorldSettings) -> Any:
    """The compiled ``mujoco.MjModel``.

    Bodies: ``object`` (free, at its mesh frame), ``hand`` (free, at the TCP, pulled by the mocap body ``target``),
    ``left`` and ``right`` (slides along +y and -y of the grasp frame, coupled, each at half the opening). The actuator
    ``grip`` holds the mean of both slides; its force is limited to what both pads press with at the gripper's limit.

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
    _add(world, "geom", name="table", type="plane", size=[2, 2, 0.1], **_touch(TABLE, settings))
    _object(asset, world, parts, body, settings)
    _hand(world, gripper, settings)
    _drive(root, gripper)
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def _options(root: ElementTree.Element, settings: WorldSettings) -> None:
    option = _add(root, "option", timestep=settings.timestep, integrator="implicitfast", cone="elliptic", impratio=10)
    _add(option, "flag", multiccd="enable")
    _add(root, "compiler", angle="radian", autolimits="true")
    _add(root, "size", memory="64M")


def _touch(kind: int, settings: WorldSettings) -> dict[str, Any]:
    """Contact attributes of a kind of geom."""
    friction = [settings.friction, settings.torsion if kind == HAND else 1e-5, 1e-5]
    contact = {"contype": kind, "conaffinity": _MEETS[kind], "condim": 4 if kind == HAND else 3}
    return contact | {"friction": friction, "solref": [0.006, 1], "solimp": [0.95, 0.99, 0.0005]}


def _object(
    asset: ElementTree.Element,
    world: ElementTree.Element,
    parts: Sequence[np.ndarray],
    body: Body,
    settings: WorldSettings,
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
        _add(element, "geom", name=name, type="mesh", mesh=name, mass=0, **_touch(OBJECT, settings))


def _hand(world: ElementTree.Element, gripper: Gripper, settings: WorldSettings) -> None:
    _add(world, "body", name="target", mocap="true", pos=[0, 0, 1.0])
    hand = _add(world, "body", name="hand", pos=[0, 0, 1.0], gravcomp=1)
    _add(hand, "freejoint", name="hand")
    _add(hand, "inertial", mass=_HAND_MASS, pos=[0, 0, 0], diaginertia=[2e-3, 2e-3, 2e-3])
    touch = _touch(HAND, settings)
    for number, box in enumerate(gripper.palm):
        _add(hand, "geom", name=f"palm{number}", type="box", pos=box.center, size=box.size / 2, mass=0, **touch)
    for name, side in (("left", 1.0), ("right", -1.0)):
        finger = _add(hand, "body", name=name, gravcomp=1)
        _add(finger, "joint", name=name, type="slide", axis=[0, side, 0], range=[0, gripper.max_width / 2], damping=2)
        _add(finger, "inertial", mass=_FINGER_MASS, pos=[0, 0, 0], diaginertia=[2e-5, 2e-5, 2e-5])
        for number, box in enumerate(gripper.fingers):
            center = box.center * [1, side, 1]
            _add(finger, "geom", name=f"{name}{number}", type="box", pos=center, size=box.size / 2, mass=0, **touch)


def _drive(root: ElementTree.Element, gripper: Gripper) -> None:
    """The weld that carries the hand, the coupling of the fingers, and their motor."""
    equality = _add(root, "equality")
    _add(equality, "weld", body1="target", body2="hand", solref=[0.004, 1], solimp=[0.99, 0.999, 0.0001])
    _add(equality, "joint", joint1="left", joint2="right", polycoef=[0, 1, 0, 0, 0], solref=[0.004, 1])
    tendon = _add(root, "tendon")
    fixed = _add(tendon, "fixed", name="opening")
    for name in ("left", "right"):
        _add(fixed, "joint", joint=name, coef=0.5)
    limit = 2 * gripper.max_force
    _add(
        _add(root, "actuator"),
        "position",
        name="grip",
        tendon="opening",
        kp=2e4,
        kv=200,
        forcerange=[-limit, limit],
    )


def _add(parent: ElementTree.Element, tag: str, **attributes: Any) -> ElementTree.Element:
    """A child with attributes; numbers and arrays written in full."""
    return ElementTree.SubElement(parent, tag, {key: _text(value) for key, value in attributes.items()})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"{float(v):.9g}" for v in np.atleast_1d(value))
