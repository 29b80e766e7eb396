"""Several objects as one array, for files and messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.observation import Points


def merge_points(parts: Sequence[Points]) -> Points:
    """Clouds one after the other."""
    if not parts:
        raise InputError("nothing to merge: give at least one point cloud")
    xyz, colors, normals, confidence = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("xyz", "colors", "normals", "confidence")
    )
    return Points(xyz, colors, normals, confidence)


def merge_meshes(parts: Sequence[Mesh]) -> Mesh:
    """Meshes one after the other, faces renumbered; an attribute is kept where every part has it."""
    if not parts:
        raise InputError("nothing to merge: give at least one mesh")
    offsets = np.cumsum([0, *(len(m.vertices) for m in parts[:-1])])

    def joined(name: str) -> np.ndarray | None:
        values = [getattr(m, name) for m in parts]
        return None if any(v is None for v in values) else np.concatenate(values)

    return Mesh(
        vertices=np.concatenate([m.vertices for m in parts]),
        faces=np.concatenate([m.faces + o for m, o in zip(parts, offsets, strict=True)]),
        colors=joined("colors"),
        normals=joined("normals"),
        confidence=joined("confidence"),
    )
