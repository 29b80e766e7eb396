"""Worker of the grasp node: decodes reconstruction messages and scene, plans and ranks grasps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.geometry import Remark
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages import plane
from gsn_perception.ros.messages.points import cloud_to_points
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.results.grasp_result import GraspResult
from gsn_perception.ros.results.grasp_result import GraspTask
from gsn_perception.ros.results.grasp_result import label_of
from gsn_perception.ros.results.shared import SharedMeshes
from gsn_perception.ros.results.shared import SharedPoints

if TYPE_CHECKING:
    from gsn_perception.grasping.planner import GraspPlanner
    from gsn_perception.grasping.planner import PlanResult
    from gsn_perception.ros.transforms.scene_cloud import SceneCloud


def decode(messages: Mapping[str, Any], scene: SceneCloud, settings: GraspSettings) -> GraspTask:
    """The inputs of a plan, from one set of ``points``, ``mesh`` and ``support_plane`` and the newest scene cloud.

    ``mesh`` is a MarkerArray, a serialised one, or the list that ``read_markers`` gives. In place of ``points`` and
    ``mesh`` the values of a reconstruction node in this process are accepted.

    Raises:
        InputError: a message is damaged, frames disagree, or the scene can't be used.
    """
    header = messages["points"].header
    frames = {header.frame_id, messages["support_plane"].header.frame_id}
    mesh, points = messages["mesh"], messages["points"]
    if not isinstance(mesh, SharedMeshes | list):
        mesh = markers.read_markers(mesh)
    frames |= {item.header.frame_id for item in ([mesh] if isinstance(mesh, SharedMeshes) else mesh)}
    if len(frames) > 1:
        raise InputError(f"points, mesh and support_plane are in different frames ({', '.join(sorted(frames))})")
    found = mesh.received() if isinstance(mesh, SharedMeshes) else meshes.markers_to_meshes(mesh)
    return GraspTask(
        header=header,
        meshes=found,
        points=points.received() if isinstance(points, SharedPoints) else cloud_to_points(points),
        support_plane=plane.polygon_to_plane(messages["support_plane"]),
        scene=scene.positions(header, settings.scene_max_age),
        names=mesh.names(found) if isinstance(mesh, SharedMeshes) else meshes.markers_to_ids(mesh),
    )


Part = Callable[[GraspResult], object]


def plan(
    task: GraspTask,
    planner: GraspPlanner,
    targets: Sequence[str] = ("",),
    on_progress: Callable[[int, int], None] = lambda done, wanted: None,
    *,
    first: str = "largest",
    on_part: Part = lambda part: None,
) -> GraspResult:
    """Grasps on the requested objects, collision-free with all others; best first over all objects.

    The objects are planned in parallel; the result does not depend on their order. An object without a plan gives its
    reason; the others are planned all the same.

    Args:
        task: Decoded.
        planner: With its gripper.
        targets: Names or labels of objects; an empty one means all. Unknown ones are left out.
        on_progress: Called at the beginning and after each object with the numbers of finished and of all objects.
        first: ``largest`` or ``nearest``: the object that is begun with.
        on_part: Called after each object but the last with the result so far, in the thread that planned it.
    """
    from gsn_perception.rendering.cpu.pool import parallel_ranges

    wanted = {label_of(target, task.names) for target in targets}
    chosen = [label for label in task.meshes if "" in targets or label in wanted]
    order = sorted(chosen, key=lambda label: _rank(task.meshes[label], first))
    plans: dict[int, PlanResult | InputError] = {}
    lock = threading.Lock()  # of the plans and the callbacks
    on_progress(0, len(chosen))

    def work(begin: int, end: int) -> None:
        for label in order[begin:end]:
            found = _planned(task, planner, label)
            with lock:
                plans[label] = found
                on_progress(len(plans), len(chosen))
                if len(plans) < len(chosen):
                    on_part(_result(task, [known for known in chosen if known in plans], plans))

    parallel_ranges(work, len(order))
    return _result(task, chosen, plans)


def _planned(task: GraspTask, planner: GraspPlanner, label: int) -> PlanResult | InputError:
    try:
        return planner.plan(
            task.meshes[label],
            points=task.points.get(label),
            support_plane=task.support_plane,
            scene=task.scene,
            obstacles=[other for key, other in task.meshes.items() if key != label],
            label=label,
        )
    except InputError as error:
        return error


def _result(task: GraspTask, labels: Sequence[int], plans: Mapping[int, PlanResult | InputError]) -> GraspResult:
    """The result for some objects, in this order."""
    found: list[Grasp] = []
    reasons: dict[int, str] = {}
    remarks: dict[int, Remark] = {}
    for label in labels:
        result = plans[label]
        if isinstance(result, InputError):
            reasons[label] = str(result)
            continue
        found += result.grasps
        reasons[label] = _reason(result, task.header.frame_id)
        if result.extruded:
            remarks[label] = _extruded_remark(label)
    planned = not any(isinstance(plans[label], InputError) for label in labels)
    found.sort(key=lambda grasp: -grasp.score)
    return GraspResult(
        task.header, tuple(found), reasons, planned, remarks, task.names, support_plane=task.support_plane
    )


def _rank(mesh: Mesh, first: str) -> float:
    """Smallest for the object to begin with: the largest by the volume of its bounding box, or the nearest to the origin."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    return float(np.linalg.norm((low + high) / 2)) if first == "nearest" else -float(np.prod(high - low))


def _extruded_remark(label: int) -> Remark:
    text = (
        f"the mesh of object {label} gives no grasp; its grasps were planned on the measured points extruded to the support "
        "plane, and hold less often; look from another side"
    )
    return Remark("extruded_grasps", text)


def make_planner(settings: GraspSettings) -> GraspPlanner:
    """The planner, by the parameters.

    Raises:
        InputError: there is no such gripper.
    """
    from gsn_perception.grasping.planner import GraspPlanner

    return GraspPlanner(settings.gripper(), settings.planner())


def warm_up(planner: GraspPlanner) -> None:
    """Plan once on a small box, so that compilation and cache misses do not delay the first object."""
    low, high = np.array([-0.02, -0.02, 0.4]), np.array([0.02, 0.02, 0.44])
    bits = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [(q[0], q[i], q[i + 1]) for q in quads for i in (1, 2)]
    corners = np.where(bits, high, low)
    points = Points(corners, np.ones((8, 3)), np.zeros((8, 3)), np.ones(8))
    planner.plan(Mesh(corners, np.array(faces)), points=points)


def _reason(result: PlanResult, frame_id: str) -> str:
    """The planner's reason, with the frame of the workspace where that excludes grasps."""
    if result.grasps or "workspace" not in result.reason:
        return result.reason
    return f"{result.reason}; workspace_min and workspace_max are in frame {frame_id!r}"
