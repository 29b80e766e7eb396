"""The compared grasp methods: each takes a trial and returns grasps in the world frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gsn_perception.evaluation.grasps.planners.baselines import random_antipodal
from gsn_perception.evaluation.grasps.planners.baselines import top_down
from gsn_perception.evaluation.grasps.planners.baselines import visible_points
from gsn_perception.evaluation.grasps.planners.method_context import MethodContext
from gsn_perception.evaluation.grasps.planners.method_context import Plan
from gsn_perception.evaluation.grasps.trials import Trial
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.grasping import PlanResult
from gsn_perception.grasping.candidates.extrusion import extruded_mesh
from gsn_perception.segmentation import fit_support_plane

TABLE = Plane(np.array([0, 0, 1.0]), 0.0)
CEILING, RGBD, RGB, EXTRUDED, TOP_DOWN, RANDOM = (
    "true mesh",
    "RGB-D",
    "RGB and plane",
    "visible points extruded",
    "top-down",
    "random antipodal",
)


def on_true_mesh(trial: Trial, context: MethodContext) -> Plan:
    """The planner on the true mesh and table."""
    return _plan_of(context.planner.plan(trial.resting.mesh, support_plane=TABLE), np.eye(4))


def from_rgbd(trial: Trial, context: MethodContext) -> Plan:
    """The pipeline on colour and measured depth; it finds the table itself."""
    return _reconstructed(trial, context, trial.observation)


def from_rgb(trial: Trial, context: MethodContext) -> Plan:
    """The pipeline on colour alone with the true support plane."""
    plane = trial.scene.support_plane(trial.camera)
    return _reconstructed(trial, context, replace(trial.observation, depth=None, support_plane=plane))


def on_extruded(trial: Trial, context: MethodContext) -> Plan:
    """The planner on the measured points extruded down to the table that the depth shows."""
    points, plane = _measured(trial)
    mesh = extruded_mesh(points, plane)
    scene = trial.observation.measured_points()
    found = context.planner.plan(mesh, support_plane=plane, viewpoint=np.zeros(3), scene=scene)
    return _plan_of(found, trial.camera.world_from_camera)


def top_down_box(trial: Trial, context: MethodContext) -> Plan:
    """A grasp from above along the shortest side of the visible bounding box."""
    points, plane = _measured(trial)
    return _world([top_down(points, plane, context.gripper)], trial)


def random_pair(trial: Trial, context: MethodContext) -> Plan:
    """A random antipodal pair of the reconstruction with a random approach from above, without checks."""
    result = _reconstruction(context, trial.observation)
    plane = result.support_plane
    seed = context.seed + 97 * trial.index + trial.resting.index
    friction = context.planner.settings.friction
    return _world([random_antipodal(result.mesh, plane, context.gripper, friction=friction, seed=seed)], trial)


METHODS: dict[str, Callable[[Trial, MethodContext], Plan]] = {
    CEILING: on_true_mesh,
    RGBD: from_rgbd,
    RANDOM: random_pair,
    RGB: from_rgb,
    EXTRUDED: on_extruded,
    TOP_DOWN: top_down_box,
}


def answer(method: str, trial: Trial, context: MethodContext) -> Plan:
    """The result of a method in a trial; a refusal gives no grasps and the reason."""
    began = time.perf_counter()
    try:
        plan = METHODS[method](trial, context)
    except InputError as error:
        plan = Plan((), str(error))
    return replace(plan, figures={**plan.figures, "seconds": time.perf_counter() - began})


def _reconstruction(context: MethodContext, observation: Observation) -> Reconstruction:
    (result,) = context.reconstructed(observation)
    if isinstance(result, Refusal):
        raise InputError(result.reason)
    return result


def _reconstructed(trial: Trial, context: MethodContext, observation: Observation) -> Plan:
    result = _reconstruction(context, observation)
    began = time.perf_counter()
    found = context.planner.plan_object(result, scene=observation.measured_points())
    planning = time.perf_counter() - began
    truth = trial.scene.mesh(1, trial.camera).vertices
    centre = (truth.min(axis=0) + truth.max(axis=0)) / 2
    place = result.T_camera_object[:3, 3]
    ratio = float(place @ place / (place @ centre))
    figures = {"scale_ratio": ratio, "scale_sigma": result.scale_sigma / result.scale, "planning": planning}
    return replace(_plan_of(found, trial.camera.world_from_camera), figures=figures)


def _measured(trial: Trial) -> tuple[np.ndarray, Plane]:
    observation = trial.observation
    assert observation.depth is not None
    assert observation.mask is not None
    plane = fit_support_plane(observation.depth, observation.camera, observation.mask)
    return visible_points(observation), plane


def _plan_of(result: PlanResult, T_world_frame: np.ndarray) -> Plan:
    grasps = tuple(grasp.transform(T_world_frame) for grasp in result.grasps)
    return Plan(grasps, result.reason, features=tuple(tuple(map(float, row)) for row in result.features))


def _world(grasps: list[Grasp | None], trial: Trial) -> Plan:
    found = tuple(grasp.transform(trial.camera.world_from_camera) for grasp in grasps if grasp is not None)
    return Plan(found, f"{len(found)} grasps" if found else "no grasp: nothing fits between the fingers")
