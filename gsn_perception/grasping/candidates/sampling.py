"""Antipodal contact pairs by ray casting, and gripper poses swept about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_STEEP = float(np.sin(np.deg2rad(60)))  # of a normal against the plane: no cone of friction 0.5 reaches the horizontal


@dataclass(frozen=True, slots=True, eq=False)
class ContactPairs:
    """Two opposite points of the surface per row.

    Attributes:
        points: [C,2,3] metres.
        faces: [C,2] indices of the triangles they lie on.
        tangents: [C,3] unit, perpendicular to the line between them; turns with the object.
        lead: [C] how much less grasps of the pair may score and still be chosen before their neighbours.
    """

    points: np.ndarray
    faces: np.ndarray
    tangents: np.ndarray
    lead: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def select(self, keep: np.ndarray) -> ContactPairs:
        """The rows of a mask or index array."""
        return ContactPairs(self.points[keep], self.faces[keep], self.tangents[keep], self.lead[keep])

    @property
    def widths(self) -> np.ndarray:
        """[C] distances between the two points, metres."""
        return np.linalg.norm(self.points[:, 1] - self.points[:, 0], axis=1)

    @property
    def axes(self) -> np.ndarray:
        """[C,3] unit vectors from the first to the second point."""
        return (self.points[:, 1] - self.points[:, 0]) / self.widths[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Candidate gripper poses.

    Attributes:
        rotations: [P,3,3], columns x, y (closing), z (approach).
        centers: [P,3] TCP, metres.
        widths: [P] openings before closing, metres.
        pairs: [P] row of the contact pair.
        lead: [P] of the pair.
    """

    rotations: np.ndarray
    centers: np.ndarray
    widths: np.ndarray
    pairs: np.ndarray
    lead: np.ndarray

    def __len__(self) -> int:
        return len(self.widths)

    def select(self, keep: np.ndarray) -> Poses:
        """The rows of a mask or index array."""
        return Poses(*(getattr(self, name)[keep] for name in _POSES))

    @classmethod
    def of(cls, rotations: np.ndarray, centers: np.ndarray, widths: np.ndarray) -> Poses:
        """Poses that come from no pairs."""
        return cls(rotations, centers, widths, np.arange(len(widths)), np.zeros(len(widths)))

    @classmethod
    def cat(cls, parts: Sequence[Poses]) -> Poses:
        """Several lists as one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _POSES))


_POSES = ("rotations", "centers", "widths", "pairs", "lead")


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
    """Pairs whose connecting line lies in both friction cones (Nguyen 1988), no wider than the gripper opens.

    Points are drawn evenly over the area; from each a ray enters the object along the inward normal, tilted at random
    within the friction cone for every second point; where it first leaves is the partner. On a support plane, points
    whose cone holds no direction near the horizontal are not drawn, and every fourth ray is levelled as far as the
    cone allows: fingers on a line that is too steep would reach below the plane. All random choices are made in the
    surface's own axes, so that pairs turn with the object.

    Args:
        surface: The object.
        gripper: Sets the widths allowed.
        count: Points to draw.
        friction: Coulomb coefficient.
        clearance: Free room needed beside the object within the opening, metres in all.
        seed: Of the random numbers.
        up: [3] unit normal of the support plane, None where there is none.

    Returns:
        The pairs, and how many points were rejected by reason.
    """
    rng = np.random.default_rng(seed)
    areas = surface.areas if up is None else np.where(np.abs(surface.normals @ up) < _STEEP, surface.areas, 0.0)
    if areas.sum() <= 0:
        return no_pairs(), Counter({"lying flat": count})
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
    return checked_pairs(pairs, slope, gripper, friction=friction, clearance=clearance)


def checked_pairs(
    pairs: ContactPairs, slope: np.ndarray, gripper: Gripper, *, friction: float, clearance: float
) -> tuple[ContactPairs, Counter[str]]:
    """The pairs that a gripper can close on, and how many were rejected by reason.

    Args:
        pairs: C candidates.
        slope: [C] cosine between their line and the normal at the worse end; not positive where there is no end.
        gripper: Sets the widths allowed.
        friction: Coulomb coefficient.
        clearance: Free room needed beside the object within the opening, metres in all.
    """
    widths = np.linalg.norm(pairs.points[:, 1] - pairs.points[:, 0], axis=1)
    checks = {
        "no opposite surface": slope <= 0,
        "outside the friction cone": slope < np.cos(np.arctan(friction)),
        "wider than the gripper opens": widths + clearance > gripper.max_width,
        "thinner than the gripper closes": widths < gripper.min_width,
    }
    keep, counts = _sieve(checks, len(pairs))
    return pairs.select(keep), counts


def sweep_poses(
    pairs: ContactPairs, gripper: Gripper, *, preferred: np.ndarray | None, half_range: float, steps: int, spare: float
) -> Poses:
    """Approach directions turned about the closing axis of every pair, the pads' centres on the contacts.

    Args:
        pairs: C contact pairs.
        gripper: Sets the widest opening.
        preferred: [3] unit; the sweep starts at the approach closest to it. None starts at the pair's tangent.
        half_range: Radians to either side of the start; pi sweeps the full circle.
        steps: Directions per pair.
        spare: Room to leave beside the object in the opening where the gripper has it, metres in all.

    Returns:
        C * steps poses, ordered by pair.
    """
    closing = pairs.axes
    start = pairs.tangents
    if preferred is not None:
        wanted = preferred - (closing @ preferred)[:, None] * closing
        length = np.linalg.norm(wanted, axis=1, keepdims=True)
        start = np.where(length > 0.1, wanted / np.maximum(length, 1e-30), start)
    full = half_range >= np.pi
    angles = np.linspace(-half_range, half_range, steps, endpoint=not full)
    if full:
        angles = angles + np.pi  # begin at the preferred direction
    other = np.cross(closing, start)
    approach = np.cos(angles)[None, :, None] * start[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    y = np.repeat(closing, steps, axis=0)
    z = approach.reshape(-1, 3)
    rotations = np.stack([np.cross(y, z), y, z], axis=2)
    widths = np.minimum(pairs.widths + spare, gripper.max_width)
    rows = np.repeat(np.arange(len(pairs)), steps)
    return Poses(rotations, pairs.points.mean(axis=1)[rows], widths[rows], rows, pairs.lead[rows])


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
    """Faces [N] and points [N,3] spread evenly over the given areas [F] from uniform numbers [N,3]."""
    total = np.cumsum(areas)
    faces = np.searchsorted(total, uniform[:, 0] * total[-1], side="right").clip(0, len(total) - 1)
    root = np.sqrt(uniform[:, 1:2])
    weights = np.concatenate([1 - root, root * (1 - uniform[:, 2:]), root * uniform[:, 2:]], axis=1)
    return faces, np.einsum("nk,nkd->nd", weights, _corners(surface, faces))


def _sieve(checks: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, Counter[str]]:
    """Rows that pass every check, and how many each check was the first to reject."""
    keep = np.ones(count, dtype=bool)
    counts: Counter[str] = Counter()
    for reason, rejected in checks.items():
        first = keep & rejected
        if first.any():
            counts[reason] += int(first.sum())
        keep &= ~rejected
    return keep, counts


def _corners(surface: Surface, faces: np.ndarray) -> np.ndarray:
    """[N,3,3] float64 corners of some faces [N]; the mesh's property would copy them all."""
    return surface.mesh.vertices[surface.mesh.faces[faces]].astype(np.float64)
