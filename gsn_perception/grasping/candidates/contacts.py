"""Contact patches of the two pads when the gripper closes, by ray casting."""

from __future__ import annotations

import numpy as np

from gsn_perception.grasping.candidates.pad_lines import PadContacts
from gsn_perception.grasping.candidates.pad_lines import PadGrid
from gsn_perception.grasping.candidates.pad_lines import line_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.object_surface import Surface

_GRID = (3, 4)  # rays over a pad, along x and z
_MISS = 0.02  # metres; depth of a ray without a hit


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
    return line_contacts(poses, grid, surface.tree, surface.normals)
