"""A mesh of blended signed-distance parts with a colour per group of parts."""

from __future__ import annotations

import numpy as np

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes.atlas import vertex_colors
from gsn_perception.scenes.shapes.marching import sdf_mesh
from gsn_perception.scenes.shapes.sdf import Sdf
from gsn_perception.scenes.shapes.sdf import blend
from gsn_perception.scenes.shapes.sdf import difference


def colored_solid(
    name: str,
    groups: list[list[Sdf]],
    half: tuple[float, float, float],
    rng: np.random.Generator,
    *,
    fillet: float = 0.03,
    holes: tuple[Sdf, ...] = (),
    cells: int = 80,
) -> TexturedMesh:
    """The blended union of parts minus the holes; each group of parts has its own colours.

    Args:
        name: Name of the family.
        groups: Signed distances; those in one group share a colour.
        half: Half sides of a box about the origin that contains the solid.
        rng: Random generator.
        fillet: Radius of the blend between parts.
        holes: Parts that are subtracted at the end.
        cells: Grid cells along the box's longest side.
    """
    solid = blend(fillet, *(part for group in groups for part in group))
    if holes:
        solid = difference(solid, *holes)
    reach = np.array(half)
    mesh = sdf_mesh(solid, -reach, reach, cells=cells)
    distances = np.stack([np.min([part(mesh.vertices) for part in group], axis=0) for group in groups])
    colors = vertex_colors(rng, mesh.vertices, distances.argmin(axis=0))
    return TexturedMesh(name, type(mesh)(mesh.vertices, mesh.faces, colors))
