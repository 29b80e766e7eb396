"""Contact patches of the two pads when the gripper closes, by ray casting."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields

import numpy as np

from gsn_perception.grasping.candidates.pad_lines import PadGrid
from gsn_perception.grasping.candidates.pad_lines import line_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_GRID = (3, 4)  # rays over a pad, along x and z
_MISS = 0.02  # metres; depth of a ray without a hit


@dataclass(frozen=True, slots=True, eq=False)
class PadContacts:
    """Contact patches of the pads at +y and -y, in this order.

    Attributes:
        points: [P,2,3] middle of each patch, metres.
        normals: [P,2,3] mean outward normal of the surface over it, unit (zero without contact).
        fill: [P,2] share of the pad in contact.
        width: [P] opening at which both pads touch, metres (inf without contact).
        spread: [P,2] mean depth of the surface behind the first contact over the pad, metres; a miss counts 2 cm.
        faces: [P,2,R] triangles hit by the rays, -1 where they are not in contact.
        spots: [P,2,R,3] end points of the rays, metres; undefined where they are not in contact.
    """

    points: np.ndarray
    normals: np.ndarray
    fill: np.ndarray
    width: np.ndarray
    spread: np.ndarray
    faces: np.ndarray
    spots: np.ndarray

    def select(self, keep: np.ndarray) -> PadContacts:
        """The rows of a mask or index array."""
        return PadContacts(*(getattr(self, field.name)[keep] for field in fields(self)))


def pad_contacts(poses: Poses, gripper: Gripper, surface: Surface, *, tolerance: float) -> PadContacts:
    """Close both pads on the surface, with a grid of rays per pad.

    Args:
        poses: P candidates at their openings, clear of the object.
        gripper: Its pads are used.
        surface: The object.
        tolerance: Compliance of the pads, metres: rays that end at most this deep behind the first are in contact.
    """
    x = (np.arange(_GRID[0]) + 0.5) / _GRID[0] * gripper.pad_width - gripper.pad_width / 2
    length = gripper.pad_back + gripper.pad_front
    z = (np.arange(_GRID[1]) + 0.5) / _GRID[1] * length - gripper.pad_back
    grid = PadGrid(x, z, tolerance, _MISS)
    return PadContacts(*line_contacts(poses, grid, surface.tree, surface.normals))
