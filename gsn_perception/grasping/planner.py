"""From a mesh to ranked grasps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping.contacts import pad_contacts
from gsn_perception.grasping.features import FEATURES
from gsn_perception.grasping.features import features
from gsn_perception.grasping.free_room import FreeRoom
from gsn_perception.grasping.free_room import keep
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.sampling import Poses
from gsn_perception.grasping.sampling import sample_pairs
from gsn_perception.grasping.sampling import sweep_poses
from gsn_perception.grasping.selection import select
from gsn_perception.grasping.settings import PlannerSettings
from gsn_perception.grasping.surface import Surface
from gsn_perception.grasping.surface import above
from gsn_perception.grasping.surface import with_confidence


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """What a plan came to.

    Attributes:
        grasps: Best first.
        rejected: How many candidates fell to each reason, contact pairs and poses alike.
        features: [G,8] figures behind the scores, columns :data:`gsn_perception.grasping.features.FEATURES`.
    """

    grasps: tuple[Grasp, ...]
    rejected: Mapping[str, int]
    features: np.ndarray

    @property
    def reason(self) -> str:
        """One sentence: why there is no grasp, or how many there are."""
        if self.grasps:
            return f"{len(self.grasps)} grasps, the best scores {self.grasps[0].score:.2f}"
        if not self.rejected:
            return "no grasp: no candidate was drawn"
        top = sorted(self.rejected.items(), key=lambda item: -item[1])[:3]
        return "no grasp: " + ", ".join(f"{count} {reason}" for reason, count in top)


class GraspPlanner:
    """Antipodal grasps on a mesh, collision-checked and ranked.

    Args:
        gripper: The gripper to plan for.
        settings: :class:`PlannerSettings`; the defaults otherwise.

    Poses are in the mesh's frame. Where this is a camera's optical frame and the camera is outside of the object,
    approaches from the camera's side are preferred when no support plane is known.
    """

    def __init__(self, gripper: Gripper, settings: PlannerSettings | None = None) -> None:
        self.gripper = gripper
        self.settings = settings or PlannerSettings()

    def __call__(
        self, reconstruction: Reconstruction, *, scene: np.ndarray | None = None, obstacles: Sequence[Mesh] = ()
    ) -> list[Grasp]:
        """Grasps on a reconstruction, best first; empty when there is none. ``scene``, ``obstacles`` as :meth:`plan`."""
        return list(self._plan_on(reconstruction, scene, obstacles).grasps)

    def plan_scene(
        self, reconstructions: Sequence[Reconstruction], *, scene: np.ndarray | None = None
    ) -> dict[int, PlanResult]:
        """A plan on every object of one frame by label, each clear of the meshes of the others."""
        return {
            r.label: self._plan_on(r, scene, [other.mesh for other in reconstructions if other is not r])
            for r in reconstructions
        }

    def _plan_on(self, r: Reconstruction, scene: np.ndarray | None, obstacles: Sequence[Mesh]) -> PlanResult:
        plane, label = r.support_plane, r.label
        return self.plan(r.mesh, points=r.points, support_plane=plane, scene=scene, obstacles=obstacles, label=label)

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
        scene: np.ndarray | None = None,
        obstacles: Sequence[Mesh] = (),
        label: int = 1,
    ) -> PlanResult:
        """Grasps on a mesh with the reasons for what was rejected.

        Args:
            mesh: Closed surface, metres.
            points: Give the mesh's confidence where it carries none.
            support_plane: What the object stands on, in the mesh's frame.
            scene: [M,3] points to stay clear of, metres; points of the object itself and of the plane do no harm.
            obstacles: Meshes of other objects to stay clear of, in the same frame; where they reach into this one
                they do no harm.
            label: Of the object.

        Raises:
            InputError: the mesh has no usable surface.
        """
        settings, gripper = self.settings, self.gripper
        mesh = with_confidence(mesh, points)
        surface = Surface.of(mesh if support_plane is None else above(mesh, support_plane))
        preferred = preferred_approach(surface, support_plane)
        room = FreeRoom(gripper, settings, surface, support_plane, scene, obstacles)
        rejected: Counter[str] = Counter()
        found: list[_Held] = []
        for number in range(settings.rounds):
            poses = self._candidates(surface, room, preferred, settings.seed + number, rejected)
            found.append(self._holding(poses, surface, room, preferred, rejected))
            if sum(len(held.poses) for held in found) >= settings.max_grasps:
                break
        return self._ranked(_Held.cat(found), rejected, label)

    def _candidates(
        self, surface: Surface, room: FreeRoom, preferred: np.ndarray | None, seed: int, rejected: Counter[str]
    ) -> Poses:
        """A round of candidates that are free and within reach."""
        settings, gripper = self.settings, self.gripper
        pairs, fallen = sample_pairs(
            surface,
            gripper,
            count=settings.num_candidates,
            friction=settings.friction,
            clearance=2 * settings.margin + 0.001,
            seed=seed,
            up=None if room.plane is None else room.plane.normal,
        )
        rejected.update(fallen)
        poses = sweep_poses(
            pairs,
            gripper,
            preferred=preferred,
            half_range=np.pi / 2 if room.plane is not None else np.pi,
            steps=settings.approaches,
            spare=2 * settings.openings[0],
        )
        poses = self._reachable(poses, preferred, rejected)
        return room.first_free(poses, pairs.widths[poses.pairs], rejected)

    def _reachable(self, poses: Poses, preferred: np.ndarray | None, rejected: Counter[str]) -> Poses:
        """Within the approach cone and the workspace."""
        settings = self.settings
        if preferred is not None and settings.approach_cone < np.pi:
            inside = poses.rotations[:, :, 2] @ preferred >= np.cos(settings.approach_cone)
            poses = keep(poses, inside, "outside the approach cone", rejected)
        lower = -np.inf if settings.workspace_min is None else np.array(settings.workspace_min)
        upper = np.inf if settings.workspace_max is None else np.array(settings.workspace_max)
        inside = np.all((poses.centers >= lower) & (poses.centers <= upper), axis=1)
        return keep(poses, inside, "outside the workspace", rejected)

    def _holding(
        self, poses: Poses, surface: Surface, room: FreeRoom, preferred: np.ndarray | None, rejected: Counter[str]
    ) -> _Held:
        """Those whose pads, once closed, press within the friction cones."""
        settings = self.settings
        if not len(poses):
            return _Held(poses, np.zeros((0, len(FEATURES))))
        contacts = pad_contacts(poses, self.gripper, surface, tolerance=settings.pad_compliance)
        up = None if room.plane is None else room.plane.normal
        figures = features(
            poses, contacts, surface, friction=settings.friction, preferred=preferred, up=up, clear=room.clear(poses)
        )
        holds = np.isfinite(contacts.width) & (figures[:, 0] > 0)
        return _Held(keep(poses, holds, "slipping out of the pads", rejected), figures[holds])

    def _ranked(self, held: _Held, rejected: Counter[str], label: int) -> PlanResult:
        """Scored, thinned and sorted."""
        settings = self.settings
        scores = settings.model(held.figures)
        good = scores >= settings.score_threshold
        poses = keep(held.poses, good, "scoring too low", rejected)
        scores, figures = scores[good], held.figures[good]
        best = select(
            poses,
            scores,
            limit=settings.max_grasps,
            translation=settings.nms_translation,
            rotation=settings.nms_rotation,
        )
        grasps = tuple(
            Grasp(make_transform(poses.rotations[i], poses.centers[i]), float(poses.widths[i]), float(scores[i]), label)
            for i in best
        )
        return PlanResult(grasps, dict(rejected), figures[best])


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Candidates with their features [P,8]."""

    poses: Poses
    figures: np.ndarray

    @classmethod
    def cat(cls, parts: list[_Held]) -> _Held:
        return cls(Poses.cat([p.poses for p in parts]), np.concatenate([p.figures for p in parts]))


def preferred_approach(surface: Surface, plane: Plane | None) -> np.ndarray | None:
    """The approach [3] to begin with: down onto the plane, else along the camera's line of sight, else None."""
    if plane is not None:
        return -plane.normal
    distance = float(np.linalg.norm(surface.center))
    return surface.center / distance if distance > 1.5 * surface.radius else None


def pre_grasp(grasp: Grasp, standoff: float) -> Grasp:
    """The grasp drawn back along its approach by ``standoff`` metres."""
    pose = grasp.T_frame_tcp.copy()
    pose[:3, 3] -= standoff * pose[:3, 2]
    return replace(grasp, T_frame_tcp=pose)
