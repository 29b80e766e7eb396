"""Candidate grasp poses on an object: contact pairs, approach sweep, reachability and collision checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Plane
from gsn_perception.grasping.candidates.lattice import through_lattice
from gsn_perception.grasping.candidates.sampling import OpposedPairs
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.candidates.sampling import across_surface
from gsn_perception.grasping.candidates.sampling import no_pairs
from gsn_perception.grasping.candidates.sweep import sweep_poses
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
        found: Contact pairs by the seed of their round, None for the lattice; a second attempt finds them here.
    """

    surface: Surface
    checker: CollisionChecker
    preferred: np.ndarray | None
    viewpoint: np.ndarray | None
    found: dict[int | None, OpposedPairs | None] = field(default_factory=dict)

    @property
    def up(self) -> np.ndarray | None:
        """[3] unit normal of the support plane."""
        return None if self.checker.plane is None else self.checker.plane.normal

    def with_margins(self, settings: PlannerSettings) -> PlanningProblem:
        """The same problem for settings that differ in margins only; the contact pairs are shared."""
        return replace(self, checker=self.checker.with_margins(settings))


def preferred_approach(surface: Surface, plane: Plane | None, viewpoint: np.ndarray | None) -> np.ndarray | None:
    """The approach [3] to try first: down onto the plane, else along the camera's line of sight, else None."""
    if plane is not None:
        return -plane.normal
    sight = surface.center - (np.zeros(3) if viewpoint is None else viewpoint)
    distance = float(np.linalg.norm(sight))
    return sight / distance if distance > 1.5 * surface.radius else None


def lattice_poses(
    problem: PlanningProblem, gripper: Gripper, settings: PlannerSettings, rejected: Counter[str]
) -> tuple[Poses, np.ndarray]:
    """Candidates of the lattice, which repeat between frames, and [P] their feature ``clear``.

    Empty where the preferred approach is not known.
    """
    if problem.preferred is None or not settings.lattice_approaches:
        return Poses.of(np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros(0)), np.zeros(0)
    if None not in problem.found:
        problem.found[None] = through_lattice(problem.surface, -problem.preferred)
    return _swept(problem.found[None], settings.lattice_approaches, problem, gripper, settings, rejected)


def sampled_poses(
    problem: PlanningProblem, gripper: Gripper, settings: PlannerSettings, seed: int, rejected: Counter[str]
) -> tuple[Poses, np.ndarray]:
    """Candidates of one round of random surface points, and [P] their feature ``clear``."""
    if seed not in problem.found:
        problem.found[seed] = across_surface(
            problem.surface, count=settings.num_candidates, friction=settings.friction, seed=seed, up=problem.up
        )
    return _swept(problem.found[seed], settings.approaches, problem, gripper, settings, rejected)


def _clearance(settings: PlannerSettings) -> float:
    """Free opening beside the object, metres, sum of both sides."""
    return 2 * settings.margin + 0.001


def _swept(
    found: OpposedPairs | None,
    steps: int,
    problem: PlanningProblem,
    gripper: Gripper,
    settings: PlannerSettings,
    rejected: Counter[str],
) -> tuple[Poses, np.ndarray]:
    """Approaches to the pairs that are reachable and free of collisions, and their feature ``clear``."""
    if found is None:
        pairs, fallen = no_pairs(), Counter({"lying flat": settings.num_candidates})
    else:
        pairs, fallen = found.fitting(gripper, friction=settings.friction, clearance=_clearance(settings))
    rejected.update(fallen)
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
