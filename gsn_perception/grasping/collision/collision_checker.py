"""Collision checker of grasp candidates: support plane, object, scene points and other objects, approach included."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.collision import scene_nearby
from gsn_perception.grasping.collision.collision import triangles_nearby
from gsn_perception.grasping.collision.free_openings import REASONS
from gsn_perception.grasping.collision.free_openings import Distances
from gsn_perception.grasping.collision.free_openings import Obstacles
from gsn_perception.grasping.collision.free_openings import free_openings
from gsn_perception.grasping.collision.free_openings import kept_margins
from gsn_perception.grasping.collision.moving_boxes import MovingBoxes
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.settings import PlannerSettings
from gsn_perception.grasping.tree.bounding_tree import bounding_tree

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
        self._boxes = MovingBoxes.of(gripper, swept=settings.standoff)
        reach = surface.radius + gripper.reach + settings.standoff
        points, triangles = np.zeros((0, 1, 3)), np.zeros((0, 3, 3))
        if scene is not None:
            near = scene_nearby(scene, surface, plane, reach=reach, own=settings.own_points, cell=_CELL)
            points = near[:, None]
        if obstacles:
            triangles = triangles_nearby(obstacles, surface, reach=reach, own=settings.own_points)
        normal = np.zeros(0) if plane is None else np.array([*plane.normal, plane.offset], dtype=np.float64)
        self._obstacles = Obstacles(normal, surface.tree, bounding_tree(points), bounding_tree(triangles))

    def with_margins(self, settings: PlannerSettings) -> CollisionChecker:
        """The same obstacles with the margins of other settings, which agree in ``standoff`` and ``own_points``."""
        other = copy.copy(self)
        other._settings = settings
        return other

    def first_free(self, poses: Poses, contact_widths: np.ndarray, rejected: Counter[str]) -> tuple[Poses, np.ndarray]:
        """The candidates that are free of collisions, each at its widest free opening.

        Args:
            poses: P candidates.
            contact_widths: [P] distances between their contacts, metres.
            rejected: Counts the other candidates by the reason at the narrowest opening.

        Returns:
            The free candidates, those at the first opening first, and their :meth:`clear`.
        """
        settings = self._settings
        least = 2 * settings.margin + 0.001
        room = np.array([max(2 * room, least) for room in settings.openings])
        widths = np.minimum(contact_widths[:, None] + room, self._gripper.max_width)
        margins = np.sort([settings.margin, *_CLOSER])
        required = int(np.searchsorted(margins, settings.margin)) + 1
        around = np.array([settings.scene_margin])
        keep_off = Distances(margins, required, around, float(settings.support_clearance), _RETREAT)
        found = free_openings(poses, widths, self._boxes, self._obstacles, keep_off)
        for number, count in enumerate(np.bincount(found.verdict, minlength=len(REASONS))[: len(REASONS)]):
            if count:
                rejected[REASONS[number]] += int(count)
        free = np.flatnonzero(found.verdict == len(REASONS))
        free = free[np.argsort(found.number[free], kind="stable")]
        kept = replace(poses, centers=found.centers).select(free)
        share = (found.margins[free, None] > np.searchsorted(margins, _CLOSER)).mean(axis=1)
        return replace(kept, widths=widths[free, found.number[free]]), share

    def clear(self, poses: Poses) -> np.ndarray:
        """[P] share of the distances ``_CLOSER`` at which a candidate is free of the object, for any margin."""
        return kept_margins(poses, self._boxes, self._obstacles.surface, np.array(_CLOSER)) / len(_CLOSER)


def keep(poses: Poses, wanted: np.ndarray, reason: str, rejected: Counter[str]) -> Poses:
    """The poses where ``wanted`` [P] is true; the others are counted as rejected."""
    if not wanted.all():
        rejected[reason] += int((~wanted).sum())
    return poses.select(wanted)
