"""Collision checker of grasp candidates: support plane, object, scene points and other objects, approach included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.boxes import Blocks
from gsn_perception.grasping.collision.collision import hits_blocks
from gsn_perception.grasping.collision.collision import retreat_from_plane
from gsn_perception.grasping.collision.collision import scene_nearby
from gsn_perception.grasping.collision.collision import triangles_nearby
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.settings import PlannerSettings

_CLOSER = (0.0032, 0.0054, 0.0076)  # metres to the object, tested for the feature ``clear``
_RETREAT = 0.04  # metres: longest retreat from the plane; contacts are computed afterwards
_CELL = 0.003  # metres between kept scene points


class CollisionChecker:
    """The object, its support and the scene as obstacles for a gripper.

    Args:
        gripper: Its boxes are used.
        settings: Margins and the length of the approach.
        surface: The object.
        plane: Its support plane, or None.
        scene: [M,3] points to stay clear of, or None.
        obstacles: Meshes of other objects.
    """

    def __init__(
        self,
        gripper: Gripper,
        settings: PlannerSettings,
        surface: Surface,
        plane: Plane | None,
        scene: np.ndarray | None,
        obstacles: Sequence[Mesh] = (),
    ) -> None:
        self.plane = plane
        self._gripper, self._settings = gripper, settings
        self._object = Blocks.of(surface.mesh.triangles)
        self._around: dict[str, Blocks] = {}
        reach = surface.radius + gripper.reach + settings.standoff
        if scene is not None:
            near = scene_nearby(scene, surface, plane, reach=reach, own=settings.own_points, cell=_CELL)
            self._around["hitting the scene"] = Blocks.of(near[:, None])
        if obstacles:
            triangles = triangles_nearby(obstacles, surface, reach=reach, own=settings.own_points)
            self._around["hitting another object"] = Blocks.of(triangles)

    def first_free(self, poses: Poses, contact_widths: np.ndarray, rejected: Counter[str]) -> Poses:
        """The candidates that are free of collisions, each at its widest free opening.

        Args:
            poses: P candidates.
            contact_widths: [P] distances between their contacts, metres.
            rejected: Counts the other candidates by the reason at the narrowest opening.
        """
        settings, gripper = self._settings, self._gripper
        least = 2 * settings.margin + 0.001
        found: list[Poses] = []
        for number, room in enumerate(settings.openings):
            widths = np.minimum(contact_widths + max(2 * room, least), gripper.max_width)
            counts: Counter[str] = Counter()
            free, rows = self._free(replace(poses, widths=widths), counts)
            found.append(free)
            if number == len(settings.openings) - 1:
                rejected.update(counts)
            rest = np.ones(len(poses), dtype=bool)
            rest[rows] = False
            poses, contact_widths = poses.select(rest), contact_widths[rest]
        return found[0] if len(found) == 1 else Poses.cat(found)

    def clear(self, poses: Poses) -> np.ndarray:
        """[P] share of the distances ``_CLOSER`` at which a candidate is free of the object, for any margin."""
        share = np.zeros(len(poses))
        alive = np.arange(len(poses))
        for closer in _CLOSER:
            hit = self._hits(poses.select(alive), self._object, closer)
            alive = alive[~hit]
            share[alive] += 1 / len(_CLOSER)
        return share

    def _free(self, poses: Poses, counts: Counter[str]) -> tuple[Poses, np.ndarray]:
        """The poses clear of the support plane, the object and the scene, approach included, and their rows."""
        settings = self._settings
        rows = np.arange(len(poses))
        if self.plane is not None:
            poses, clear = retreat_from_plane(
                poses,
                self._gripper,
                self.plane,
                clearance=settings.support_clearance,
                approach=settings.standoff,
                limit=_RETREAT,
            )
            poses, rows = keep(poses, clear, "hitting the support plane", counts), rows[clear]
        free = ~self._hits(poses, self._object, settings.margin)
        poses, rows = keep(poses, free, "hitting the object", counts), rows[free]
        for reason, blocks in self._around.items():
            if len(poses) and len(blocks.corners):
                free = ~self._hits(poses, blocks, settings.scene_margin)
                poses, rows = keep(poses, free, reason, counts), rows[free]
        return poses, rows

    def _hits(self, poses: Poses, blocks: Blocks, margin: float) -> np.ndarray:
        return hits_blocks(poses, self._gripper, blocks, margin=margin, approach=self._settings.standoff)


def keep(poses: Poses, wanted: np.ndarray, reason: str, rejected: Counter[str]) -> Poses:
    """The poses where ``wanted`` [P] is true; the others are counted as rejected."""
    if not wanted.all():
        rejected[reason] += int((~wanted).sum())
    return poses.select(wanted)
