"""The gripper motions of a trial in MuJoCo: approach, close, lift, shake."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from gsn_perception.evaluation.physics.outcome import Snapshot
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import quat_from_matrix

_APPROACH, _CLOSE, _HOLD, _LIFT, _STILL = 0.6, 0.6, 0.2, 0.8, 0.3  # seconds
_AXIS_TIME = 0.5  # seconds of shake per direction


class Sim:
    """A running simulation of the model of :func:`~gsn_perception.evaluation.physics.world.build`.

    Args:
        model: ``mujoco.MjModel``.
    """

    def __init__(self, model: Any) -> None:
        import mujoco

        self._mj: Any = mujoco
        self._model = model
        self._data: Any = mujoco.MjData(model)
        self._dt = float(model.opt.timestep)
        body = {name: model.body(name).id for name in ("object", "hand", "left", "right")}
        self._body = body
        self._of_geom = np.asarray(model.geom_bodyid)
        self._hand = np.isin(self._of_geom, [body["hand"], body["left"], body["right"]])

    def place(self, T: np.ndarray) -> None:
        """Put the object at a pose [4,4], at rest."""
        self._set_free("object", T)

    def park(self) -> None:
        """Move the hand away from everything."""
        self.put_hand(make_transform(np.diag([1.0, -1.0, -1.0]), np.array([0, 0, 1.5])), 0.0)

    def put_hand(self, T: np.ndarray, width: float) -> None:
        """Put the hand at a TCP pose [4,4] with an opening in metres, at rest."""
        self._set_free("hand", T)
        for name in ("left", "right"):
            self._data.joint(name).qpos = width / 2
            self._data.joint(name).qvel = 0.0
        self._data.mocap_pos[0], self._data.mocap_quat[0] = T[:3, 3], quat_from_matrix(T[:3, :3])
        self._data.ctrl[0] = width / 2
        self._mj.mj_forward(self._model, self._data)

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self._move(seconds, lambda s: None)

    def approach(self, start: np.ndarray, goal: np.ndarray, *, reflex: float, window: float) -> float:
        """Move straight from pose to pose; stop at a contact force above ``reflex``.

        Args:
            start: [4,4] TCP pose.
            goal: [4,4] TCP pose with the same orientation.
            reflex: Newton, limit of the mean over the window.
            window: Seconds; a very short impact with a large force does not stop a real arm.

        Returns:
            The largest mean contact force on the hand, newton.
        """
        forces: deque[float] = deque(maxlen=max(round(window / self._dt), 1))
        largest = 0.0

        def step(s: float) -> bool:
            nonlocal largest
            self._data.mocap_pos[0] = start[:3, 3] + s * (goal[:3, 3] - start[:3, 3])
            forces.append(self._force())
            largest = max(largest, sum(forces) / (forces.maxlen or 1))
            return largest > reflex

        self._move(_APPROACH, step)
        return largest

    def close(self, width: float) -> None:
        """Close the fingers from an opening until they press with the gripper's maximum force."""

        def step(s: float) -> None:
            self._data.ctrl[0] = (1 - s) * width / 2 - s * 0.01  # a target beyond closed: the force limit decides

        self._move(_CLOSE, step)
        self.rest(_HOLD)

    def lift(self, height: float) -> None:
        """Raise the hand by ``height`` metres."""
        start = self._data.mocap_pos[0].copy()

        def step(s: float) -> None:
            self._data.mocap_pos[0] = start + [0, 0, s * height]

        self._move(_LIFT, step)
        self.rest(_STILL)

    def shake(self, amplitude: float, tilt: float, frequency: float) -> None:
        """Shake along x, y, z (metres), then about x and y (radians), at ``frequency`` hertz."""
        place, turned = self._data.mocap_pos[0].copy(), self._data.mocap_quat[0].copy()
        cycles = max(round(_AXIS_TIME * frequency), 1)
        spin = np.zeros(4)
        for axis in range(5):
            along = np.eye(3)[axis % 3]

            def step(s: float, along: np.ndarray = along, shifts: bool = axis < 3) -> None:
                phase = np.sin(2 * np.pi * cycles * s)
                if shifts:
                    self._data.mocap_pos[0] = place + phase * amplitude * along
                else:
                    self._mj.mju_axisAngle2Quat(spin, along, phase * tilt)
                    self._mj.mju_mulQuat(self._data.mocap_quat[0], spin, turned)

            self._move(cycles / frequency, step)
        self.rest(_STILL)

    @property
    def object_pose(self) -> np.ndarray:
        """[4,4] T_world_object of the mesh frame."""
        return self._pose("object")

    @property
    def object_in_hand(self) -> np.ndarray:
        """[3] the object's centre of mass in the grasp frame, metres."""
        hand = self._pose("hand")
        center = self._data.xipos[self._body["object"]]
        return hand[:3, :3].T @ (center - hand[:3, 3])

    @property
    def gripped(self) -> bool:
        """Whether the object touches both fingers."""
        touched = self._touched()
        return self._body["left"] in touched and self._body["right"] in touched

    @property
    def on_table(self) -> bool:
        """Whether the object touches the table."""
        return 0 in self._touched()

    def snapshot(self, stage: str) -> Snapshot:
        """Poses and opening at this moment."""
        width = float(self._data.joint("left").qpos[0] + self._data.joint("right").qpos[0])
        return Snapshot(stage, self.object_pose, self._pose("hand"), width)

    def _touched(self) -> set[int]:
        """Bodies in contact with the object."""
        pairs = self._of_geom[self._data.contact.geom[: self._data.ncon]]
        mine = pairs == self._body["object"]
        return {int(b) for b in pairs[mine[:, ::-1]]}

    def _force(self) -> float:
        """Contact force between the hand and anything, summed over contacts, newton."""
        total = 0.0
        geoms = self._data.contact.geom[: self._data.ncon]
        wrench = np.zeros(6)
        for index in np.flatnonzero(self._hand[geoms].any(axis=1)):
            self._mj.mj_contactForce(self._model, self._data, int(index), wrench)
            total += float(np.linalg.norm(wrench[:3]))
        return total

    def _move(self, seconds: float, step: Callable[[float], bool | None]) -> None:
        """Simulate with a smooth phase from 0 to 1 (minimum jerk); stop where ``step`` returns True."""
        count = max(round(seconds / self._dt), 1)
        for i in range(1, count + 1):
            u = i / count
            if step(u**3 * (10 - 15 * u + 6 * u * u)):
                return
            self._mj.mj_step(self._model, self._data)

    def _pose(self, name: str) -> np.ndarray:
        index = self._body[name]
        return make_transform(self._data.xmat[index].reshape(3, 3), self._data.xpos[index])

    def _set_free(self, name: str, T: np.ndarray) -> None:
        joint = self._data.joint(name)
        joint.qpos = np.concatenate([T[:3, 3], quat_from_matrix(T[:3, :3])])
        joint.qvel = np.zeros(6)
