"""Shaded images of meshes, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.reports.contact_sheet import grid
from gsn_perception.evaluation.reports.contact_sheet import label
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import look_at

_SIZE = 160
_AZIMUTHS = (35.0, 215.0)
_ELEVATION = 25.0
_FIELD = 0.6


def shaded(mesh: Mesh, camera: Camera) -> np.ndarray:
    """[H,W,3] in [0, 1], grey by the angle between face and line of sight, on white."""
    hits = Surface(mesh).cast(camera)
    normals = mesh.face_normals()[np.where(np.isfinite(hits.depth), hits.face, 0)]
    rays = camera.pixel_rays() @ camera.world_from_camera[:3, :3].T
    facing = np.abs(np.einsum("hwi,hwi->hw", normals, rays)) / np.linalg.norm(rays, axis=-1)
    grey = np.where(np.isfinite(hits.depth), 0.15 + 0.75 * facing, 1.0)
    return np.repeat(grey[..., None], 3, axis=2)


def around(mesh: Mesh) -> list[Camera]:
    """Cameras that see a mesh, z up, from two opposite sides, slightly from above."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    centre, radius = 0.5 * (low + high), 0.5 * float(np.linalg.norm(high - low))
    camera, cameras = Camera.from_fov(_FIELD, _SIZE, _SIZE), []
    for azimuth in np.deg2rad(_AZIMUTHS):
        flat = np.cos(np.deg2rad(_ELEVATION))
        direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(np.deg2rad(_ELEVATION))])
        cameras.append(camera.at(look_at(centre + direction * 1.1 * radius / np.sin(_FIELD / 2), centre)))
    return cameras


def mesh_sheet(meshes: Mapping[str, Sequence[Mesh]], names: Sequence[str]) -> np.ndarray:
    """A row per object: the truth and every method from two sides; [H,W,3] uint8.

    Args:
        meshes: Object to the truth and the methods' meshes, z up.
        names: Of the columns, the truth first; objects that some method refused are left out.
    """
    rows, captions = [], []
    for name, row in meshes.items():
        if len(row) != len(names):
            continue
        tiles = []
        for caption, mesh in zip(names, row, strict=True):
            seen = [shaded(mesh, camera) for camera in around(row[0])]
            tiles.append(label(np.concatenate(seen, axis=1), caption))
        rows.append(tiles)
        captions.append(name)
    return grid(rows, captions) if rows else np.full((_SIZE, _SIZE, 3), 255, np.uint8)
