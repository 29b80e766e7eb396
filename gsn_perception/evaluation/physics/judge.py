"""The judge of grasps: executes approach, close, lift and shake in MuJoCo and returns a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from gsn_perception.evaluation.physics.motion import Sim
from gsn_perception.evaluation.physics.outcome import Outcome
from gsn_perception.evaluation.physics.outcome import Snapshot
from gsn_perception.evaluation.physics.outcome import Verdict
from gsn_perception.evaluation.physics.world import Body
from gsn_perception.evaluation.physics.world import WorldSettings
from gsn_perception.evaluation.physics.world import build
from gsn_perception.geometry import Grasp
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import pre_grasp

REVISION = 2
"""Of the judge; raised whenever the verdict on the same grasp may change, so that no folder mixes verdicts."""


def mujoco_version() -> str:
    """The version of MuJoCo, for reports."""
    import mujoco

    return str(mujoco.__version__)


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a grasp is executed; SI units."""

    world: WorldSettings = field(default_factory=WorldSettings)
    """Friction, density, time step."""
    standoff: float = 0.08
    """Length of the straight approach."""
    reflex: float = 20.0
    """Contact force at which the arm stops on its approach: a collision (Franka's nominal threshold, 20 N)."""
    reflex_window: float = 0.01
    """Seconds over which that force is averaged."""
    lift: float = 0.20
    """Height of the lift."""
    shake: float = 0.04
    """Amplitude of the shake along x, y and z."""
    tilt: float = 0.25
    """Amplitude of the shake about x and y, radians."""
    frequency: float = 2.0
    """Of the shake."""
    tipped: float = float(np.deg2rad(30))
    """An object that rotated more than this before it was gripped was knocked over."""


class Judge:
    """The simulation of one object and one gripper, for any number of grasps.

    Args:
        parts: Convex parts [K,3] of the object, mesh frame, metres.
        body: Its mass properties.
        gripper: Geometry, stroke and force limit.
        settings: See :class:`JudgeSettings`.
    """

    def __init__(
        self, parts: Sequence[np.ndarray], body: Body, gripper: Gripper, settings: JudgeSettings | None = None
    ) -> None:
        self.settings = settings or JudgeSettings()
        self.gripper = gripper
        self._model: Any = build(parts, body, gripper, self.settings.world)

    def settle(self, T_world_object: np.ndarray, seconds: float = 1.0) -> np.ndarray:
        """[4,4] pose in which the object comes to rest on the table when released at a pose."""
        sim = Sim(self._model)
        sim.place(T_world_object)
        sim.park()
        sim.rest(seconds)
        return sim.object_pose

    def __call__(self, grasp: Grasp, T_world_object: np.ndarray) -> Outcome:
        """Execute a grasp, given in the world (table z = 0, z up), on the object at rest at a pose [4,4]."""
        sim = Sim(self._model)
        sim.place(T_world_object)
        width = float(np.clip(grasp.width, 0.0, self.gripper.max_width))
        snapshots: list[Snapshot] = []

        def end(verdict: Verdict, stage: str, force: float, slip: float = float("nan")) -> Outcome:
            snapshots.append(sim.snapshot(stage))
            return Outcome(verdict, stage, force, slip, tuple(snapshots))

        start = pre_grasp(grasp, self.settings.standoff).T_frame_tcp
        sim.put_hand(start, width)
        settings = self.settings
        force = sim.approach(start, grasp.T_frame_tcp, reflex=settings.reflex, window=settings.reflex_window)
        if force > self.settings.reflex:
            return end("collision on approach", "approach", force)
        snapshots.append(sim.snapshot("approach"))
        sim.close(width)
        turned = _angle(sim.object_pose[:3, :3], T_world_object[:3, :3])
        if not sim.gripped:
            return end("tipped" if turned > self.settings.tipped else "missed", "close", force)
        snapshots.append(sim.snapshot("close"))
        in_hand = sim.object_in_hand
        sim.lift(self.settings.lift)
        if not sim.gripped or sim.on_table:
            return end("slipped", "lift", force)
        snapshots.append(sim.snapshot("lift"))
        sim.shake(self.settings.shake, self.settings.tilt, self.settings.frequency)
        slip = float(np.linalg.norm(sim.object_in_hand - in_hand))
        held = sim.gripped and not sim.on_table
        return end("held" if held else "slipped", "shake", force, slip)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Radians between two rotations [3,3]."""
    return float(np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1)))
