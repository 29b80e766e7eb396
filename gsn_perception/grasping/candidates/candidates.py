"""Candidate poses on an object, free and within reach."""

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
from gsn_perception.grasping.collision.free_room import FreeRoom
from gsn_perception.grasping.collision.free_room import keep
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.settings import PlannerSettings


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be grasped, what is around it, and how it was seen and is best approached, where that is known.

    Attributes:
        surface: The object.
        room: It, its support and the scene as obstacles.
        preferred: [3] unit approach to begin with, or None.
        viewpoint: [3] where the camera was, metres, or None.
    """

    surface: Surface
    room: FreeRoom
    preferred: np.ndarray | None
    viewpoint: np.ndarray | None

    @property
    def up(self) -> np.ndarray | None:
        """[3] unit normal of the support plane."""
        return None if self.room.plane is None else self.room.plane.normal


def preferred_approach(surface: Surface, plane: Plane | None, viewpoint: np.ndarray | None) -> np.ndarray | None:
    """The approach [3] to begin with: down onto the plane, else along the camera's line of sight, else None."""
    if plane is not None:
        return -plane.normal
    sight = surface.center - (np.zeros(3) if viewpoint is None else viewpoint)
    distance = float(np.linalg.norm(sight))
    return sight / distance if distance > 1.5 * surface.radius else None


def steady_poses(task: Task, gripper: Gripper, settings: PlannerSettings, rejected: Counter[str]) -> Poses:
    """Candidates of the lattice: those that come again. None where nothing says how the object stands."""
    if task.preferred is None or not settings.lattice_approaches:
        return Poses.of(np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros(0))
    pairs, fallen = lattice_pairs(
        task.surface, gripper, axis=-task.preferred, friction=settings.friction, clearance=_clearance(settings)
    )
    rejected.update(fallen)
    return _swept(pairs, settings.lattice_approaches, task, gripper, settings, rejected)


def drawn_poses(task: Task, gripper: Gripper, settings: PlannerSettings, seed: int, rejected: Counter[str]) -> Poses:
    """Candidates of a round of random points."""
    pairs, fallen = sample_pairs(
        task.surface,
        gripper,
        count=settings.num_candidates,
        friction=settings.friction,
        clearance=_clearance(settings),
        seed=seed,
        up=task.up,
    )
    rejected.update(fallen)
    return _swept(pairs, settings.approaches, task, gripper, settings, rejected)


def _clearance(settings: PlannerSettings) -> float:
    """Room beside the object within the opening, metres in all."""
    return 2 * settings.margin + 0.001


def _swept(
    pairs: ContactPairs, steps: int, task: Task, gripper: Gripper, settings: PlannerSettings, rejected: Counter[str]
) -> Poses:
    """Approaches to the pairs that are within reach and free."""
    poses = sweep_poses(
        pairs,
        gripper,
        preferred=task.preferred,
        half_range=np.pi if task.up is None else np.pi / 2,
        steps=steps,
        spare=2 * settings.openings[0],
    )
    poses = _reachable(poses, task.preferred, settings, rejected)
    return task.room.first_free(poses, pairs.widths[poses.pairs], rejected)


def _reachable(poses: Poses, preferred: np.ndarray | None, settings: PlannerSettings, rejected: Counter[str]) -> Poses:
    """Within the approach cone and the workspace."""
    if preferred is not None and settings.approach_cone < np.pi:
        inside = poses.rotations[:, :, 2] @ preferred >= np.cos(settings.approach_cone)
        poses = keep(poses, inside, "outside the approach cone", rejected)
    lower = -np.inf if settings.workspace_min is None else np.array(settings.workspace_min)
    upper = np.inf if settings.workspace_max is None else np.array(settings.workspace_max)
    inside = np.all((poses.centers >= lower) & (poses.centers <= upper), axis=1)
    return keep(poses, inside, "outside the workspace", rejected)
