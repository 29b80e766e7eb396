"""``TexturedMesh``: a mesh with a texture image or vertex colours; texture lookup; shape class."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Literal

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh

Shape = Literal["box", "mid", "open", "unknown"]
SHAPES: tuple[Shape, ...] = ("box", "mid", "open")


@dataclass(frozen=True, slots=True, eq=False)
class TexturedMesh:
    """A mesh in metres, z up, with its appearance.

    The colour of a point is that of the texture if there is one, else the interpolated ``mesh.colors``, else light grey.

    Attributes:
        name: Unique within its folder or generator.
        mesh: Geometry; ``mesh.colors`` [V,3] in [0, 1] are the vertex colours if there is no texture.
        corner_uv: [F,3,2] float32 texture coordinates of the faces' corners, or None. v runs up: the texel of (u, v) is
            column ``u * w`` and row ``(1 - v) * h``; coordinates outside [0, 1] wrap.
        texture: [h,w,3] uint8 RGB, row 0 on top, or None.
        shape: Class by the ratio of volume to convex hull: box (> 0.9), mid, open (< 0.6), or unknown.
    """

    name: str
    mesh: Mesh
    corner_uv: np.ndarray | None = None  # [F, 3, 2]
    texture: np.ndarray | None = None  # [h, w, 3]
    shape: Shape = "unknown"

    def __post_init__(self) -> None:
        if (self.corner_uv is None) != (self.texture is None):
            raise InputError(f"object {self.name!r}: give texture coordinates and texture together, or neither")
        if self.corner_uv is not None:
            uv = np.ascontiguousarray(self.corner_uv, dtype=np.float32)
            if uv.shape != (len(self.mesh.faces), 3, 2):
                expected = (len(self.mesh.faces), 3, 2)
                raise InputError(f"object {self.name!r}: texture coordinates are {uv.shape}, expected {expected}")
            object.__setattr__(self, "corner_uv", uv)
        texture = self.texture
        if texture is not None and (texture.dtype != np.uint8 or texture.ndim != 3 or texture.shape[2] != 3):
            raise InputError(
                f"object {self.name!r}: texture is {texture.dtype} {texture.shape}, expected uint8 [h, w, 3]"
            )

    @property
    def extent(self) -> np.ndarray:
        """[3] sides of the axis-aligned box, metres."""
        return np.ptp(self.mesh.vertices, axis=0)

    def transform(self, T: np.ndarray) -> TexturedMesh:
        """Moved by a rigid or similarity transform [4,4]."""
        return replace(self, mesh=self.mesh.transform(T))

    def recentred(self) -> TexturedMesh:
        """Resting on z = 0 with its box centred in x and y."""
        low, high = self.mesh.vertices.min(axis=0), self.mesh.vertices.max(axis=0)
        shift = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], dtype=np.float32)
        return replace(self, mesh=replace(self.mesh, vertices=self.mesh.vertices - shift))

    def scaled(self, factor: float) -> TexturedMesh:
        """Scaled about the origin."""
        return self.transform(np.diag([factor, factor, factor, 1.0]))

    def vertex_colored(self) -> Mesh:
        """The mesh with vertex colours [V,3], sampled from the texture (mean over a vertex's corners) if there is one."""
        if self.texture is None or self.corner_uv is None:
            grey = np.full((len(self.mesh.vertices), 3), 0.7, dtype=np.float32)
            return self.mesh if self.mesh.colors is not None else replace(self.mesh, colors=grey)
        corners = sample_texture(self.texture, self.corner_uv.reshape(-1, 2)) / 255.0  # [3F, 3]
        total = np.zeros((len(self.mesh.vertices), 3))
        np.add.at(total, self.mesh.faces.reshape(-1), corners)
        count = np.bincount(self.mesh.faces.reshape(-1), minlength=len(total))[:, None]
        return replace(self.mesh, colors=(total / np.maximum(count, 1)).astype(np.float32))


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear, wrapping texture lookup.

    Args:
        texture: [h,w,3] uint8, row 0 on top.
        uv: [N,2], v upwards.

    Returns:
        [N,3] float32 in [0, 255].
    """
    height, width = texture.shape[:2]
    x = uv[:, 0] * np.float32(width) - np.float32(0.5)
    y = (np.float32(1) - uv[:, 1]) * np.float32(height) - np.float32(0.5)
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    c0, r0 = left.astype(np.int64) % width, top.astype(np.int64) % height
    c1, r1 = (c0 + 1) % width, (r0 + 1) % height
    flat = texture.reshape(-1, 3)
    upper = flat[r0 * width + c0] * (1 - fx) + flat[r0 * width + c1] * fx
    lower = flat[r1 * width + c0] * (1 - fx) + flat[r1 * width + c1] * fx
    return upper * (1 - fy) + lower * fy


def shape_class(mesh: Mesh) -> Shape:
    """The shape class by the ratio of the mesh's volume to its convex hull's; unknown if the hull has no volume."""
    from scipy.spatial import ConvexHull
    from scipy.spatial import QhullError

    try:
        hull = float(ConvexHull(mesh.vertices.astype(np.float64)).volume)
    except (QhullError, ValueError):
        return "unknown"
    ratio = abs(mesh.volume()) / hull if hull > 0 else float("nan")
    if not np.isfinite(ratio):
        return "unknown"
    return "box" if ratio > 0.9 else "mid" if ratio >= 0.6 else "open"
