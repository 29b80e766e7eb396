"""Ray caster: renders colour, coverage, labels, metric depth and normals of textured meshes (Open3D)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import open3d as o3d

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.shading import Hits
from gsn_perception.scenes.looks.shading import facing_normals
from gsn_perception.scenes.looks.shading import shade
from gsn_perception.scenes.looks.surface_table import surface_tables
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

WHITE = (255.0, 255.0, 255.0)
_CHUNK = 1 << 15  # rays at a time


@dataclass(frozen=True, slots=True, eq=False)
class PlacedObject:
    """An object at a pose, with its label in masks (0 = part of the background, e.g. a table)."""

    item: TexturedMesh
    T_world_object: np.ndarray  # [4, 4]
    label: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Images of a rendered view.

    Attributes:
        rgb: [H,W,3] uint8, averaged over the samples of a pixel, over the background.
        alpha: [H,W] float32, share of a pixel's samples that hit a surface.
        labels: [H,W] uint16 at pixel centres, 0 = background.
        depth: [H,W] float32 metres along z at pixel centres, NaN where nothing was hit.
        normals: [H,W,3] float32 unit, camera frame, turned to the camera; 0 where nothing was hit.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    normals: np.ndarray


class RayCaster:
    """A scene of objects that can be rendered from any camera.

    Args:
        objects: Objects at poses, or objects in the world frame (labelled 1, 2, ...).
        threads: Number of threads; 0 = all.

    Raises:
        InputError: there are no objects, or one has no faces.
    """

    def __init__(self, objects: Sequence[PlacedObject | TexturedMesh], *, threads: int = 0) -> None:
        if not objects:
            raise InputError("nothing to render: give at least one object")
        placed = [
            o if isinstance(o, PlacedObject) else PlacedObject(o, np.eye(4), i + 1) for i, o in enumerate(objects)
        ]
        items = [p.item.transform(p.T_world_object) for p in placed]
        for item in items:
            if not len(item.mesh.faces):
                raise InputError(f"object {item.name!r} has no faces; leave it out")
        self._threads = threads
        self._labels = np.array([p.label for p in placed], dtype=np.uint16)
        self._tables = surface_tables(items)
        self._probes = np.concatenate([_probes(i) for i in items])
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        for item in items:
            self._scene.add_triangles(_tensor(item.mesh.vertices), _tensor(item.mesh.faces.astype(np.uint32)))

    def render(
        self,
        camera: Camera,
        *,
        lighting: Lighting | None = None,
        background: Sequence[float] = WHITE,
        supersample: int = 2,
        shadows: bool = False,
    ) -> View:
        """Render the scene in ``camera``.

        Args:
            camera: At its ``world_from_camera``.
            lighting: The default lamp when None.
            background: [3] RGB in [0, 255] where nothing is hit.
            supersample: Colour and alpha are the mean of ``supersample`` squared samples a pixel; depth, labels and
                normals are those of the pixel's centre.
            shadows: Whether objects cast shadows of the lamp.
        """
        lighting = lighting or Lighting()
        shape = (camera.height, camera.width)
        hits = self._cast(camera, camera.pixel_rays().reshape(-1, 3))
        mask, normals = np.isfinite(hits.depth), facing_normals(self._tables, hits)
        labels = np.zeros(len(mask), dtype=np.uint16)
        labels[mask] = self._labels[hits.owner[mask]]
        rgb, alpha = self._color(camera, hits, lighting, np.asarray(background, np.float32), supersample, shadows)
        return View(
            (rgb + np.float32(0.5)).astype(np.uint8).reshape(*shape, 3),
            alpha.reshape(shape),
            labels.reshape(shape),
            np.where(mask, hits.depth, np.float32(np.nan)).reshape(shape),
            (normals @ camera.world_from_camera[:3, :3].astype(np.float32)).reshape(*shape, 3),
        )

    def depth(self, camera: Camera) -> np.ndarray:
        """[H,W] float32 metres along z at pixel centres, NaN where nothing is hit."""
        depth = self._cast(camera, camera.pixel_rays().reshape(-1, 3)).depth
        return np.where(np.isfinite(depth), depth, np.float32(np.nan)).reshape(camera.height, camera.width)

    def _color(
        self, camera: Camera, centre: Hits, lighting: Lighting, background: np.ndarray, n: int, shadows: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colour [HW,3] and alpha [HW]; only pixels near a surface are supersampled."""
        hit = np.isfinite(centre.depth)
        if n == 1:
            return self._shade(camera, centre, lighting, background, shadows), hit.astype(np.float32)
        rgb = np.empty((len(hit), 3), dtype=np.float32)
        rgb[:] = background
        alpha = np.zeros(len(hit), dtype=np.float32)
        near = np.flatnonzero(self._near_surface(camera, hit))
        offsets = (np.arange(n) + 0.5) / n
        samples_of_pixel = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
        for start in range(0, len(near), _CHUNK // n**2):  # in pieces that fit into the cache
            part = near[start : start + _CHUNK // n**2]
            corner = np.stack([part % camera.width, part // camera.width], axis=-1)
            uv = corner[:, None, :] + samples_of_pixel  # [M, n * n, 2]
            hits = self._cast(camera, camera.rays(uv.reshape(-1, 2)))
            rgb[part] = _mean_of_groups(self._shade(camera, hits, lighting, background, shadows), n * n)
            alpha[part] = _mean_of_groups(np.isfinite(hits.depth)[:, None].astype(np.float32), n * n)[:, 0]
        return rgb, alpha

    def _near_surface(self, camera: Camera, hit: np.ndarray) -> np.ndarray:
        """[HW] bool: pixels within one pixel of a hit or of a projected probe; probes find thin parts between pixel centres."""
        near = np.zeros((camera.height + 2, camera.width + 2), dtype=bool)
        near[1:-1, 1:-1] = hit.reshape(camera.height, camera.width)
        pose = camera.camera_from_world.astype(np.float32)
        points = self._probes @ pose[:3, :3].T + pose[:3, 3]
        pixels = np.floor(camera.project(points[points[:, 2] > 1e-4])).astype(np.int64)
        inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all(axis=1)
        near[pixels[inside, 1] + 1, pixels[inside, 0] + 1] = True
        wide = near[:-2] | near[1:-1] | near[2:]
        return (wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:]).ravel()

    def _cast(self, camera: Camera, rays: np.ndarray) -> Hits:
        """First hits of camera-frame rays [N,3] with z = 1, so that the ray parameter is the depth."""
        pose = camera.world_from_camera.astype(np.float32)
        packed = np.empty((len(rays), 6), dtype=np.float32)
        packed[:, :3] = pose[:3, 3]
        packed[:, 3:] = rays.astype(np.float32) @ pose[:3, :3].T
        out = self._scene.cast_rays(_tensor(packed), nthreads=self._threads)
        return Hits(
            depth=out["t_hit"].numpy(),
            owner=out["geometry_ids"].numpy(),
            primitive=out["primitive_ids"].numpy(),
            bary=out["primitive_uvs"].numpy(),
            directions=packed[:, 3:],
        )

    def _shade(
        self, camera: Camera, hits: Hits, lighting: Lighting, background: np.ndarray, shadows: bool
    ) -> np.ndarray:
        """[N,3] float32 colours in [0, 255]."""
        normals = facing_normals(self._tables, hits)
        lit = self._lit(camera, hits, normals, lighting) if shadows else np.zeros(0, dtype=bool)
        out = np.empty((len(hits.depth), 3), dtype=np.float32)
        out[:] = background
        shade(self._tables, lighting.lamp, hits, normals, lit, out)
        return out

    def _lit(self, camera: Camera, hits: Hits, normals: np.ndarray, lighting: Lighting) -> np.ndarray:
        """[N] bool: whether the lamp reaches the hit points; True where nothing is hit."""
        mask = np.isfinite(hits.depth)
        eye = camera.world_from_camera[:3, 3].astype(np.float32)
        points = eye + hits.directions[mask] * hits.depth[mask, None] + normals[mask] * np.float32(5e-4)
        rays = np.concatenate([points, np.broadcast_to(lighting.direction, points.shape)], axis=1)
        lit = np.ones(len(mask), dtype=bool)
        lit[mask] = ~self._scene.test_occlusions(_tensor(rays), nthreads=self._threads).numpy()
        return lit


def _tensor(values: np.ndarray) -> o3d.core.Tensor:
    """An Open3D tensor that shares the memory of an array."""
    return o3d.core.Tensor.from_numpy(np.ascontiguousarray(values))


def _probes(item: TexturedMesh) -> np.ndarray:
    """Points [N,3] on the surface, dense enough that their projections cover thin parts."""
    spread, _ = sample_surface(item.mesh, 2000, np.random.default_rng(0))
    return np.concatenate([item.mesh.vertices, spread])


def _mean_of_groups(values: np.ndarray, count: int) -> np.ndarray:
    """[M,C] means of each ``count`` consecutive rows of [M * count, C]; faster than a mean over a short axis."""
    total = values[0::count].copy()
    for i in range(1, count):
        total += values[i::count]
    return total / np.float32(count)
