"""The splat's solid as a watertight, coloured mesh (mesh method ``gaussians``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.extraction.painting import paint
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.solid.grounded_shape import ObjectSupport
from gsn_perception.surface.solid.grounded_shape import grounded_shape
from gsn_perception.surface.solid.grounded_shape import unwarped
from gsn_perception.surface.solid.settings import SolidSettings
from gsn_perception.surface.solid.solid_field import SolidField
from gsn_perception.surface.solid.solid_field import UnitSplat
from gsn_perception.surface.solid.solid_field import depth_views
from gsn_perception.surface.solid.solid_field import unit_splat
from gsn_perception.surface.watertight.flattening import clamped_to_plane


def gaussian_solid_mesh(
    gaussians: Gaussians,
    *,
    resolution: int = 64,
    view: Camera | ObjectView | None = None,
    observed: DepthView | None = None,
    silhouette: np.ndarray | None = None,
    observed_points: np.ndarray | None = None,
    max_triangles: int = 20_000,
    settings: SolidSettings | None = None,
    support: ObjectSupport | None = None,
    others: Sequence[DepthView] = (),
) -> Mesh:
    """The solid of a splat as one closed surface.

    Args:
        gaussians: Unbatched splat in any units.
        resolution: Cells along the longest side.
        view: The input camera (world = the splat's frame), or the object view of a normalised splat; with it vertices
            get a confidence, 1 seen ... 0 completed.
        observed: Measured depth (world = the splat's frame, in the splat's units); NaN = unknown.
        silhouette: [H,W] bool, the pixels of ``observed`` that show the object, also those without depth.
        observed_points: [M,3] points known to lie on the surface; cells around them are refined.
        max_triangles: Meshes with more are decimated.
        settings: See :class:`SolidSettings` and `gsn fit`.
        support: The plane under the object, in the splat's frame; the mesh ends there.
        others: Free space that further cameras saw, as ``observed``; used together with it.

    Returns:
        Watertight mesh in the splat's frame, with colours, outward normals and (with a view) confidence.

    Raises:
        InputError: the splat has no opaque content.
    """
    settings = SolidSettings() if settings is None else settings
    splat = unit_splat(gaussians, settings)
    measured = None if observed is None else splat.to_unit(observed)
    elsewhere = [splat.to_unit(view) for view in others]
    cell = (1.0 + 2.0 * settings.margin) / resolution
    own = _own_depth(splat, view, measured, settings)
    field = SolidField(splat, settings, cell=cell, observed=measured, own=own, silhouette=silhouette, others=elsewhere)
    half = splat.half + settings.margin
    seeds = _seeds(splat, measured, observed_points)
    shape, ground = ImplicitShape(field, -half, half, seeds=seeds), None
    if support is not None:
        support = support.transform(np.linalg.inv(splat.T_splat_unit))
        shape, ground = grounded_shape(shape, support, measured, others=elsewhere, steepness=1.0)
    mesh = closed_mesh(
        shape,
        resolution=resolution,
        max_triangles=max_triangles,
        bisections=settings.bisections,
        smoothing=settings.smoothing,
        smallest_piece=settings.smallest_piece,
    )
    if support is not None:
        mesh = clamped_to_plane(mesh, support.plane)
    confidence = None if own is None else seen_confidence(mesh.vertices, own, measured, 2.0 * cell)
    mesh = replace(mesh, colors=paint(unwarped(mesh, ground), splat.gaussians), confidence=confidence)
    return mesh.transform(splat.T_splat_unit).with_vertex_normals()


def _own_depth(
    splat: UnitSplat, view: Camera | ObjectView | None, measured: DepthView | None, settings: SolidSettings
) -> DepthView | None:
    """The splat's depth in the camera of the measurement, or else of the view, in the unit frame; None without both."""
    view = view.normalised_camera if isinstance(view, ObjectView) else view
    if measured is not None:
        return depth_views(splat.gaussians, [measured.camera], settings)[0]
    return None if view is None else depth_views(splat.gaussians, [splat.camera_in_unit(view)], settings)[0]


def _seeds(splat: UnitSplat, measured: DepthView | None, points: np.ndarray | None) -> np.ndarray:
    """Gaussian centres and observed points [S,3] in the unit frame."""
    parts = [splat.gaussians.means.numpy()]
    if points is not None and len(points):
        parts.append((np.asarray(points, dtype=np.float64) - splat.T_splat_unit[:3, 3]) / splat.extent)
    if measured is not None:
        parts.append(measured.points())
    return np.concatenate(parts)


def seen_confidence(vertices: np.ndarray, own: DepthView, measured: DepthView | None, tolerance: float) -> np.ndarray:
    """[V] 1 where the input camera sees a vertex [V,3], falling to 0 between one and two tolerances behind the surface.

    The surface is the measured depth where it is known, elsewhere the splat's own depth in the input view.
    """
    camera = own.camera
    depth = own.depth if measured is None else np.where(np.isfinite(measured.depth), measured.depth, own.depth)
    T = camera.camera_from_world
    xyz = vertices.astype(np.float64) @ T[:3, :3].T + T[:3, 3]
    ahead = xyz[:, 2] > 0
    uv = np.floor(camera.project(np.where(ahead[:, None], xyz, 1.0))).astype(np.int64)
    inside = ahead & (uv >= 0).all(axis=1) & (uv[:, 0] < camera.width) & (uv[:, 1] < camera.height)
    column, row = np.clip(uv[:, 0], 0, camera.width - 1), np.clip(uv[:, 1], 0, camera.height - 1)
    behind = xyz[:, 2] - depth[row, column]
    behind = np.where(np.isfinite(behind), behind, 0.0)
    return np.where(inside, np.clip(2.0 - behind / tolerance, 0.0, 1.0), 0.0).astype(np.float32)
