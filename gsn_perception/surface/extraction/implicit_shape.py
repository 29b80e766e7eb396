"""From an implicit field to a closed mesh: adaptive sampling, extraction, smoothing, decimation to a triangle budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.decimation import decimate
from gsn_perception.surface.extraction.extract import bisected
from gsn_perception.surface.extraction.extract import extract_surface
from gsn_perception.surface.extraction.extract import outer_surface
from gsn_perception.surface.extraction.mise import mise
from gsn_perception.surface.extraction.smoothing import smooth
from gsn_perception.surface.extraction.vertex_refinement import refine_vertices
from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.watertight.untangling import untangled

_COARSEST = 8


@dataclass(frozen=True, slots=True, eq=False)
class ImplicitShape:
    """A field with the box, level and seeds that its extraction needs.

    Attributes:
        field: Larger inside.
        lower: [3] corner of the box that contains the surface.
        upper: [3] the opposite corner.
        level: The value of the surface.
        seeds: [S,3] points on or near the surface, whose cells are always refined; or None.
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
    accepted: Callable[[Mesh], bool] | None = None,
    coarser: bool = False,
) -> Mesh:
    """The field's outer surface, closed and free of self-intersections.

    Where smoothing makes faces cross, the vertices there move back to their positions from marching cubes. Where
    decimation cannot keep the mesh closed, a coarser grid is taken.

    Args:
        shape: The field to extract.
        resolution: Cells along the longest side of the box.
        max_triangles: Meshes with more are decimated.
        bisections: Halvings of a vertex's lattice edge that place it where the field changes sign.
        smoothing: Taubin iterations.
        smallest_piece: Pieces of at least this share of the largest one's volume are kept; cavities are dropped.
        refinements: Rounds in which vertices move back to the surface after smoothing and decimation.
        accepted: Asked first about a smoothed mesh within the budget, for callers that move its vertices and test it then.
            Where it says yes, this mesh is returned untested.
        coarser: Take a coarser grid where up to 2.5 times the triangles asked for are expected; much faster than
            decimation, but parts as thin as a cell can be lost.

    Returns:
        A mesh in the field's frame that is :func:`strictly_closed`, or was accepted.

    Raises:
        InputError: nothing is above the level, or the box is empty.
    """
    while True:
        box, budget = (shape.lower, shape.upper), max_triangles if coarser else None
        lattice = mise(
            shape.field, *box, level=shape.level, resolution=resolution, seeds=shape.seeds, max_triangles=budget
        )
        resolution = min(resolution, round(float((shape.upper - shape.lower).max()) / lattice.cell))
        plain = outer_surface(extract_surface(lattice, level=shape.level), smallest_piece)
        moved = bisected(plain, lattice, level=shape.level, field=shape.field, steps=bisections)
        mesh = smooth(moved, smoothing)
        if len(mesh.faces) <= max_triangles and not refinements and accepted is not None and accepted(mesh):
            return mesh
        if len(mesh.faces) > max_triangles:
            mesh = decimate(mesh, max_triangles, smallest_piece, safe=plain.vertices)
        else:
            mesh = untangled(mesh, plain.vertices)
        if len(mesh.faces) <= max_triangles or resolution <= _COARSEST:
            reach = 0.5 * float((shape.upper - shape.lower).max()) / resolution
            refined = refine_vertices(mesh, shape.field, level=shape.level, reach=reach, steps=refinements)
            return untangled(refined, mesh.vertices) if refinements else mesh
        resolution = max(_COARSEST, int(resolution * min(0.9, (max_triangles / len(mesh.faces)) ** 0.5)))
