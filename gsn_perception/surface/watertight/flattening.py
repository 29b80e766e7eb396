"""A closed mesh kept on one side of a plane.

Cut a field, not a mesh: the least of field and height, extracted, ends at the plane up to a fraction of a cell. What
interpolation and smoothing let dip below it is put onto it here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.surface.watertight.strictly_closed import strictly_closed
from gsn_perception.surface.watertight.untangling import untangled

_LIFT = 1e-6  # shares of the extent above the plane, so that single precision leaves nothing below it
_SLAB = 4.0  # dips: what lies so high above the plane makes room for what is below


def clamped_to_plane(mesh: Mesh, plane: Plane) -> Mesh:
    """The mesh with every vertex below the plane moved up onto it; as strictly closed as it was.

    Made for dips that are shallow beside the mesh's height. Where moving vertices straight up would fold faces (an
    undercut, a steep wall), a slab above the plane is squeezed there instead, which keeps the order of what lies in it.

    Args:
        mesh: Strictly closed; its attributes stay, but for normals, which are computed anew where there were some.
        plane: In the mesh's frame and units; its normal points to the side that is kept.

    Returns:
        The mesh itself where nothing is below the plane, or all of it.
    """
    if not len(mesh.vertices):
        return mesh
    vertices = mesh.vertices.astype(np.float64)
    lift = _LIFT * float(np.ptp(vertices, axis=0).max())
    height = plane.height(vertices) - lift
    dip, top = -float(height.min()), float(height.max())
    if dip <= lift or top <= 0:  # nothing is below the plane itself, or all
        return mesh

    def moved(heights: np.ndarray) -> np.ndarray:
        return np.asarray(vertices + (heights - height)[:, None] * plane.normal)

    # a map of space that keeps the order of heights crosses no faces, but for those that straddle the slab's top
    ceiling = min(_SLAB * dip, top)
    squeezed = np.where(height < ceiling, (height + dip) * (ceiling / (ceiling + dip)), height)
    if not strictly_closed(Mesh(moved(squeezed), mesh.faces)):
        squeezed = (height + dip) * (top / (top + dip))
    flat = untangled(Mesh(moved(np.maximum(height, 0.0)), mesh.faces), moved(squeezed))
    out = replace(mesh, vertices=flat.vertices)
    return out if mesh.normals is None else out.with_vertex_normals()
