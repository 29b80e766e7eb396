"""Colours and shading normals of many objects' faces in flat tables, for vectorised lookup at ray hits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.textured_mesh import TexturedMesh

_CREASE_COSINE = float(np.cos(np.deg2rad(38)))
_GREY = 178.5  # 0.7 of 255


class SurfaceTable:
    """Per-face attributes of several objects, one after another.

    Attributes:
        normals: [F,3,3] float32 corner normals, smooth except across creases.
        flat_normals: [F,3] float32 face normals.
    """

    def __init__(self, objects: Sequence[TexturedMesh]) -> None:
        """From objects that already lie in the scene's frame."""
        self.flat_normals = np.concatenate([o.mesh.face_normals() for o in objects]).astype(np.float32)
        self.normals = np.concatenate([corner_normals(o.mesh) for o in objects])
        counts = [len(o.mesh.faces) for o in objects]
        self._colors = np.concatenate([_corner_colors(o) for o in objects])  # [F, 3, 3], 0..255
        blank = [np.zeros((n, 3, 2), np.float32) for n in counts]
        uvs = [b if o.corner_uv is None else o.corner_uv for o, b in zip(objects, blank, strict=True)]
        self._uv = np.concatenate(uvs)
        self._textures = _Atlas(objects, counts)

    def normal(self, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """[N,3] shading normals at barycentric ``weights`` [N,3] of faces [N]."""
        normals = _interpolate(self.normals, face, weights)
        return normals / np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), 1e-9)[:, None]

    def color(self, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """[N,3] float32 albedo in [0, 255]."""
        textured = self._textures.has[face]
        if textured.all():
            return self._textures.sample(face, _interpolate(self._uv, face, weights))
        colors = _interpolate(self._colors, face, weights)
        if textured.any():
            part = face[textured]
            colors[textured] = self._textures.sample(part, _interpolate(self._uv, part, weights[textured]))
        return colors


class _Atlas:
    """All textures in one flat array, so that one lookup serves every object."""

    def __init__(self, objects: Sequence[TexturedMesh], counts: Sequence[int]) -> None:
        textures = [np.zeros((1, 1, 3), np.uint8) if o.texture is None else o.texture for o in objects]
        sizes = np.array([t.shape[:2] for t in textures], dtype=np.int32)
        starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]]).astype(np.int32)
        self.has = np.repeat([o.texture is not None for o in objects], counts)
        self._owner = np.repeat(np.arange(len(objects), dtype=np.int32), counts)
        self._texels = np.concatenate([t.reshape(-1, 3) for t in textures])
        self._sizes, self._starts = sizes, starts

    def sample(self, face: np.ndarray, uv: np.ndarray) -> np.ndarray:
        """Bilinear colours [N,3] in [0, 255] at ``uv`` [N,2] of the faces' own textures."""
        owner = self._owner[face]
        height, width = self._sizes[owner, 0], self._sizes[owner, 1]
        x = uv[:, 0] * width.astype(np.float32) - np.float32(0.5)
        y = (np.float32(1) - uv[:, 1]) * height.astype(np.float32) - np.float32(0.5)
        left, top = np.floor(x), np.floor(y)
        fx, fy = (x - left)[:, None], (y - top)[:, None]
        c0, r0 = left.astype(np.int32) % width, top.astype(np.int32) % height
        c1, r1 = (c0 + 1) % width, (r0 + 1) % height
        start = self._starts[owner]
        row0, row1 = start + r0 * width, start + r1 * width
        texels = self._texels
        upper = texels[row0 + c0] * (1 - fx) + texels[row0 + c1] * fx
        lower = texels[row1 + c0] * (1 - fx) + texels[row1 + c1] * fx
        return upper * (1 - fy) + lower * fy


def corner_normals(mesh: Mesh) -> np.ndarray:
    """[F,3,3] float32: vertex normals, or the face's own where the two differ by more than a crease angle."""
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


def _interpolate(corners: np.ndarray, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Corner values [F,3,C] at barycentric weights [N,3] of faces [N] -> [N,C]."""
    return np.einsum("nkc,nk->nc", corners[face], weights)
