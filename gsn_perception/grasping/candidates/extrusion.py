"""Measured points extruded down to the support plane: a solid to plan on where the mesh gives no grasp."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points

_CELL = 0.003  # metres of the extrusion's grid
_OBSERVED = 0.99  # confidence of points that the camera saw
_FEWEST = 20


def extruded_points(points: Points, plane: Plane) -> Mesh:
    """The solid between the observed points of an object and the plane, metres, in the frame of the points.

    Raises:
        InputError: too few points were observed, or none above the plane.
    """
    seen = points.xyz[points.confidence > _OBSERVED].astype(np.float64)
    if len(seen) < _FEWEST:
        raise InputError(f"only {len(seen)} points of the object were observed; move the camera closer")
    mesh = extruded_mesh(seen, plane)
    # all vertices count as observed: the score of extruded solids was fitted with that
    return Mesh(mesh.vertices, mesh.faces, confidence=np.ones(len(mesh.vertices), np.float32))


def upright_frame(plane: Plane, points: np.ndarray) -> np.ndarray:
    """[4,4] T_frame_upright: z along the plane's normal, origin on the plane below the mean of the points."""
    z = plane.normal
    x = np.cross(z, np.eye(3)[np.argmin(np.abs(z))])
    x /= np.linalg.norm(x)
    middle = points.mean(axis=0)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=1), middle - plane.height(middle) * z)


def extruded_mesh(points: np.ndarray, plane: Plane) -> Mesh:
    """The solid between points [N,3] and the plane below them, as a closed mesh in their frame.

    Raises:
        InputError: no point lies above the plane.
    """
    import cv2
    from skimage.measure import marching_cubes

    T = upright_frame(plane, points)
    local = transform_points(invert(T), points)
    local = local[local[:, 2] > 0.5 * _CELL]
    if not len(local):
        raise InputError("no measured point lies above the support plane; check the plane")
    low = local[:, :2].min(axis=0) - 4 * _CELL
    cells = np.floor((local[:, :2] - low) / _CELL).astype(int)
    size = cells.max(axis=0) + 5
    heights = np.zeros(size, dtype=np.float32)
    np.maximum.at(heights, (cells[:, 0], cells[:, 1]), local[:, 2].astype(np.float32))
    heights = cv2.morphologyEx(heights, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    levels = int(np.ceil(heights.max() / _CELL)) + 3
    z = (np.arange(levels) - 0.5) * _CELL  # one layer below the plane keeps the solid closed
    filled = np.clip((heights[:, :, None] - z) / _CELL + 0.5, 0, 1) * (heights[:, :, None] > 0) * (z > -0.25 * _CELL)
    vertices, faces, _, _ = marching_cubes(filled.astype(np.float32), 0.5)
    upright = (vertices + [0.5, 0.5, 0]) * _CELL + [*low, z[0]]
    mesh = Mesh(transform_points(T, upright), faces)
    return mesh if mesh.volume() > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])
