"""Iso-surface extraction: marching cubes on a sampled field, outer surface."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
from skimage.measure import marching_cubes

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.extraction.mise import Lattice
from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.watertight.connectivity import pieces
from gsn_perception.surface.watertight.connectivity import select_faces

_NUDGE = 1e-4
_OFF = 0.01  # of a cell: least distance of vertices from the lattice corners


def extract_surface(lattice: Lattice, *, level: float = 0.0, field: Field | None = None, bisections: int = 0) -> Mesh:
    """Marching cubes; the mesh is closed also where the solid reaches the border of the lattice.

    Without bisections no faces cross or touch; with them (:func:`bisected`) some may.

    Args:
        lattice: The sampled field.
        level: The value of the surface.
        field: If given, every vertex is moved along its lattice edge to where the field changes sign.
        bisections: Halvings of that edge.

    Raises:
        InputError: nothing is above the level.
    """
    padded, crossed, some = _padded(lattice.values, np.float32(level))
    if not some:
        raise InputError(
            "the splat has no solid: every point is in the free space of a camera; use other weights or input"
        )
    corners, faces, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent", allow_degenerate=True, mask=crossed)
    mesh = Mesh(_positions(np.ascontiguousarray(corners), lattice.origin, lattice.cell), faces)
    return mesh if field is None else bisected(mesh, lattice, level=level, field=field, steps=bisections)


@numba.njit(nogil=True, cache=True)
def _padded(values: np.ndarray, level: np.float32) -> tuple[np.ndarray, np.ndarray, bool]:
    """Values above the level, with a border outside; the upper corners of the cells that the surface crosses; whether any.

    No value is left at the level.
    """
    X, Y, Z = values.shape
    span = np.float32(0.0)
    for value in values.flat:
        span = max(span, abs(value - level))
    least = np.float32(_NUDGE * np.float64(span))
    padded = np.full((X + 2, Y + 2, Z + 2), -span)
    some = False
    for i in range(X):
        for j in range(Y):
            for k in range(Z):
                value = values[i, j, k] - level
                padded[i + 1, j + 1, k + 1] = -least if abs(value) < least else value
                some |= value >= least and value > 0
    crossed = np.zeros(padded.shape, np.bool_)
    for i in range(1, X + 2):
        for j in range(1, Y + 2):
            for k in range(1, Z + 2):
                inside = padded[i, j, k] > 0
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            crossed[i, j, k] |= (padded[i - a, j - b, k - c] > 0) != inside
    return padded, crossed, some


@numba.njit(nogil=True, cache=True)
def _positions(corners: np.ndarray, origin: np.ndarray, cell: float) -> np.ndarray:
    """[V,3] float32 of vertices on edges of the padded lattice, kept away from the ends, so that no two coincide."""
    out = np.empty(corners.shape, np.float32)
    for v in range(len(corners)):
        axis, most = 0, -1.0
        for k in range(3):
            off = abs(corners[v, k] - np.rint(corners[v, k]))
            if off > most:
                axis, most = k, off
        for k in range(3):
            at = np.float64(corners[v, k]) - 1.0
            if k == axis:
                low = np.floor(at)
                at = low + min(max(at - low, _OFF), 1.0 - _OFF)
            else:
                at = np.rint(at)
            out[v, k] = origin[k] + cell * at
    return out


def bisected(mesh: Mesh, lattice: Lattice, *, level: float, field: Field, steps: int) -> Mesh:
    """The mesh with every vertex moved along its lattice edge to where the field changes sign; faces may cross then.

    Args:
        mesh: As extracted from the lattice: vertices on its edges.
        lattice: The sampled field.
        level: The value of the surface.
        field: The field that was sampled.
        steps: Halvings of an edge; 0 moves nothing.
    """
    if steps < 1 or not len(mesh.faces):
        return mesh
    corners = (mesh.vertices.astype(np.float64) - lattice.origin) / lattice.cell
    low, axis = _edges(corners)
    high = low.copy()
    high[np.arange(len(low)), axis] += 1.0
    inner = np.asarray(((low >= 0) & (high <= np.array(lattice.values.shape) - 1)).all(axis=1))
    rising = ~_inside(lattice, low, level).reshape(-1, 1)
    inside, outside = np.where(rising, high, low), np.where(rising, low, high)
    for _ in range(steps):
        middle = 0.5 * (inside + outside)
        solid = np.greater(field(lattice.positions(middle)), level).reshape(-1, 1)
        inside, outside = np.where(solid, middle, inside), np.where(solid, outside, middle)
    placed = np.where(inner[:, None], _placed(0.5 * (inside + outside), low, axis), corners)
    return replace(mesh, vertices=lattice.positions(placed))


def _edges(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower end [V,3] and axis [V] of the lattice edges on which vertices [V,3] in lattice units lie."""
    axis = np.abs(corners - np.round(corners)).argmax(axis=1)
    rows = np.arange(len(corners))
    low = np.round(corners)
    low[rows, axis] = np.floor(corners[rows, axis])
    return low, axis


def _placed(corners: np.ndarray, low: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Vertices [V,3] kept away from the ends of their edges, so that no two coincide."""
    out = low.copy()
    rows = np.arange(len(corners))
    out[rows, axis] += np.clip(corners[rows, axis] - low[rows, axis], _OFF, 1.0 - _OFF)
    return out


def _inside(lattice: Lattice, corners: np.ndarray, level: float) -> np.ndarray:
    index = np.clip(corners.astype(np.int64), 0, np.array(lattice.values.shape) - 1)
    return np.asarray(lattice.values[tuple(index.T)] > level)


def outer_surface(mesh: Mesh, smallest: float = 1.0) -> Mesh:
    """The closed part with the largest volume and parts of at least ``smallest`` of that; internal cavities are dropped.

    Cavities have negative volume. One object may consist of several parts.
    """
    if not len(mesh.faces):
        return mesh
    piece, volume = pieces(mesh)
    keep = volume >= min(smallest, 1.0) * volume.max()
    return mesh if keep.all() else select_faces(mesh, keep[piece])
