"""Any field to a closed mesh: sampled where its surface is, extracted, cleaned, kept within a triangle budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extract import decimate
from gsn_perception.surface.extract import extract_surface
from gsn_perception.surface.extract import outer_surface
from gsn_perception.surface.extract import smooth
from gsn_perception.surface.field import Field
from gsn_perception.surface.mise import mise
from gsn_perception.surface.vertex_refinement import refine_vertices

_COARSEST = 8


@dataclass(frozen=True, slots=True, eq=False)
class ImplicitShape:
    """A field with what its extraction must know.

    Attributes:
        field: Larger inside.
        lower: [3] corner of the box that holds the surface.
        upper: [3] the opposite corner.
        level: The value of the surface.
        seeds: [S,3] points on or near the surface, whose cells are refined in any case; or None.
    """

    field: Field
    lower: np.ndarray
    upper: np.ndarray
    level: float = 0.0
    seeds: np.ndarray | None = None


def closed_mesh(
    shape: ImplicitShape,
    *,
    resolution: int = 64,
    max_triangles: int = 20_000,
    bisections: int = 0,
    smoothing: int = 0,
    smallest_piece: float = 0.01,
    refinements: int = 0,
) -> Mesh:
    """The field's outer surface; the grid is coarsened where decimation can't keep the mesh closed.

    Args:
        shape: What to extract.
        resolution: Cells along the longest side of the box.
        max_triangles: Meshes with more are decimated.
        bisections: Halvings of a vertex's lattice edge that place it where the field changes sign.
        smoothing: Taubin iterations.
        smallest_piece: Pieces of at least this share of the largest one's volume are kept; cavities are dropped.
        refinements: Rounds in which vertices go back to the surface after smoothing and decimation.

    Returns:
        A watertight mesh in the field's frame.

    Raises:
        InputError: nothing is above the level, or the box is empty.
    """
    while True:
        lattice = mise(
            shape.field, shape.lower, shape.upper, level=shape.level, resolution=resolution, seeds=shape.seeds
        )
        mesh = extract_surface(lattice, level=shape.level, field=shape.field, bisections=bisections)
        mesh = outer_surface(mesh, smallest_piece)
        mesh = decimate(smooth(mesh, smoothing), max_triangles, smallest_piece)
        if (len(mesh.faces) <= max_triangles and mesh.is_watertight()) or resolution <= _COARSEST:
            reach = 0.5 * float((shape.upper - shape.lower).max()) / resolution
            return refine_vertices(mesh, shape.field, level=shape.level, reach=reach, steps=refinements)
        resolution = max(_COARSEST, int(resolution * min(0.9, (max_triangles / len(mesh.faces)) ** 0.5)))
