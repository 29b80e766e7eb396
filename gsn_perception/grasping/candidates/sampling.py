"""Antipodal contact pairs by ray casting from random surface points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_STEEP = float(np.sin(np.deg2rad(60)))  # of a normal over the plane: a cone of friction 0.5 contains no horizontal line


@dataclass(frozen=True, slots=True, eq=False)
class ContactPairs:
    """Two opposite points of the surface per row.

    Attributes:
        points: [C,2,3] metres.
        faces: [C,2] indices of the triangles they lie on.
        tangents: [C,3] unit, perpendicular to the line between them; rotates with the object.
        bonus: [C] added to the score of grasps of the pair when they compete with their neighbours in selection.
    """

    points: np.ndarray
    faces: np.ndarray
    tangents: np.ndarray
    bonus: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def select(self, keep: np.ndarray) -> ContactPairs:
        """The rows of a mask or index array."""
        return ContactPairs(self.points[keep], self.faces[keep], self.tangents[keep], self.bonus[keep])

    @property
    def widths(self) -> np.ndarray:
        """[C] distances between the two points, metres."""
        return np.linalg.norm(self.points[:, 1] - self.points[:, 0], axis=1)

    @property
    def axes(self) -> np.ndarray:
        """[C,3] unit vectors from the first to the second point."""
        return (self.points[:, 1] - self.points[:, 0]) / self.widths[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class OpposedPairs:
    """Contact pairs before the checks of friction and width.

    Attributes:
        widths: [C] distances between the two points, metres.
        slopes: [C] cosine between their line and the normal at the worse end; not positive where there is no second end.
        pairs: Makes the pairs of the given rows; few rows pass the checks.
    """

    widths: np.ndarray
    slopes: np.ndarray
    pairs: Callable[[np.ndarray], ContactPairs]

    def fitting(self, gripper: Gripper, *, friction: float, clearance: float) -> tuple[ContactPairs, Counter[str]]:
        """The pairs that a gripper can close on, and the number of rejected pairs by reason.

        Args:
            gripper: Sets the allowed widths.
            friction: Coulomb coefficient.
            clearance: Free opening needed beside the object, metres, sum of both sides.
        """
        checks = {
            "no opposite surface": self.slopes <= 0,
            "outside the friction cone": self.slopes < np.cos(np.arctan(friction)),
            "wider than the gripper opens": self.widths + clearance > gripper.max_width,
            "thinner than the gripper closes": self.widths < gripper.min_width,
        }
        keep, counts = _apply_checks(checks, len(self.widths))
        return self.pairs(np.flatnonzero(keep)), counts


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Candidate gripper poses.

    Attributes:
        rotations: [P,3,3], columns x, y (closing), z (approach).
        centers: [P,3] TCP, metres.
        widths: [P] openings before closing, metres.
        pairs: [P] row of the contact pair.
        bonus: [P] of the pair.
    """

    rotations: np.ndarray
    centers: np.ndarray
    widths: np.ndarray
    pairs: np.ndarray
    bonus: np.ndarray

    def __len__(self) -> int:
        return len(self.widths)

    def select(self, keep: np.ndarray) -> Poses:
        """The rows of a mask or index array."""
        return Poses(*(getattr(self, name)[keep] for name in _POSES))

    @classmethod
    def of(cls, rotations: np.ndarray, centers: np.ndarray, widths: np.ndarray) -> Poses:
        """Poses without contact pairs."""
        return cls(rotations, centers, widths, np.arange(len(widths)), np.zeros(len(widths)))

    @classmethod
    def cat(cls, parts: Sequence[Poses]) -> Poses:
        """Concatenate lists of poses."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _POSES))


_POSES = ("rotations", "centers", "widths", "pairs", "bonus")


def sample_pairs(
    surface: Surface,
    gripper: Gripper,
    *,
    count: int,
    friction: float,
    clearance: float,
    seed: int,
    up: np.ndarray | None = None,
) -> tuple[ContactPairs, Counter[str]]:
    """Pairs whose connecting line lies in both friction cones (Nguyen 1988) and that fit the gripper's opening.

    Points are sampled uniformly over the area. From each point a ray enters the object along the inward normal, tilted at
    random within the friction cone for every second point. The partner is where the ray first leaves the object. With a
    support plane, points whose cone contains no direction near the horizontal are not sampled, and every fourth ray is
    turned towards the horizontal as far as the cone allows: on a steep line the fingers would reach below the plane. All
    random choices are made in the surface's own axes, so that pairs rotate with the object.

    Args:
        surface: The object.
        gripper: Sets the allowed widths.
        count: Number of points.
        friction: Coulomb coefficient.
        clearance: Free opening needed beside the object, metres, sum of both sides.
        seed: Of the random numbers.
        up: [3] unit normal of the support plane, None where there is none.

    Returns:
        The pairs, and the number of rejected points by reason.
    """
    found = across_surface(surface, count=count, friction=friction, seed=seed, up=up)
    if found is None:
        return no_pairs(), Counter({"lying flat": count})
    return found.fitting(gripper, friction=friction, clearance=clearance)


def across_surface(
    surface: Surface, *, count: int, friction: float, seed: int, up: np.ndarray | None
) -> OpposedPairs | None:
    """A pair for every random point, whatever gripper; None where no point can be sampled. Arguments as :func:`sample_pairs`."""
    rng = np.random.default_rng(seed)
    areas = surface.areas if up is None else np.where(np.abs(surface.normals @ up) < _STEEP, surface.areas, 0.0)
    if areas.sum() <= 0:
        return None
    faces, points = _surface_points(surface, areas, rng.random((count, 3)))
    normals = surface.normals[faces]
    cone = np.arctan(friction)
    edge = _corners(surface, faces)[:, 1] - _corners(surface, faces)[:, 0]
    tangent = edge - (edge * normals).sum(axis=1, keepdims=True) * normals
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-30)
    tilt = 0.9 * cone * np.sqrt(rng.random(count)) * (np.arange(count) % 2)
    turn = 2 * np.pi * rng.random(count)
    side = np.cos(turn)[:, None] * tangent + np.sin(turn)[:, None] * np.cross(normals, tangent)
    inward = -np.cos(tilt)[:, None] * normals + np.sin(tilt)[:, None] * side
    if up is not None:
        inward[2::4] = _levelled(-normals[2::4], up, 0.9 * cone)

    skin = 1e-4 * surface.radius
    distance, partner = surface.cast(points + skin * inward, inward)
    widths = np.where(np.isfinite(distance), distance + skin, 0)
    across = np.cross(inward, tangent)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
    ends = np.stack([points, points + widths[:, None] * inward], axis=1)
    pairs = ContactPairs(ends, np.stack([faces, partner], axis=1), across, np.zeros(count))
    slope = np.where(partner < 0, -1.0, (surface.normals[partner] * inward).sum(axis=1))
    return OpposedPairs(pairs.widths, slope, pairs.select)


def _levelled(directions: np.ndarray, up: np.ndarray, most: float) -> np.ndarray:
    """Unit directions [N,3] turned towards the horizontal by at most ``most`` radians."""
    rise = directions @ up
    flat = directions - rise[:, None] * up
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.where(length > 1e-9, flat / np.maximum(length, 1e-30), directions)
    angle = np.arcsin(np.clip(rise, -1, 1))
    angle = np.sign(angle) * np.maximum(np.abs(angle) - most, 0)
    turned = np.cos(angle)[:, None] * flat + np.sin(angle)[:, None] * up
    return np.where(length > 1e-9, turned, directions)


def no_pairs() -> ContactPairs:
    """An empty list."""
    return ContactPairs(np.zeros((0, 2, 3)), np.zeros((0, 2), dtype=np.int64), np.zeros((0, 3)), np.zeros(0))


def _surface_points(surface: Surface, areas: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces [N] and points [N,3] uniform over the given areas [F], from uniform random numbers [N,3]."""
    total = np.cumsum(areas)
    faces = np.searchsorted(total, uniform[:, 0] * total[-1], side="right").clip(0, len(total) - 1)
    root = np.sqrt(uniform[:, 1:2])
    weights = np.concatenate([1 - root, root * (1 - uniform[:, 2:]), root * uniform[:, 2:]], axis=1)
    return faces, np.einsum("nk,nkd->nd", weights, _corners(surface, faces))


def _apply_checks(checks: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, Counter[str]]:
    """Rows that pass every check, and the number of rows that each check is the first to reject."""
    keep = np.ones(count, dtype=bool)
    counts: Counter[str] = Counter()
    for reason, rejected in checks.items():
        first = keep & rejected
        if first.any():
            counts[reason] += int(first.sum())
        keep &= ~rejected
    return keep, counts


def _corners(surface: Surface, faces: np.ndarray) -> np.ndarray:
    """[N,3,3] float64 corners of faces [N]; ``Mesh.triangles`` would copy those of all faces."""
    return surface.mesh.vertices[surface.mesh.faces[faces]].astype(np.float64)
