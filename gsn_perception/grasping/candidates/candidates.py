"""Candidate grasp poses on an object: contact pairs, approach sweep, reachability and collision checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.grasping.candidates.lattice import lattice_pairs
from gsn_perception.grasping.candidates.sampling import ContactPairs
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.candidates.sampling import sample_pairs
from gsn_perception.grasping.candidates.sampling import sweep_poses
from gsn_perception.grasping.collision.collision_checker import CollisionChecker
from gsn_perception.grasping.collision.collision_checker import keep
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.settings import PlannerSettings


@dataclass(frozen=True, slots=True, eq=False)
class PlanningProblem:
    """The input of a plan: the object, its obstacles, the preferred approach and the camera position, where known.

    Attributes:
        surface: The object.
        checker: Collision checks against the object, its support and the scene.
        preferred: [3] unit approach to try first, or None.
        viewpoint: [3] position of the camera, metres, or None.
    """

    surface: Surface
    checker: CollisionChecker
    preferred: np.ndarray | None
    viewpoint: np.ndarray | None

    @property
    def up(self) -> np.ndarray | None:
        """[3] unit normal of the support plane."""
        return None if self.checker.plane is None else self.checker.plane.normal


def preferred_approach(surface: Surface, plane: Plane | None, viewpoint: np.ndarray | None) -> np.ndarray | None:
    """The approach [3] to try first: down onto the plane, else along the camera's line of sight, else None."""
    if plane is not None:
        return -plane.normal
    sight = surface.center - (np.zeros(3) if viewpoint is None else viewpoint)
    distance = float(np.linalg.norm(sight))
    return sight / distance if distance > 1.5 * surface.radius else None


def lattice_poses(
    problem: PlanningProblem, gripper: Gripper, settings: PlannerSettings, rejected: Counter[str]
) -> Poses:
    """Candidates of the lattice, which repeat between frames; empty where the preferred approach is not known."""
    if problem.preferred is None or not settings.lattice_approaches:
        return Poses.of(np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros(0))
    pairs, fallen = lattice_pairs(
        problem.surface, gripper, axis=-problem.preferred, friction=settings.friction, clearance=_clearance(settings)
    )
    rejected.update(fallen)
    return _swept(pairs, settings.lattice_approaches, problem, gripper, settings, rejected)


def sampled_poses(
    problem: PlanningProblem, gripper: Gripper, settings: PlannerSettings, seed: int, rejected: Counter[str]
) -> Poses:
    """Candidates of one round of random surface points."""
    pairs, fallen = sample_pairs(
        problem.surface,
        gripper,
        count=settings.num_candidates,
        friction=settings.friction,
        clearance=_clearance(settings),
        seed=seed,
        up=problem.up,
    )
    rejected.update(fallen)
    return _swept(pairs, settings.approaches, problem, gripper, settings, rejected)


def _clearance(settings: PlannerSettings) -> float:
    """Free opening beside the object, metres, sum of both sides."""
    return 2 * settings.margin + 0.001


def _swept(
    pairs: ContactPairs,
    steps: int,
    problem: PlanningProblem,
    gripper: Gripper,
    settings: PlannerSettings,
    rejected: Counter[str],
) -> Poses:
    """Approaches to the pairs that are reachable and free of collisions."""
    poses = sweep_poses(
        pairs,
        gripper,
        preferred=problem.preferred,
        half_range=np.pi if problem.up is None else np.pi / 2,
        steps=steps,
        spare=2 * settings.openings[0],
    )
    poses = _reachable(poses, problem.preferred, settings, rejected)
    return problem.checker.first_free(poses, pairs.widths[poses.pairs], rejected)


def _reachable(poses: Poses, preferred: np.ndarray | None, settings: PlannerSettings, rejected: Counter[str]) -> Poses:
    """The poses within the approach cone and the workspace."""
    if preferred is not None and settings.approach_cone < np.pi:
        inside = poses.rotations[:, :, 2] @ preferred >= np.cos(settings.approach_cone)
        poses = keep(poses, inside, "outside the approach cone", rejected)
    lower = -np.inf if settings.workspace_min is None else np.array(settings.workspace_min)
    upper = np.inf if settings.workspace_max is None else np.array(settings.workspace_max)
    inside = np.all((poses.centers >= lower) & (poses.centers <= upper), axis=1)
    return keep(poses, inside, "outside the workspace", rejected)
