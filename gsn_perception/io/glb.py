"""A binary glTF file of one primitive: arrays in, bytes out."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

_COMPONENTS = {"<f4": 5126, "<u4": 5125}
_SHAPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_VERTICES, _INDICES = 34962, 34963  # what a buffer view is for


def pack_glb(
    attributes: Mapping[str, np.ndarray],
    indices: np.ndarray | None = None,
    *,
    primitive: Mapping[str, Any] | None = None,
    node: Mapping[str, Any] | None = None,
    tree: Mapping[str, Any] | None = None,
) -> bytes:
    """The bytes of a .glb with one scene, node, mesh and primitive.

    Args:
        attributes: Semantic to [N], [N,3] or [N,4], stored as float32; ``POSITION`` must be one of them.
        indices: [M] of vertices, stored as uint32; None where the primitive has none.
        primitive: More properties of the primitive.
        node: More properties of the node.
        tree: More properties of the file.
    """
    arrays = [np.ascontiguousarray(values, dtype="<f4") for values in attributes.values()]
    accessors = [_accessor(number, array) for number, array in enumerate(arrays)]
    shape: dict[str, Any] = {"attributes": {name: number for number, name in enumerate(attributes)}}
    position = shape["attributes"]["POSITION"]
    low, high = arrays[position].min(axis=0), arrays[position].max(axis=0)
    accessors[position] |= {"min": low.tolist(), "max": high.tolist()}  # which glTF wants of positions
    if indices is not None:
        shape["indices"] = len(arrays)
        arrays.append(np.ascontiguousarray(indices.reshape(-1), dtype="<u4"))
        accessors.append(_accessor(len(arrays) - 1, arrays[-1]))
    starts = np.cumsum([0, *(array.nbytes for array in arrays)]).tolist()
    content = {
        "asset": {"version": "2.0", "generator": "gsn_perception"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, **(node or {})}],
        "meshes": [{"primitives": [shape | dict(primitive or {})]}],
        "accessors": accessors,
        "bufferViews": [
            {
                "buffer": 0,
                "byteOffset": start,
                "byteLength": array.nbytes,
                "target": _INDICES if number == shape.get("indices") else _VERTICES,
            }
            for number, (start, array) in enumerate(zip(starts, arrays, strict=False))
        ],
        "buffers": [{"byteLength": starts[-1]}],
        **(tree or {}),
    }
    text = json.dumps(content, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(array.tobytes() for array in arrays)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def linear(colors: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values in [0, 1] (IEC 61966-2-1), as glTF takes vertex colours."""
    colors = np.clip(np.asarray(colors, dtype=np.float32), 0, 1)
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def _accessor(number: int, array: np.ndarray) -> dict[str, Any]:
    kind = _SHAPES[1 if array.ndim == 1 else array.shape[1]]
    return {"bufferView": number, "componentType": _COMPONENTS[array.dtype.str], "count": len(array), "type": kind}
