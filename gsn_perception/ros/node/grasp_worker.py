"""The work of the grasp node: reconstruction messages and scene in, ranked grasps out."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from std_msgs.msg import Header

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Remark
from gsn_perception.ros.messages import gaussians
from gsn_perception.ros.messages import grasps
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages import plane
from gsn_perception.ros.parameters.nodes import GraspSettings

if TYPE_CHECKING:
    from gsn_perception.grasping.planner import GraspPlanner
    from gsn_perception.grasping.planner import PlanResult
    from gsn_perception.ros.transforms.scene_cloud import Scene


@dataclass(frozen=True, slots=True, eq=False)
class GraspTask:
    """Decoded inputs of one plan.

    Attributes:
        header: Of the points: the input image's stamp, the frame everything is in.
        meshes: By label, metres.
        points: By label.
        support_plane: Or None.
        scene: [M,3] metres to stay clear of, or None.
        names: Label to the name that stays with the object.
    """

    header: Header
    meshes: Mapping[int, Mesh]
    points: Mapping[int, Points]
    support_plane: Plane | None
    scene: np.ndarray | None = None
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class GraspResult:
    """What is published about one plan.

    Attributes:
        header: The task's.
        grasps: Of all objects, best first.
        reasons: Label to one sentence: how many grasps, or why none.
        planned: Whether planning ran through for every object.
        remarks: What is doubtful about the grasps, by label.
        names: Of all objects of the frame, label to the name that stays with the object.
        unknown: One sentence where an object was asked for that is not there.
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
        """What it holds about one object, by name or label; all of it for an empty ``target``."""
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


def decode(messages: Mapping[str, Any], scene: Scene, settings: GraspSettings) -> GraspTask:
    """The task of one set of ``points``, ``mesh`` and ``support_plane``, and the newest scene cloud.

    ``mesh`` may be a MarkerArray, one serialised, or what was read from it.

    Raises:
        InputError: a message is damaged, frames disagree, or the scene can't be used.
    """
    header = messages["points"].header
    frames = {header.frame_id, messages["support_plane"].header.frame_id}
    found = messages["mesh"] if isinstance(messages["mesh"], list) else markers.read_markers(messages["mesh"])
    frames |= {marker.header.frame_id for marker in found}
    if len(frames) > 1:
        raise InputError(f"points, mesh and support_plane are in different frames ({', '.join(sorted(frames))})")
    return GraspTask(
        header=header,
        meshes=meshes.markers_to_meshes(found),
        points=gaussians.cloud_to_points(messages["points"]),
        support_plane=plane.polygon_to_plane(messages["support_plane"]),
        scene=scene.positions(header, settings.scene_max_age),
        names=meshes.markers_to_ids(found),
    )


def label_of(target: str, names: Mapping[int, str]) -> int | None:
    """The label of an object asked for by name or label; None where there is none."""
    named = [label for label, name in names.items() if name == target]
    numbered = [label for label in names if str(label) == target]
    return (named + numbered + [None])[0]


def plan(
    task: GraspTask,
    planner: GraspPlanner,
    targets: Sequence[str] = ("",),
    on_progress: Callable[[int, int], None] = lambda done, wanted: None,
) -> GraspResult:
    """Grasps on the objects asked for, each keeping clear of all others; best first over all objects.

    An object that can't be planned on gives its reason beside the others.

    Args:
        task: Decoded.
        planner: With its gripper.
        targets: Names or labels of objects; one that is empty asks for all. What is not there is left out.
        on_progress: Called before each object and at the end with how many are done of how many.
    """
    found: list[Grasp] = []
    reasons: dict[int, str] = {}
    planned = True
    remarks: dict[int, Remark] = {}
    wanted = {label_of(target, task.names) for target in targets}
    chosen = [label for label in task.meshes if "" in targets or label in wanted]
    for number, label in enumerate(chosen):
        on_progress(number, len(chosen))
        try:
            result = planner.plan(
                task.meshes[label],
                points=task.points.get(label),
                support_plane=task.support_plane,
                scene=task.scene,
                obstacles=[other for key, other in task.meshes.items() if key != label],
                label=label,
            )
        except InputError as error:
            reasons[label], planned = str(error), False
            continue
        found += result.grasps
        reasons[label] = _told(result, task.header.frame_id)
        if result.extruded:
            remarks[label] = _extruded(label)
    on_progress(len(chosen), len(chosen))
    found.sort(key=lambda grasp: -grasp.score)
    return GraspResult(
        task.header, tuple(found), reasons, planned, remarks, task.names, support_plane=task.support_plane
    )


def _extruded(label: int) -> Remark:
    text = (
        f"the mesh of object {label} gives no grasp; its grasps were planned on the measured points extruded to the support "
        "plane, and hold less often; look from another side"
    )
    return Remark("extruded_grasps", text)


def make_planner(settings: GraspSettings) -> GraspPlanner:
    """The planner the parameters describe.

    Raises:
        InputError: there is no such gripper.
    """
    from gsn_perception.grasping.planner import GraspPlanner

    return GraspPlanner(settings.gripper(), settings.planner())


def warm_up(planner: GraspPlanner) -> None:
    """Plan once on a small box, so that the first object does not wait for compilers and caches."""
    low, high = np.array([-0.02, -0.02, 0.4]), np.array([0.02, 0.02, 0.44])
    bits = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [(q[0], q[i], q[i + 1]) for q in quads for i in (1, 2)]
    planner.plan(Mesh(np.where(bits, high, low), np.array(faces)))


def poses_message(result: GraspResult) -> Any:
    """For the topic ``grasps``."""
    return grasps.grasps_to_poses(result.grasps, result.header)


def table_message(result: GraspResult) -> Any:
    """For the topic ``grasps/table``."""
    return grasps.grasps_to_table(result.grasps, result.header)


def markers_message(result: GraspResult) -> Any:
    """For the topic ``grasps/markers``."""
    return grasps.grasps_to_markers(result.grasps, result.header)


def _told(result: PlanResult, frame_id: str) -> str:
    """The planner's reason, with the frame that the workspace is in where that keeps grasps away."""
    if result.grasps or "workspace" not in result.reason:
        return result.reason
    return f"{result.reason}; workspace_min and workspace_max are in frame {frame_id!r}"
