"""Builds flat tables of face colours, texture coordinates and shading normals for lookup at ray hits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.shading import Tables
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

_CREASE_COSINE = np.float32(np.cos(np.deg2rad(38)))
_GREY = 178.5  # 0.7 of 255


def surface_tables(objects: Sequence[TexturedMesh]) -> Tables:
    """The tables of objects given in the scene's frame."""
    counts = [len(o.mesh.faces) for o in objects]
    blank = [np.zeros((n, 3, 2), np.float32) for n in counts]
    uvs = [b if o.corner_uv is None else o.corner_uv for o, b in zip(objects, blank, strict=True)]
    sizes = [(0, 0) if o.texture is None else o.texture.shape[:2] for o in objects]
    texels = [np.zeros((0, 3), np.uint8) if o.texture is None else o.texture.reshape(-1, 3) for o in objects]
    return Tables(
        first=_starts(counts),
        flat_normals=np.concatenate([o.mesh.face_normals() for o in objects]).astype(np.float32),
        normals=np.concatenate([corner_normals(o.mesh) for o in objects]),
        colors=np.concatenate([_corner_colors(o) for o in objects]),
        uv=np.concatenate(uvs),
        texels=np.concatenate(texels),
        sizes=np.array(sizes, dtype=np.int64),
        starts=_starts([len(t) for t in texels]),
    )


def corner_normals(mesh: Mesh) -> np.ndarray:
    """[F,3,3] float32: vertex normals, or the face normal where the two differ by more than a crease angle."""
    flat = mesh.face_normals().astype(np.float32)
    smooth = mesh.with_vertex_normals().normals
    assert smooth is not None
    corners = smooth[mesh.faces]  # [F, 3, 3]
    crease = np.einsum("fki,fi->fk", corners, flat) < _CREASE_COSINE
    return np.where(crease[..., None], flat[:, None], corners)


def _corner_colors(item: TexturedMesh) -> np.ndarray:
    """[F,3,3] float32 in [0, 255]; grey where an object has no vertex colours."""
    if item.mesh.colors is None:
        return np.full((len(item.mesh.faces), 3, 3), _GREY, dtype=np.float32)
    return np.clip(item.mesh.colors, 0, 1)[item.mesh.faces] * np.float32(255)


def _starts(counts: Sequence[int]) -> np.ndarray:
    """[G] start index of each of several concatenated runs."""
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
