"""Clamps a closed mesh to one side of a plane.

The minimum of a field and the height above the plane has a surface that ends at the plane up to a fraction of a cell.
Interpolation and smoothing move some vertices below the plane; here they are moved onto it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.surface.watertight.strictly_closed import strictly_closed
from gsn_perception.surface.watertight.untangling import untangled

_LIFT = 1e-6  # of the extent, above the plane: single precision then leaves no vertex below it
_SLAB = 4.0  # height of the compressed slab above the plane, in depths of the deepest vertex below it


def raised_to_plane(mesh: Mesh, plane: Plane) -> Mesh:
    """The mesh with every vertex below the plane moved straight up onto it; faces may cross then.

    Where no vertex is below the plane, or all are, it is the mesh itself. Where :func:`clamped_to_plane` finds no faces that
    cross, it returns the same vertices.
    """
    lift, height = _heights(mesh, plane)
    if _untouched(lift, height):
        return mesh
    return replace(mesh, vertices=_moved(mesh, plane, height, np.maximum(height, 0.0)))


def clamped_to_plane(mesh: Mesh, plane: Plane) -> Mesh:
    """The mesh with every vertex below the plane moved up onto it; a strictly closed mesh stays strictly closed.

    Meant for depths below the plane that are small compared to the mesh's height. Where moving vertices straight up would
    fold faces (an undercut, a steep wall), a slab above the plane is compressed there instead, which keeps the order of
    heights.

    Args:
        mesh: Strictly closed; its attributes stay, except that normals are computed anew where there were some.
        plane: In the mesh's frame and units; its normal points to the side that is kept.

    Returns:
        The mesh itself where no vertex is below the plane, or all are.
    """
    lift, height = _heights(mesh, plane)
    if _untouched(lift, height):
        return mesh
    dip, top = -float(height.min()), float(height.max())

    def moved(heights: np.ndarray) -> np.ndarray:
        return _moved(mesh, plane, height, heights)

    # a map that keeps the order of heights makes no faces cross, except those that straddle the top of the slab
    ceiling = min(_SLAB * dip, top)
    squeezed = np.where(height < ceiling, (height + dip) * (ceiling / (ceiling + dip)), height)
    if not strictly_closed(Mesh(moved(squeezed), mesh.faces)):
        squeezed = (height + dip) * (top / (top + dip))
    flat = untangled(Mesh(moved(np.maximum(height, 0.0)), mesh.faces), moved(squeezed))
    out = replace(mesh, vertices=flat.vertices)
    return out if mesh.normals is None else out.with_vertex_normals()


def _heights(mesh: Mesh, plane: Plane) -> tuple[float, np.ndarray]:
    """The lift, and the heights [V] of the vertices above the lifted plane."""
    if not len(mesh.vertices):
        return 0.0, np.zeros(0)
    vertices = mesh.vertices.astype(np.float64)
    lift = _LIFT * float((vertices.max(axis=0) - vertices.min(axis=0)).max())
    return lift, plane.height(vertices) - lift


def _untouched(lift: float, height: np.ndarray) -> bool:
    """Whether no vertex is below the plane itself, or all are."""
    return not len(height) or -float(height.min()) <= lift or float(height.max()) <= 0


def _moved(mesh: Mesh, plane: Plane, height: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The vertices [V,3] float64 moved along the normal from their heights to others."""
    return np.asarray(mesh.vertices.astype(np.float64) + (wanted - height)[:, None] * plane.normal)
