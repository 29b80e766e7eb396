"""Writes a coloured mesh as binary glTF (.glb) with linear vertex colours, normals and a matt material.

glTF defines vertex colours as linear, and renders a mesh without a material as polished metal with flat faces. trimesh
writes sRGB bytes, no material and no normals, so the file is written here.
"""

from __future__ import annotations

import json
import struct

import numpy as np

from gsn_perception.geometry import Mesh

_FLOAT, _UINT = 5126, 5125
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
    normals = mesh.normals if mesh.normals is not None else mesh.with_vertex_normals().normals
    arrays = [
        np.ascontiguousarray(mesh.vertices, dtype="<f4"),
        np.ascontiguousarray(normals, dtype="<f4"),
        np.ascontiguousarray(linear(colors), dtype="<f4"),
        np.ascontiguousarray(mesh.faces.reshape(-1), dtype="<u4"),
    ]
    starts = np.cumsum([0, *(a.nbytes for a in arrays)]).tolist()
    accessors: list[dict] = [
        {"bufferView": i, "componentType": _FLOAT, "count": len(a), "type": "VEC3"} for i, a in enumerate(arrays[:3])
    ]
    accessors[0] |= {"min": arrays[0].min(axis=0).tolist(), "max": arrays[0].max(axis=0).tolist()}
    accessors.append({"bufferView": 3, "componentType": _UINT, "count": len(arrays[3]), "type": "SCALAR"})
    attributes = {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 3, "material": 0}]}],
        "materials": [_MATERIAL],
        "accessors": accessors,
        "bufferViews": [
            {"buffer": 0, "byteOffset": s, "byteLength": a.nbytes} for s, a in zip(starts, arrays, strict=False)
        ],
        "buffers": [{"byteLength": starts[-1]}],
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(a.tobytes() for a in arrays)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def linear(colors: np.ndarray) -> np.ndarray:
    """Linear values of sRGB values in [0, 1] (IEC 61966-2-1)."""
    colors = np.clip(np.asarray(colors, dtype=np.float32), 0, 1)
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
