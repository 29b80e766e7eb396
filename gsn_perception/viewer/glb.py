"""Writes a coloured mesh as binary glTF (.glb) with linear vertex colours, normals and a matt material.

glTF defines vertex colours as linear, and renders a mesh without a material as polished metal with flat faces. trimesh
writes sRGB bytes, no material and no normals, so the file is written here.
"""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.io.glb import linear
from gsn_perception.io.glb import pack_glb

_MATERIAL = {
    "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0.0, "roughnessFactor": 0.9},
    "doubleSided": True,
}


def mesh_glb(mesh: Mesh, colors: np.ndarray) -> bytes:
    """The file's bytes.

    Args:
        mesh: In any unit; normals are computed where it has none.
        colors: [V,3] sRGB in [0, 1].
    """
    mesh = mesh if mesh.normals is not None else mesh.with_vertex_normals()
    assert mesh.normals is not None
    attributes = {"POSITION": mesh.vertices, "NORMAL": mesh.normals, "COLOR_0": linear(colors)}
    return pack_glb(attributes, mesh.faces, primitive={"material": 0}, tree={"materials": [_MATERIAL]})
