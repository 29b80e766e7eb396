"""From a mesh to ranked grasps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.grasping.collision import hits_object
from gsn_perception.grasping.collision import hits_points
from gsn_perception.grasping.collision import retreat_from_plane
from gsn_perception.grasping.collision import scene_nearby
from gsn_perception.grasping.contacts import pad_contacts
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.sampling import Poses
from gsn_perception.grasping.sampling import sample_pairs
from gsn_perception.grasping.sampling import sweep_poses
from gsn_perception.grasping.scoring import FEATURES
from gsn_perception.grasping.scoring import ScoreWeights
from gsn_perception.grasping.scoring import features
from gsn_perception.grasping.scoring import score
from gsn_perception.grasping.selection import select
from gsn_perception.grasping.surface import Surface


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """Settings of :class:`GraspPlanner`; metres and radians."""

    num_candidates: int = 512
    """Surface points from which contact pairs are cast."""
    approaches: int = 13
    """Approach directions tried per contact pair."""
    max_grasps: int = 20
    """At most this many grasps are returned."""
    score_threshold: float = 0.2
    """Grasps that score less are dropped."""
    friction: float = 0.5
    """Coulomb coefficient between pads and object."""
    approach_cone: float = float(np.pi)
    """Largest angle between the approach and straight down (support plane known) or the camera's line of sight."""
    standoff: float = 0.08
    """Length of the straight approach that must be free."""
    clearance: float = 0.005
    """Room beside the object on either side in the opening, where the gripper opens that far."""
    margin: float = 0.001
    """Least distance of the gripper to the object; twice that and 1 mm must fit beside the object."""
    support_clearance: float = 0.003
    """Least height of the gripper over the support plane."""
    scene_margin: float = 0.003
    """Least distance of the gripper to scene points."""
    own_points: float = 0.008
    """Scene points this close to the object or above the support plane belong to them."""
    pad_compliance: float = 0.0015
    """How far the pads give way in contact."""
    workspace_min: tuple[float, float, float] | None = None
    """Lower corner of the box the TCP must lie in, in the mesh's frame."""
    workspace_max: tuple[float, float, float] | None = None
    """Upper corner of that box."""
    nms_translation: float = 0.015
    """Grasps nearer than this and nearer than nms_rotation to a better one are dropped."""
    nms_rotation: float = float(np.pi / 6)
    """See nms_translation."""
    seed: int = 0
    """Of the random numbers."""
    weights: ScoreWeights = field(default_factory=ScoreWeights)
    """Of the score's features."""

    def __post_init__(self) -> None:
        for name in ("num_candidates", "approaches", "max_grasps", "friction", "approach_cone", "pad_compliance"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; give a value above zero")
        for name in ("standoff", "clearance", "margin", "support_clearance", "scene_margin", "own_points"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}; give metres, zero or more")
        if not 0 <= self.score_threshold <= 1:
            raise InputError(f"score_threshold is {self.score_threshold}; give a value from 0 to 1")


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """What a plan came to.

    Attributes:
        grasps: Best first.
        rejected: How many candidates fell to each reason, contact pairs and poses alike.
        features: [G,5] figures behind the scores, columns :data:`gsn_perception.grasping.scoring.FEATURES`.
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

    def __call__(self, reconstruction: Reconstruction, *, scene: np.ndarray | None = None) -> list[Grasp]:
        """Grasps on a reconstruction, best first; empty when there is none."""
        r = reconstruction
        return self.plan_mesh(r.mesh, points=r.points, support_plane=r.support_plane, scene=scene, label=r.label)

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
        label: int = 1,
    ) -> PlanResult:
        """Grasps on a mesh with the reasons for what was rejected.

        Args:
            mesh: Closed surface, metres.
            points: Give the mesh's confidence where it carries none.
            support_plane: What the object stands on, in the mesh's frame.
            scene: [M,3] points to stay clear of, metres; points of the object itself and of the plane do no harm.
            label: Of the object.

        Raises:
            InputError: the mesh has no usable surface.
        """
        settings, gripper = self.settings, self.gripper
        surface = Surface.of(_with_confidence(mesh, points))
        preferred = preferred_approach(surface, support_plane)
        least = 2 * settings.margin + 0.001
        pairs, rejected = sample_pairs(
            surface,
            gripper,
            count=settings.num_candidates,
            friction=settings.friction,
            clearance=least,
            seed=settings.seed,
        )
        poses = sweep_poses(
            pairs,
            gripper,
            preferred=preferred,
            half_range=np.pi / 2 if support_plane is not None else np.pi,
            steps=settings.approaches,
            spare=max(2 * settings.clearance, least),
        )
        poses = self._reachable(poses, preferred, rejected)
        poses = self._collision_free(poses, surface, support_plane, scene, rejected)
        return self._ranked(poses, surface, preferred, rejected, label)

    def _reachable(self, poses: Poses, preferred: np.ndarray | None, rejected: Counter[str]) -> Poses:
        """Within the approach cone and the workspace."""
        settings = self.settings
        if preferred is not None and settings.approach_cone < np.pi:
            inside = poses.rotations[:, :, 2] @ preferred >= np.cos(settings.approach_cone)
            poses = _keep(poses, inside, "outside the approach cone", rejected)
        lower = -np.inf if settings.workspace_min is None else np.array(settings.workspace_min)
        upper = np.inf if settings.workspace_max is None else np.array(settings.workspace_max)
        inside = np.all((poses.centers >= lower) & (poses.centers <= upper), axis=1)
        return _keep(poses, inside, "outside the workspace", rejected)

    def _collision_free(
        self, poses: Poses, surface: Surface, plane: Plane | None, scene: np.ndarray | None, rejected: Counter[str]
    ) -> Poses:
        """Clear of the support plane, the object and the scene, the approach included."""
        settings, gripper = self.settings, self.gripper
        way = settings.standoff
        if plane is not None:
            limit = max(gripper.tip - 0.002, 0.0)  # the tips still reach past the contact
            poses, clear = retreat_from_plane(
                poses, gripper, plane, clearance=settings.support_clearance, approach=way, limit=limit
            )
            poses = _keep(poses, clear, "hitting the support plane", rejected)
        hit = hits_object(poses, gripper, surface, margin=settings.margin, approach=way)
        poses = _keep(poses, ~hit, "hitting the object", rejected)
        if scene is not None and len(poses):
            reach = surface.radius + gripper.reach + way
            near = scene_nearby(scene, surface, plane, reach=reach, own=settings.own_points, cell=0.003)
            hit = hits_points(poses, gripper, near, margin=settings.scene_margin, approach=way)
            poses = _keep(poses, ~hit, "hitting the scene", rejected)
        return poses

    def _ranked(
        self, poses: Poses, surface: Surface, preferred: np.ndarray | None, rejected: Counter[str], label: int
    ) -> PlanResult:
        """Scored, thinned and sorted."""
        settings = self.settings
        if not len(poses):
            return PlanResult((), dict(rejected), np.zeros((0, len(FEATURES))))
        contacts = pad_contacts(poses, self.gripper, surface, tolerance=settings.pad_compliance)
        figures = features(poses, contacts, surface, friction=settings.friction, preferred=preferred)
        holds = np.isfinite(contacts.width) & (figures[:, 0] > 0)
        scores = np.where(holds, score(figures, settings.weights), 0.0)
        good = holds & (scores >= settings.score_threshold)
        for reason, bad in (("slipping out of the pads", ~holds), ("scoring too low", holds & ~good)):
            if bad.any():
                rejected[reason] += int(bad.sum())
        rows = np.flatnonzero(good)
        best = rows[
            select(
                poses.select(rows),
                scores[rows],
                limit=settings.max_grasps,
                translation=settings.nms_translation,
                rotation=settings.nms_rotation,
            )
        ]
        grasps = tuple(
            Grasp(make_transform(poses.rotations[i], poses.centers[i]), float(poses.widths[i]), float(scores[i]), label)
            for i in best
        )
        return PlanResult(grasps, dict(rejected), figures[best])


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


def _keep(poses: Poses, keep: np.ndarray, reason: str, rejected: Counter[str]) -> Poses:
    """The rows of ``keep``; the others are counted."""
    if not keep.all():
        rejected[reason] += int((~keep).sum())
    return poses.select(keep)


def _with_confidence(mesh: Mesh, points: Points | None) -> Mesh:
    """The mesh with the confidence of the nearest point at every vertex, where it has none of its own."""
    if mesh.confidence is not None or points is None or not len(points):
        return mesh
    nearest = cKDTree(points.xyz).query(mesh.vertices)[1]
    return replace(mesh, confidence=points.confidence[nearest])
