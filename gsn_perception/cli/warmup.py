"""Compile the kernels of reconstruction and grasp planning, and keep them on disk: no first frame waits for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from gsn_perception.geometry import Observation
    from gsn_perception.geometry import Reconstruction

Method = Literal["gaussians", "onet", "convonet", "peif"]


@dataclass(frozen=True)
class Options:
    """Options of ``gsn warmup``."""

    mesh_methods: tuple[Method, ...] = ("gaussians", "onet", "convonet", "peif")
    """Methods of surface extraction that will be used."""


def run(options: Options) -> int:
    """Reconstruct a made-up frame by every method and plan grasps on it."""
    from gsn_perception.rendering.cpu.views import blend_range

    began = time.perf_counter()
    observation = _frame()
    for method in options.mesh_methods:
        objects = _reconstructed(observation, method)
    _plan(objects, observation)
    folder = Path(blend_range.stats.cache_path or ".")
    place = "beside their source files" if folder.name == "__pycache__" else f"below {folder.parent}"
    print(f"kernels compiled in {time.perf_counter() - began:.1f} s, kept {place}")
    return 0


def _frame() -> Observation:
    """Two objects on a table with the depth of a sensor."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    items = [random_object(number, family) for number, family in enumerate(("carton", "mug"))]
    scene, camera = random_tabletop([item.scaled(0.1 / float(item.extent.max())) for item in items], 0, 2)
    return scene.observe(camera, sensor=DepthSensor(), supersample=1)


def _reconstructed(observation: Observation, method: Method) -> list[Reconstruction]:
    """With the given mask, then without a mask, so that masks are cleaned and found."""
    from gsn_perception.geometry import Reconstruction
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.pipeline import ReconstructorSettings

    settings = ReconstructorSettings(mesh_method=method, refine_ms=1000, refine_steps=1)
    reconstructor = Reconstructor.from_pretrained(settings=settings, device="cpu")
    results = reconstructor(observation) + reconstructor(replace(observation, mask=None, support_plane=None))
    return [result for result in results if isinstance(result, Reconstruction)]


def _plan(objects: list[Reconstruction], observation: Observation) -> None:
    """With and without plane, points of the scene and neighbours; and on extruded points, as where the mesh has no grasp."""
    from gsn_perception.geometry.gaussians import cat
    from gsn_perception.grasping import GraspPlanner
    from gsn_perception.grasping import Gripper
    from gsn_perception.grasping import PlannerSettings
    from gsn_perception.grasping.candidates.extrusion import extruded_points
    from gsn_perception.rendering import render_rgba

    planner = GraspPlanner(Gripper.named("panda"), PlannerSettings())
    drawing = GraspPlanner(planner.gripper, PlannerSettings(enough=1000, max_grasps=1000))  # random candidates, too
    planner.plan_scene(objects, scene=observation.measured_points())
    drawing.plan_scene(objects[:1], scene=observation.measured_points())
    for item in objects[:1]:
        planner.plan(item.mesh)
        if item.support_plane is not None:
            planner.plan(extruded_points(item.points, item.support_plane), support_plane=item.support_plane)
    render_rgba(cat([item.gaussians for item in objects]), observation.camera)
