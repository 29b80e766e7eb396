"""The five questions about growth: objects, candidates, triangles, resolution, image size."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import partial
from typing import Any
from typing import Protocol

import numpy as np

from gsn_perception.evaluation.views.cases import on_table
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings

Work = Callable[[], object]
IMAGE_SIZES = ((426, 240), (640, 360), (854, 480), (1280, 720), (1920, 1080))
_GRIPPER = "panda"
_LENGTH = 0.08  # of every object in the scene with many
_FINE = 192  # cells along an edge: enough for 100,000 triangles


class Pipeline(Protocol):
    """What is timed; :class:`gsn_perception.Reconstructor` has it."""

    settings: Any

    def __call__(self, observation: Observation) -> list[Reconstruction | Refusal]:
        """Every object of a frame."""
        ...

    def splats(self, observation: Observation) -> list[Any]:
        """Every object before its skin."""
        ...

    def mesh_of(self, observation: Observation, item: Any) -> Mesh:
        """The mesh of one of them."""
        ...

    def with_settings(self, settings: Any) -> Pipeline:
        """The same weights with other settings."""
        ...


@dataclass(frozen=True, slots=True)
class Panel:
    """One question: work on inputs of growing size.

    Attributes:
        axis: What grows, with its unit.
        work: Name of a curve to its (size, work), sizes ascending.
    """

    axis: str
    work: dict[str, list[tuple[float, Work]]]


def objects_panel(pipeline: Pipeline, counts: Sequence[int], seed: int) -> Panel:
    """Image to grasps with 1 to 8 objects in a 640x480 image: the first objects of one scene, seen by one camera.

    Raises:
        InputError: an object of the scene was refused.
    """
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop
    from gsn_perception.scenes.views import tabletop_camera

    items = [random_object(10 * seed + number) for number in range(max(counts))]
    scaled = [item.scaled(_LENGTH / float(item.extent.max())) for item in items]
    scene, _ = random_tabletop(scaled, seed, len(scaled))
    rng = np.random.default_rng(seed)
    camera = tabletop_camera(rng, target=scene.centre, distance=(0.8, 0.8), elevation=(50.0, 50.0))
    planner = GraspPlanner(Gripper.named(_GRIPPER))
    work: list[tuple[float, Work]] = []
    for count in counts:
        shown = replace(scene, placed=scene.placed[:count], _caster=[])
        frame = replace(shown.observe(camera, sensor=DepthSensor(), seed=seed), support_plane=None)
        if len(_made(pipeline(frame))) != count:
            raise InputError(f"the scene shows fewer than {count} objects to the camera; choose another --seed")
        work.append((float(count), partial(_image_to_grasps, pipeline, planner, frame)))
    return Panel("objects", {"image to grasps": work})


def candidates_panel(pipeline: Pipeline, counts: Sequence[int], seed: int) -> Panel:
    """Grasps on one mesh from 128 to 8192 random points in one round, without the lattice."""
    made = _made(pipeline(_frame(seed)))[0]
    work: list[tuple[float, Work]] = []
    for count in counts:
        settings = PlannerSettings(num_candidates=count, lattice_approaches=0, rounds=1)
        planner = GraspPlanner(Gripper.named(_GRIPPER), settings)
        work.append((float(count), partial(planner.plan_object, made)))
    return Panel("candidates", {"mesh to grasps": work})


def triangles_panel(pipeline: Pipeline, budgets: Sequence[int], seed: int) -> Panel:
    """The mesh at resolution 192 reduced to 5,000 to 100,000 triangles, and grasps on it."""
    frame, planner = _frame(seed), GraspPlanner(Gripper.named(_GRIPPER))
    item = _first_splat(pipeline, frame)
    meshing: list[tuple[float, Work]] = []
    planning: list[tuple[float, Work]] = []
    for budget in budgets:
        finer = replace(pipeline.settings, mesh_resolution=_FINE, mesh_max_triangles=budget)
        maker = pipeline.with_settings(finer)
        mesh = maker.mesh_of(frame, item)
        size = float(len(mesh.faces))
        if meshing and size < 1.05 * meshing[-1][0]:
            raise InputError(f"the object's mesh has only {size:.0f} triangles; choose another --seed")
        meshing.append((size, partial(maker.mesh_of, frame, item)))
        planning.append((size, partial(planner.plan_mesh, mesh)))
    return Panel("triangles", {f"splat to mesh at {_FINE}": meshing, "mesh to grasps": planning})


def resolution_panel(pipeline: Pipeline, resolutions: Sequence[int], seed: int) -> Panel:
    """Splat and depth to a mesh of at most 20,000 triangles with 32 to 192 cells along an edge."""
    frame = _frame(seed)
    item = _first_splat(pipeline, frame)
    work: list[tuple[float, Work]] = []
    for resolution in resolutions:
        maker = pipeline.with_settings(replace(pipeline.settings, mesh_resolution=resolution))
        work.append((float(resolution), partial(maker.mesh_of, frame, item)))
    return Panel("cells along an edge", {"splat to mesh": work})


def image_panel(pipeline: Pipeline, sizes: Sequence[tuple[int, int]], seed: int) -> Panel:
    """Image to grasps of one object; the same view in 240p to 1080p."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop
    from gsn_perception.scenes.views import tabletop_camera

    item = random_object(seed)
    scene, _ = random_tabletop([item.scaled(0.12 / float(item.extent.max()))], seed, 1)
    largest = IMAGE_SIZES[-1]
    rng = np.random.default_rng(seed)
    camera = tabletop_camera(rng, target=scene.centre, width=largest[0], height=largest[1])
    planner = GraspPlanner(Gripper.named(_GRIPPER))
    work: list[tuple[float, Work]] = []
    for width, height in sizes:
        seen = scene.observe(camera.resized(width, height), sensor=DepthSensor(), seed=seed, supersample=1)
        frame = replace(seen, support_plane=None)
        work.append((width * height / 1e6, partial(_image_to_grasps, pipeline, planner, frame)))
    return Panel("megapixels", {"image to grasps": work})


def _image_to_grasps(pipeline: Pipeline, planner: GraspPlanner, frame: Observation) -> object:
    return planner.plan_scene(_made(pipeline(frame)), scene=frame.measured_points())


def _frame(seed: int) -> Observation:
    return replace(on_table(seed), support_plane=None)


def _first_splat(pipeline: Pipeline, frame: Observation) -> Any:
    (item, *_) = pipeline.splats(frame)
    if isinstance(item, Refusal):
        raise InputError(f"the object was refused: {item.reason}; choose another --seed")
    return item


def _made(results: Sequence[Reconstruction | Refusal]) -> list[Reconstruction]:
    for result in results:
        if isinstance(result, Refusal):
            raise InputError(f"object {result.label} was refused: {result.reason}; choose another --seed")
    return [result for result in results if isinstance(result, Reconstruction)]
