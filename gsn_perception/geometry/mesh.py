"""Triangle meshes as numpy arrays: normals, areas, volume, watertightness, transforms, merging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.transforms import split_similarity
from gsn_perception.geometry.transforms import transform_points


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh; faces are counter-clockwise seen from outside.

    Attributes:
        vertices: [V,3] float32 metres.
        faces: [F,3] int32.
        colors: [V,3] float32 RGB in [0, 1] or None.
        normals: [V,3] float32 unit, outwards, or None.
        confidence: [V] float32 (1 observed, 0 completed) or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | None = None
    normals: np.ndarray | None = None
    confidence: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", np.ascontiguousarray(self.vertices, dtype=np.float32).reshape(-1, 3))
        object.__setattr__(self, "faces", np.ascontiguousarray(self.faces, dtype=np.int32).reshape(-1, 3))
        count = len(self.vertices)
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= count):
            raise InputError(f"mesh faces name vertices outside 0..{count - 1}; the file or array is damaged")
        for name in ("colors", "normals", "confidence"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, np.ascontiguousarray(value, dtype=np.float32))
                if len(getattr(self, name)) != count:
                    raise InputError(f"mesh {name} has {len(value)} rows for {count} vertices")

    @property
    def triangles(self) -> np.ndarray:
        """[F,3,3] corner positions."""
        return self.vertices[self.faces]

    def face_normals(self) -> np.ndarray:
        """[F,3] unit normals (zero for degenerate faces)."""
        normals = self._doubled_areas()
        return np.ascontiguousarray((normals / np.maximum(_lengths(normals), 1e-30)).T)

    def areas(self) -> np.ndarray:
        """[F] triangle areas, m^2."""
        return 0.5 * _lengths(self._doubled_areas())

    def volume(self) -> float:
        """Signed volume in m^3 by the divergence theorem; meaningful for closed meshes."""
        a, b, c = self._corners()
        return float((a * _cross(b, c)).sum() / 6.0)

    def _corners(self) -> np.ndarray:
        """[3,3,F] float64: the coordinates of the faces' first, second and third corners."""
        coordinates = np.ascontiguousarray(self.vertices.T, dtype=np.float64)
        return np.stack([coordinates.take(corner, axis=1) for corner in np.ascontiguousarray(self.faces.T)])

    def _doubled_areas(self) -> np.ndarray:
        """[3,F] float64 outward normals of the faces, as long as twice their areas."""
        a, b, c = self._corners()
        return _cross(b - a, c - a)

    def is_watertight(self) -> bool:
        """Whether every edge is shared by exactly two faces that run along it in opposite directions."""
        if not len(self.faces):
            return False
        edges = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]).astype(np.int64)
        keys = edges[:, 0] * len(self.vertices) + edges[:, 1]
        back = edges[:, 1] * len(self.vertices) + edges[:, 0]
        unique = np.unique(keys)
        return len(unique) == len(keys) and bool(np.isin(back, unique, assume_unique=True).all())

    def transform(self, T: np.ndarray) -> Mesh:
        """Moved by a rigid or similarity transform [4,4]."""
        rotation, _, _ = split_similarity(T)
        normals = None if self.normals is None else self.normals @ rotation.T.astype(np.float32)
        return replace(self, vertices=transform_points(T, self.vertices), normals=normals)

    def with_vertex_normals(self) -> Mesh:
        """With area-weighted vertex normals."""
        faces, count = self.faces.T.ravel(), len(self.vertices)
        normals = np.stack([np.bincount(faces, np.tile(x, 3), count) for x in self._doubled_areas()])
        normals = normals / np.maximum(_lengths(normals), 1e-30)
        return replace(self, normals=normals.T.astype(np.float32))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products [3,N] of vectors [3,N]: several times faster than np.cross."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """[N] of vectors [3,N]."""
    return np.asarray(np.sqrt(vectors[0] * vectors[0] + vectors[1] * vectors[1] + vectors[2] * vectors[2]))


def merge_meshes(parts: Sequence[Mesh]) -> Mesh:
    """Several meshes concatenated with faces renumbered; an attribute is kept if every part has it."""
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
