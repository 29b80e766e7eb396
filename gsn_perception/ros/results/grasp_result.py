"""Inputs and result of one grasp plan, and the messages of the grasp node's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

import numpy as np
from std_msgs.msg import Header

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Remark
from gsn_perception.ros import interface
from gsn_perception.ros.messages import grasps


@dataclass(frozen=True, slots=True, eq=False)
class GraspTask:
    """Decoded inputs of one plan.

    Attributes:
        header: Of the points: the input image's stamp, the frame everything is in.
        meshes: By label, metres.
        points: By label.
        support_plane: Or None.
        scene: [M,3] obstacle points in metres, or None.
        names: Label to the object's id, which is stable over frames.
    """

    header: Header
    meshes: Mapping[int, Mesh]
    points: Mapping[int, Points]
    support_plane: Plane | None
    scene: np.ndarray | None = None
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class GraspResult:
    """The published result of one plan.

    Attributes:
        header: The task's.
        grasps: Of all objects, best first.
        reasons: Label to one sentence: how many grasps, or why none.
        planned: Whether every object could be planned.
        remarks: Doubts about the grasps, by label.
        names: Label to id of all objects of the frame.
        unknown: One sentence where a requested object does not exist, else empty.
        support_plane: The task's.
    """

    header: Header
    grasps: Sequence[Grasp] = ()
    reasons: Mapping[int, str] = field(default_factory=dict)
    planned: bool = True
    remarks: Mapping[int, Remark] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    unknown: str = ""
    support_plane: Plane | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no grasp."""
        return not self.grasps

    @property
    def summary(self) -> str:
        """One sentence for a service's reply."""
        told = "; ".join(f"object {self._named(k)}: {v}" for k, v in self.reasons.items())
        return self.unknown or told or "there is no object to grasp"

    def only(self, target: str) -> GraspResult:
        """The part about one object, by name or label; all of it for an empty ``target``."""
        if not target:
            return self
        label = label_of(target, self.names)
        if label is None:
            there = ", ".join(f"{name} (label {label})" for label, name in self.names.items())
            advice = f"choose one of {there}" if there else "nothing was found in this frame"
            return GraspResult(self.header, names=self.names, unknown=f"there is no object {target!r}; {advice}")
        return replace(
            self,
            grasps=tuple(grasp for grasp in self.grasps if grasp.label == label),
            reasons={k: v for k, v in self.reasons.items() if k == label},
            remarks={k: v for k, v in self.remarks.items() if k == label},
        )

    def _named(self, label: int) -> str:
        name = self.names.get(label, "")
        return str(label) if name in ("", f"gsn_{label}") else f"{label} ({name})"


def label_of(target: str, names: Mapping[int, str]) -> int | None:
    """The label of a requested object, given by name or label; None where it does not exist."""
    named = [label for label, name in names.items() if name == target]
    numbered = [label for label in names if str(label) == target]
    return (named + numbered + [None])[0]


def poses_message(result: GraspResult) -> Any:
    """For the topic ``grasps``."""
    return grasps.grasps_to_poses(result.grasps, result.header)


def table_message(result: GraspResult) -> Any:
    """For the topic ``grasps/table``."""
    return grasps.grasps_to_table(result.grasps, result.header)


def markers_message(result: GraspResult) -> Any:
    """For the topic ``grasps/markers``."""
    return grasps.grasps_to_markers(result.grasps, result.header)


CONVERTERS = {
    interface.GRASPS: poses_message,
    interface.GRASP_TABLE: table_message,
    interface.GRASP_MARKERS: markers_message,
}
"""Output topic to the function that makes its message of a :class:`GraspResult`."""
