"""Contact pairs on a lattice of lines that is fixed to the object.

From a rolled camera or in the next frame the object gives the same grasps again. Random points would give other grasps
of equal quality.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from gsn_perception.grasping.candidates.sampling import ContactPairs
from gsn_perception.grasping.candidates.sampling import checked_pairs
from gsn_perception.grasping.candidates.sampling import no_pairs
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

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
    axes = object_axes(surface, axis)
    if axes is None:
        return no_pairs(), Counter()
    origins, directions, coarse = _lines(surface, axes)
    answer = surface.caster.list_intersections(np.concatenate([origins, directions], axis=1).astype(np.float32))
    ray, face = (answer[key].numpy().astype(np.int64) for key in ("ray_ids", "primitive_ids"))
    depth = answer["t_hit"].numpy().astype(np.float64)
    order = np.lexsort((depth, ray))
    ray, face, depth = ray[order], face[order], depth[order]
    slope = (surface.normals[face] * directions[ray]).sum(axis=1)
    first = np.flatnonzero(
        (ray[1:] == ray[:-1]) & (slope[:-1] < 0) & (slope[1:] > 0)
    )  # a hit that enters, followed by one that leaves
    line = ray[first]
    ends = origins[line, None] + np.stack([depth[first], depth[first + 1]], axis=1)[..., None] * directions[line, None]
    tangents = np.cross(directions[line], axis)
    pairs = ContactPairs(
        ends,
        np.stack([face[first], face[first + 1]], axis=1),
        tangents / np.linalg.norm(tangents, axis=1, keepdims=True),
        np.where(coarse[line], _BONUSES[1], _BONUSES[0]),
    )
    worse = np.minimum(-slope[first], slope[first + 1])
    return checked_pairs(pairs, worse, gripper, friction=friction, clearance=clearance)


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
    if surface.mesh.confidence is not None:
        weights = weights * (surface.mesh.confidence[surface.mesh.faces].mean(axis=1) + 1e-6)
    across = surface.normals @ x + 1j * (surface.normals @ y)
    facing = (weights * across).sum() / weights.sum()
    fourth = (weights * across**4).sum() / weights.sum()
    if abs(facing) > _FAINT:
        fourth += 0.1 * (facing / abs(facing)) ** 4
    if abs(fourth) < _FAINT:
        return None
    turn = np.angle(fourth) / 4
    x = np.cos(turn) * x + np.sin(turn) * y
    return np.stack([x, np.cross(z, x), z], axis=1)


def _lines(surface: Surface, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origins [L,3] outside the object and directions [L,3] of lines through its bounding box; [L] bool coarser lattice."""
    local = (surface.mesh.vertices[np.unique(surface.mesh.faces)] - surface.center) @ axes
    azimuths = np.pi * np.arange(_AZIMUTHS) / _AZIMUTHS
    frames = [_frame(a, r) for a in azimuths for r in _RISES]
    even = [i % 2 == 0 and j % 2 == 0 for i in range(len(azimuths)) for j in range(len(_RISES))]
    shadows = (local @ frame[1:].T for frame in frames)
    low, high = np.array([[s.min(axis=0), s.max(axis=0)] for s in shadows]).swapaxes(0, 1)  # [D,2] each
    count = float(np.prod((high - low) / _SPACING + 1, axis=1).sum())
    spacing = _SPACING * np.sqrt(2.0) ** max(np.ceil(np.log2(count / _LINES)), 0)
    parts = []
    for frame, is_even, start, end in zip(frames, even, low, high, strict=True):
        u, v = (np.arange(np.ceil(a / spacing), np.floor(b / spacing) + 1) for a, b in zip(start, end, strict=True))
        rows, columns = (m.ravel() for m in np.meshgrid(u, v, indexing="ij"))
        places = spacing * (rows[:, None] * frame[1] + columns[:, None] * frame[2]) - 1.5 * surface.radius * frame[0]
        coarse = is_even & (rows % 2 == 0) & (columns % 2 == 0)
        parts.append((places, np.broadcast_to(frame[0], places.shape), coarse))
    places, along, coarse = (np.concatenate(part) for part in zip(*parts, strict=True))
    return places @ axes.T + surface.center, along @ axes.T, coarse


def _frame(azimuth: float, rise: float) -> np.ndarray:
    """[3,3] rows: a direction, and two orthogonal to it, the first of them horizontal."""
    c, s = np.cos(azimuth), np.sin(azimuth)
    direction = np.array([np.cos(rise) * c, np.cos(rise) * s, np.sin(rise)])
    level = np.array([-s, c, 0.0])
    return np.stack([direction, level, np.cross(direction, level)])
