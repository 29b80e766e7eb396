"""Details of one grasp for the panel: values from the file, and the features behind its score."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping.candidates.candidates import preferred_approach
from gsn_perception.grasping.candidates.contacts import pad_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.collision_checker import CollisionChecker
from gsn_perception.grasping.collision.visibility import finger_visibility
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.object_surface import clamped_above
from gsn_perception.grasping.object_surface import with_confidence
from gsn_perception.grasping.scoring.features import FEATURES
from gsn_perception.grasping.scoring.features import features
from gsn_perception.viewer.results import Results


class Figures:
    """Details of the grasps of a folder; the surface of an object is prepared when its first grasp is selected."""

    def __init__(self, results: Results, gripper: Gripper) -> None:
        self._results, self._gripper = results, gripper
        self._parts = results.parts()
        self._surfaces: dict[int, Surface] = {}

    def table(self, number: int) -> list[tuple[str, str]]:
        """Names and values of grasp ``number`` of the file, without its features."""
        grasp = self._results.grasps[number]
        place = grasp.T_frame_tcp[:3, 3]
        rows = [
            ("score", f"{grasp.score:.2f}"),
            ("opening", f"{1000 * grasp.width:.0f} mm of {1000 * self._gripper.max_width:.0f}"),
            ("object", str(grasp.label)),
            ("TCP", f"{place[0]:.3f}, {place[1]:.3f}, {place[2]:.3f} m"),
        ]
        down = float(np.clip(-grasp.T_frame_tcp[:3, 2] @ self._results.up, -1, 1))
        rows.append(("approach", f"{np.rad2deg(np.arccos(down)):.0f}° from straight down"))
        if self._results.plane is not None:
            rows.append(("TCP over plane", f"{1000 * float(self._results.plane.height(place)):.0f} mm"))
        return rows

    def features(self, number: int) -> dict[str, float]:
        """The features behind the score, each in [0, 1], higher is better; empty without a mesh."""
        grasp = self._results.grasps[number]
        surface = self._surface(grasp)
        if surface is None:
            return {}
        settings, plane, viewpoint = PlannerSettings(), self._results.plane, np.zeros(3)
        pose = grasp.T_frame_tcp
        poses = Poses.of(pose[None, :3, :3], pose[None, :3, 3], np.array([grasp.width]))
        checker = CollisionChecker(self._gripper, settings, surface, plane, None)
        values = features(
            poses,
            pad_contacts(poses, self._gripper, surface, tolerance=settings.pad_compliance),
            surface,
            friction=settings.friction,
            max_width=self._gripper.max_width,
            preferred=preferred_approach(surface, plane, viewpoint),
            up=None if plane is None else plane.normal,
            clear=checker.clear(poses),
            sighted=finger_visibility(poses, self._gripper, surface, viewpoint),
        )
        return dict(zip(FEATURES, np.nan_to_num(values[0]).tolist(), strict=True))

    def _surface(self, grasp: Grasp) -> Surface | None:
        if not self._parts:
            return None
        label = grasp.label if grasp.label in self._parts else next(iter(self._parts))
        if label not in self._surfaces:
            mesh, plane = with_confidence(self._parts[label], self._results.points), self._results.plane
            try:
                self._surfaces[label] = Surface.of(mesh if plane is None else clamped_above(mesh, plane))
            except InputError:  # no surface: a mesh of slivers can be shown, but has no features
                return None
        return self._surfaces[label]
