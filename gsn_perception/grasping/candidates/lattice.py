"""Contact pairs on a lattice of lines that is fixed to the object.

From a rolled camera or in the next frame the object gives the same grasps again. Random points would give other grasps
of equal quality.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from gsn_perception.grasping.candidates.lattice_hits import Lattice
from gsn_perception.grasping.candidates.lattice_hits import extents
from gsn_perception.grasping.candidates.lattice_hits import lattice_chords
from gsn_perception.grasping.candidates.sampling import ContactPairs
from gsn_perception.grasping.candidates.sampling import OpposedPairs
from gsn_perception.grasping.candidates.sampling import no_pairs
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.grasping.object_surface import used_vertices
from gsn_perception.grasping.tree.face_values import harmonics

_SPACING = 0.009  # metres between lines
_LINES = 20_000  # most lines; the spacing grows for larger objects
_AZIMUTHS = 12  # closing directions over half a turn
_RISES = np.deg2rad([-30.0, -15.0, 0.0, 15.0, 30.0])  # elevation of the closing direction over the plane
_FAINT = 1e-3  # of a surface's weight; directions with less weight are noise
_BONUSES = (0.1, 0.2)  # of all lines; of the coarser lattice


def lattice_pairs(
    surface: Surface, gripper: Gripper, *, axis: np.ndarray, friction: float, clearance: float
) -> tuple[ContactPairs, Counter[str]]:
    """Pairs of points at which parallel lines enter and leave the object, both within the friction cones.

    Every second line, azimuth and elevation forms a coarser lattice. Its pairs have the larger
    :attr:`~gsn_perception.grasping.candidates.sampling.ContactPairs.bonus`, so that they are preferred to neighbours with
    nearly equal scores and noise of the surface has less influence.

    Args:
        surface: The object.
        gripper: Sets the allowed widths.
        axis: [3] unit; azimuths turn about it, elevations are relative to the plane across it.
        friction: Coulomb coefficient.
        clearance: Free opening needed beside the object, metres, sum of both sides.

    Returns:
        The pairs, and the number of rejected pairs by reason; no pairs for an object without axes.
    """
    return through_lattice(surface, axis).fitting(gripper, friction=friction, clearance=clearance)


def through_lattice(surface: Surface, axis: np.ndarray) -> OpposedPairs:
    """All pairs of the lattice, whatever gripper and friction; arguments as :func:`lattice_pairs`."""
    axes = object_axes(surface, axis)
    if axes is None:
        return OpposedPairs(np.zeros(0), np.zeros(0), lambda rows: no_pairs())
    places = np.ascontiguousarray(surface.mesh.vertices.T) - surface.center[:, None]  # [3,V]
    lattice = _lines(places, used_vertices(surface.mesh), _FRAMES @ axes.T)
    chords = lattice_chords(places, surface.mesh.faces, surface.normals, lattice)

    def pairs(rows: np.ndarray) -> ContactPairs:
        number, cells = chords.lines[rows, 0], chords.lines[rows, 1:]
        frames = lattice.frames[number]  # [C,3,3]
        origins = lattice.spacing * np.einsum("ca,cai->ci", cells.astype(np.float64), frames[:, 1:]) + surface.center
        ends = origins[:, None] + chords.depths[rows, :, None] * frames[:, :1]
        tangents = np.cross(frames[:, 0], axis)
        tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
        coarse = _EVEN[number] & (cells % 2 == 0).all(axis=1)
        return ContactPairs(ends, chords.faces[rows], tangents, np.where(coarse, _BONUSES[1], _BONUSES[0]))

    return OpposedPairs(chords.depths[:, 1] - chords.depths[:, 0], chords.slopes, pairs)


def object_axes(surface: Surface, axis: np.ndarray) -> np.ndarray | None:
    """[3,3] axes of the object as columns: z is ``axis``, x follows the object's faces; None where x is not defined.

    x is the main direction of the observed normals, modulo right angles (the phase of the fourth harmonic of the normals
    across ``axis``). For round objects it is the mean direction of the observed normals, i.e. towards the camera. Both
    change little with noise of the surface. For a round object that was observed evenly neither is defined.
    """
    z = axis
    x = np.cross(z, np.eye(3)[np.argmin(np.abs(z))])
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    weights = surface.areas
    if surface.confidence is not None:
        weights = weights * (surface.confidence + 1e-6)
    facing, fourth = harmonics(surface.normals, weights, x, y)
    if abs(facing) > _FAINT:
        fourth += 0.1 * (facing / abs(facing)) ** 4
    if abs(fourth) < _FAINT:
        return None
    turn = np.angle(fourth) / 4
    x = np.cos(turn) * x + np.sin(turn) * y
    return np.stack([x, np.cross(z, x), z], axis=1)


def _lines(places: np.ndarray, used: np.ndarray, frames: np.ndarray) -> Lattice:
    """The lines of directions [D,3,3] through the bounding rectangles of those points [3,V] that are ``used`` [V]."""
    low, high = extents(places if used.all() else places[:, used].copy(), frames).swapaxes(0, 1)  # [D,2] each
    count = float(np.prod((high - low) / _SPACING + 1, axis=1).sum())
    spacing = float(_SPACING * np.sqrt(2.0) ** max(np.ceil(np.log2(count / _LINES)), 0))
    first, last = np.ceil(low / spacing).astype(np.int64), np.floor(high / spacing).astype(np.int64)
    return Lattice(frames, first, last, spacing)


def _frame(azimuth: float, rise: float) -> np.ndarray:
    """[3,3] rows: a direction, and two orthogonal to it, the first of them horizontal."""
    c, s = np.cos(azimuth), np.sin(azimuth)
    direction = np.array([np.cos(rise) * c, np.cos(rise) * s, np.sin(rise)])
    level = np.array([-s, c, 0.0])
    return np.stack([direction, level, np.cross(direction, level)])


_TURNS = [(i, j) for i in range(_AZIMUTHS) for j in range(len(_RISES))]
_FRAMES = np.stack([_frame(np.pi * i / _AZIMUTHS, _RISES[j]) for i, j in _TURNS])  # [D,3,3]
_EVEN = np.array([i % 2 == 0 and j % 2 == 0 for i, j in _TURNS])  # [D] directions of the coarser lattice
