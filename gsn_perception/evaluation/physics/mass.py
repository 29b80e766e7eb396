"""Mass, centre of mass and inertia of the solid that a mesh bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsn_perception.evaluation.physics.solid import solid_of
from gsn_perception.geometry import Mesh

LIGHTEST = 2e-3
"""kg; least mass of an object, for which the contacts are stiff enough."""
_LEAST = 1e-7  # kg m^2 added about every axis: a needle would spin too fast for the time step
_FLAT, _FULL = 1e-3, 1.01  # plausible range of a solid's volume, as a share of its hull's


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The mass properties of a solid.

    Attributes:
        mass: kg.
        center: [3] centre of mass, mesh frame, metres.
        inertia: [3,3] about the centre of mass, kg m^2.
    """

    mass: float
    center: np.ndarray
    inertia: np.ndarray


def body_of(mesh: Mesh, parts: Sequence[np.ndarray], density: float) -> Body:
    """Mass properties of the solid that a mesh bounds, with holes closed and faces outwards.

    For a mesh that bounds no solid (a flat sheet, crossing triangles) they are those of its convex parts.

    Args:
        mesh: Any triangles, metres.
        parts: Convex parts [K,3] of the object, mesh frame.
        density: kg/m^3.
    """
    import trimesh

    closed = solid_of(mesh).closed
    solid: Any = trimesh.Trimesh(closed.vertices.astype(np.float64), closed.faces, process=False)
    hull = trimesh.convex.convex_hull(np.concatenate(list(parts)))
    whole = _FLAT * hull.volume < solid.volume <= _FULL * hull.volume
    found = _together([_at_density_1(solid)] if whole else [_at_density_1(_hull(p)) for p in parts])
    mass = max(density * found.mass, LIGHTEST)
    return Body(mass, found.center, found.inertia * mass / found.mass + _LEAST * np.eye(3))


def _hull(part: np.ndarray) -> Any:
    import trimesh

    return trimesh.convex.convex_hull(part)


def _at_density_1(solid: Any) -> Body:
    return Body(float(solid.volume), np.asarray(solid.center_mass), np.asarray(solid.moment_inertia))


def _together(bodies: Sequence[Body]) -> Body:
    """Combine bodies (parallel axis theorem)."""
    mass = sum(b.mass for b in bodies)
    center = sum((b.mass * b.center for b in bodies), np.zeros(3)) / mass
    inertia = np.zeros((3, 3))
    for body in bodies:
        arm = body.center - center
        inertia += body.inertia + body.mass * (arm @ arm * np.eye(3) - np.outer(arm, arm))
    return Body(mass, center, inertia)
