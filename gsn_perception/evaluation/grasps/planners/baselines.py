"""Grasp baselines without a network: visible points, a top-down rule, a random antipodal pair."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.candidates.extrusion import upright_frame
from gsn_perception.grasping.candidates.sampling import sample_pairs
from gsn_perception.grasping.object_surface import Surface


def visible_points(observation: Observation) -> np.ndarray:
    """[N,3] measured points of the object, camera frame, metres; without pixels at its outline.

    Raises:
        InputError: fewer than 20 points were measured.
    """
    assert observation.depth is not None
    assert observation.mask is not None
    inside = cv2.erode((observation.mask > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    points = observation.camera.back_project(observation.depth)[inside]
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    if len(points) < 20:
        raise InputError(f"only {len(points)} points of the object were measured; move the camera closer")
    return points


def top_down(points: np.ndarray, plane: Plane, gripper: Gripper) -> Grasp | None:
    """A grasp straight down that closes along the shortest side of the points' bounding box; None where it is too wide."""
    T = upright_frame(plane, points)
    local = transform_points(invert(T), points)
    (cx, cy), sides, degrees = cv2.minAreaRect(local[:, :2].astype(np.float32))
    angle = np.deg2rad(degrees) + (0 if sides[0] <= sides[1] else np.pi / 2)
    width = min(sides) + 0.002
    if width > gripper.max_width:
        return None
    top = float(local[:, 2].max())
    height = max(top - 0.8 * gripper.finger_depth, top / 2, gripper.tip + 0.003)
    y, z = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([0, 0, -1.0])
    pose = make_transform(np.stack([np.cross(y, z), y, z], axis=1), np.array([cx, cy, height]))
    return Grasp(T @ pose, min(width + 0.02, gripper.max_width), 1.0)


def random_antipodal(mesh: Mesh, plane: Plane | None, gripper: Gripper, *, friction: float, seed: int) -> Grasp | None:
    """A random antipodal pair with a random approach from above, without collision checks."""
    surface = Surface.of(mesh)
    pairs, _ = sample_pairs(surface, gripper, count=512, friction=friction, clearance=0.0, seed=seed)
    if not len(pairs):
        return None
    rng = np.random.default_rng(seed)
    row = int(rng.integers(len(pairs)))
    y, across = pairs.axes[row], pairs.tangents[row]
    angle = rng.uniform(-np.pi, np.pi)
    z = np.cos(angle) * across + np.sin(angle) * np.cross(y, across)
    if plane is not None and z @ plane.normal > 0:
        z = -z
    pose = make_transform(np.stack([np.cross(y, z), y, z], axis=1), pairs.points[row].mean(axis=0))
    return Grasp(pose, min(float(pairs.widths[row]) + 0.01, gripper.max_width), 1.0)
