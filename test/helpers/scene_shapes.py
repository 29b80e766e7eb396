from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh


def quad(side, texture=None):
    """A square in the plane z = 0, facing +z, grey or textured once over."""
    h = side / 2
    corners = np.array([[-h, -h, 0], [h, -h, 0], [h, h, 0], [-h, h, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = None if texture is None else (corners[:, :2] / side + 0.5)[faces]
    return TexturedMesh("quad", Mesh(corners, faces), uv, texture)


def from_trimesh(name, shape, shift=(0, 0, 0), color=None):
    colors = None if color is None else np.tile(np.asarray(color, np.float32), (len(shape.vertices), 1))
    return TexturedMesh(name, Mesh(shape.vertices + np.asarray(shift), shape.faces, colors=colors))
