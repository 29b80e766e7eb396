"""Grasp planner: from a mesh to ranked, collision-free antipodal grasps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.grasping.candidates.candidates import PlanningProblem
from gsn_perception.grasping.candidates.candidates import lattice_poses
from gsn_perception.grasping.candidates.candidates import preferred_approach
from gsn_perception.grasping.candidates.candidates import sampled_poses
from gsn_perception.grasping.candidates.contacts import pad_contacts
from gsn_perception.grasping.candidates.extrusion import extruded_points
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.collision_checker import CollisionChecker
from gsn_perception.grasping.collision.collision_checker import keep
from gsn_perception.grasping.collision.visibility import finger_visibility
from gsn_perception.grasping.collision.visibility import visible_from
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.object_surface import clamped_above
from gsn_perception.grasping.object_surface import with_confidence
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.features import features
from gsn_perception.grasping.scoring.features import friction_left
from gsn_perception.grasping.scoring.scored_grasps import ScoredGrasps
from gsn_perception.grasping.selection import select
from gsn_perception.grasping.settings import PlannerSettings


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """The result of a plan.

    Attributes:
        grasps: Best first.
        rejected: Number of rejected candidates by reason, contact pairs and poses together.
        features: [G,11] features of the grasps, columns :data:`gsn_perception.grasping.scoring.features.FEATURES`.
        tight: Whether the grasps come from the second attempt, without margins.
        extruded: Whether they were planned on the measured points extruded to the plane, because the mesh gave none.
    """

    grasps: tuple[Grasp, ...]
    rejected: Mapping[str, int]
    features: np.ndarray
    tight: bool = False
    extruded: bool = False

    @property
    def reason(self) -> str:
        """One sentence: why there is no grasp, or how many there are."""
        if self.grasps:
            found = f"{len(self.grasps)} grasps, the best scores {self.grasps[0].score:.2f}"
            found += ", on measured points extruded to the plane as the mesh gives none" if self.extruded else ""
            return found + (", none with the margins asked for" if self.tight else "")
        if not self.rejected:
            return "no grasp: no candidate was drawn"
        top = sorted(self.rejected.items(), key=lambda item: -item[1])[:3]
        return "no grasp: " + ", ".join(f"{count} {reason}" for reason, count in top)


class GraspPlanner:
    """Antipodal grasps on a mesh, collision-checked and ranked.

    Args:
        gripper: The gripper to plan for.
        settings: :class:`PlannerSettings`; the defaults otherwise.

    Poses are in the mesh's frame. Without a support plane, approaches from the camera's side are preferred. An unknown
    camera is assumed at the frame's origin, if that is outside the object.
    """

    def __init__(self, gripper: Gripper, settings: PlannerSettings | None = None) -> None:
        self.gripper = gripper
        self.settings = settings or PlannerSettings()

    def __call__(
        self, reconstruction: Reconstruction, *, scene: np.ndarray | None = None, obstacles: Sequence[Mesh] = ()
    ) -> list[Grasp]:
        """Grasps on a reconstruction, best first; empty when there is none. ``scene``, ``obstacles`` as :meth:`plan`."""
        return list(self.plan_object(reconstruction, scene=scene, obstacles=obstacles).grasps)

    def plan_scene(
        self, reconstructions: Sequence[Reconstruction], *, scene: np.ndarray | None = None
    ) -> dict[int, PlanResult]:
        """A plan on every object of one frame by label, each clear of the meshes of the others."""
        return {
            r.label: self.plan_object(r, scene=scene, obstacles=[o.mesh for o in reconstructions if o is not r])
            for r in reconstructions
        }

    def plan_object(
        self, reconstruction: Reconstruction, *, scene: np.ndarray | None = None, obstacles: Sequence[Mesh] = ()
    ) -> PlanResult:
        """A plan on a reconstruction, seen by a camera at the origin of its frame; arguments as :meth:`plan`."""
        return self.plan(
            reconstruction.mesh,
            points=reconstruction.points,
            support_plane=reconstruction.support_plane,
            viewpoint=np.zeros(3),
            scene=scene,
            obstacles=obstacles,
            label=reconstruction.label,
        )

    def plan_mesh(
        self,
        mesh: Mesh,
        *,
        points: Points | None = None,
        support_plane: Plane | None = None,
        scene: np.ndarray | None = None,
        label: int = 1,
    ) -> list[Grasp]:
        """Grasps on a mesh, best first; arguments as :meth:`plan`."""
        return list(self.plan(mesh, points=points, support_plane=support_plane, scene=scene, label=label).grasps)

    def plan(
        self,
        mesh: Mesh,
        *,
        points: Points | None = None,
        support_plane: Plane | None = None,
        viewpoint: np.ndarray | None = None,
        scene: np.ndarray | None = None,
        obstacles: Sequence[Mesh] = (),
        label: int = 1,
    ) -> PlanResult:
        """Grasps on a mesh, with the reasons for rejected candidates.

        Args:
            mesh: Closed surface, metres.
            points: Source of the mesh's confidence where the mesh has none.
            support_plane: Plane under the object, in the mesh's frame.
            viewpoint: [3] position of the camera, in the mesh's frame, metres. None: the frame's origin, if the observed
                part of the mesh (by its confidence) faces it.
            scene: [M,3] points to stay clear of, metres; points of the object itself and of the plane are ignored.
            obstacles: Meshes of other objects to stay clear of, in the same frame; parts that overlap this object are
                ignored.
            label: Of the object.

        Raises:
            InputError: the mesh has no usable surface.
        """
        mesh = with_confidence(mesh, points)
        if viewpoint is None and visible_from(mesh, np.zeros(3)):
            viewpoint = np.zeros(3)
        surface = Surface.of(mesh if support_plane is None else clamped_above(mesh, support_plane))
        preferred = preferred_approach(surface, support_plane, viewpoint)

        checker = CollisionChecker(self.gripper, self.settings, surface, support_plane, scene, obstacles)
        problem = PlanningProblem(surface, checker, preferred, viewpoint)
        result = self._planned(problem, label)
        if not result.grasps and self.settings.tight:
            tight = GraspPlanner(self.gripper, self.settings.without_margins())
            result = replace(tight._planned(problem.with_margins(tight.settings), label), tight=True)
        if result.grasps or not self.settings.extrude or points is None or support_plane is None:
            return result
        return self._on_extruded(points, support_plane, viewpoint, scene, obstacles, label) or result

    def _on_extruded(
        self,
        points: Points,
        plane: Plane,
        viewpoint: np.ndarray | None,
        scene: np.ndarray | None,
        obstacles: Sequence[Mesh],
        label: int,
    ) -> PlanResult | None:
        """The plan on the measured points extruded to the plane, None where that gives no grasp either."""
        try:
            mesh = extruded_points(points, plane)
        except InputError:
            return None
        planner = GraspPlanner(self.gripper, self.settings.for_extruded())
        found = planner.plan(
            mesh, support_plane=plane, viewpoint=viewpoint, scene=scene, obstacles=obstacles, label=label
        )
        if not found.grasps:
            return None
        return replace(found, grasps=tuple(replace(g, source="extruded") for g in found.grasps), extruded=True)

    def _planned(self, problem: PlanningProblem, label: int) -> PlanResult:
        """Lattice candidates first, then rounds of random candidates until there are enough grasps."""
        settings, gripper = self.settings, self.gripper
        rejected: Counter[str] = Counter()
        held = self._force_closure(*lattice_poses(problem, gripper, settings, rejected), problem, rejected)
        best = self._best(held)
        for number in range(settings.rounds):
            if len(best) >= min(settings.enough, settings.max_grasps):
                break
            poses, clear = sampled_poses(problem, gripper, settings, settings.seed + number, rejected)
            held = ScoredGrasps.cat([held, self._force_closure(poses, clear, problem, rejected)])
            best = self._best(held)
        low = int((held.scores < settings.score_threshold).sum())
        if low:
            rejected["scoring too low"] += low
        return PlanResult(held.grasps(best, label), dict(rejected), held.figures[best])

    def _force_closure(
        self, poses: Poses, clear: np.ndarray, problem: PlanningProblem, rejected: Counter[str]
    ) -> ScoredGrasps:
        """The candidates whose closed pads press within the friction cones, with features and scores."""
        settings, gripper, surface = self.settings, self.gripper, problem.surface
        if not len(poses):
            return ScoredGrasps(poses, np.zeros((0, len(FEATURES))), np.zeros(0), np.zeros(0))
        contacts = pad_contacts(poses, gripper, surface, tolerance=settings.pad_compliance)
        left = friction_left(contacts, poses.rotations[:, :, 1], settings.friction)
        holds = np.isfinite(contacts.width) & (left > 0)
        poses, contacts = keep(poses, holds, "slipping out of the pads", rejected), contacts.select(holds)
        figures = features(
            poses,
            contacts,
            surface,
            friction=settings.friction,
            max_width=gripper.max_width,
            preferred=problem.preferred,
            up=problem.up,
            clear=clear[holds],
            sighted=finger_visibility(poses, gripper, surface, problem.viewpoint),
        )
        return ScoredGrasps(poses, figures, settings.model(figures), contacts.width)

    def _best(self, held: ScoredGrasps) -> np.ndarray:
        """[G] rows of the grasps to return, best first."""
        settings = self.settings
        good = np.flatnonzero(held.scores >= settings.score_threshold)
        chosen = select(
            held.poses.select(good),
            held.scores[good],
            limit=settings.max_grasps,
            translation=settings.nms_translation,
            rotation=settings.nms_rotation,
        )
        return good[chosen]
