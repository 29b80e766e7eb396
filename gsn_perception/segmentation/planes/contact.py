"""The support level of one object by its contact, and the test whether its depth is only that of the plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Remark
from gsn_perception.segmentation.planes.grid import Grid
from gsn_perception.segmentation.planes.grid import dilated
from gsn_perception.segmentation.planes.grid import eroded_core
from gsn_perception.segmentation.planes.grid import lowest_near
from gsn_perception.segmentation.planes.grid import window_around

_RIM = 3  # pixels of a mask's border that may be another's
_REACH = 9  # pixels around the mask in which contact is searched
_OTHER_LEVEL = 0.006  # metres, in addition to the noise: least distance of another level from the frame's plane
_SAME = 0.25  # share of the contact on the frame's plane from which on the object stands on it
_AGREE = 0.55  # share of the contact within the noise of one level, needed to accept that level
_LEAST = 25  # grid points of contact
_LEAST_CONTACT = 0.2  # share of the ring around an object; less is a neighbour that touches it
_BELOW = 0.25  # quantile of an object's heights; its support is lower
_CLEAR_SHARE = 0.15  # share of an object's points clear of the plane from which on the object itself was measured
_LEAST_KNOWN = 40  # pixels of depth inside and around, needed for a decision
_LEAST_CLEAR = 0.002  # metres


def support_plane_of(
    observation: Observation, mask: np.ndarray, frame_plane: Plane
) -> tuple[Plane, tuple[Remark, ...]]:
    """The plane that one object stands on.

    It is the frame's plane, or a parallel plane at the level of the surface in contact with the object's lower end: a
    box, a stack, a higher or lower shelf.

    Args:
        observation: With depth; without it the result is the frame's plane.
        mask: [H,W] bool, the object.
        frame_plane: The support plane of the frame, camera frame.

    Returns:
        The plane, and a remark ``other_level`` where it is not the frame's.
    """
    if observation.depth is None or not mask.any():
        return frame_plane, ()
    level = _level(observation.depth, observation.camera, mask, frame_plane)
    if level is None:
        return frame_plane, ()
    raised = replace(frame_plane, offset=frame_plane.offset - level)
    side = "above" if level > 0 else "below"
    text = (
        f"the object stands {1000 * abs(level):.0f} mm {side} the frame's support plane, on something else; "
        "its own support is at that level, give support_plane if this is wrong"
    )
    return raised, (Remark("other_level", text),)


def _level(depth: np.ndarray, camera: Camera, mask: np.ndarray, plane: Plane) -> float | None:
    """Height of the level that the object stands on above the plane, metres; None for the plane itself, or not visible."""
    grid = Grid.of(depth, camera, window_around(mask, share=0.3, least=30))
    thing = grid.thin(mask)
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
    steps = -(-_RIM // grid.stride)
    core = eroded_core(thing, steps) & grid.known
    ring = dilated(thing, -(-_REACH // grid.stride)) & ~dilated(thing, 1) & grid.known
    if core.sum() < _LEAST or ring.sum() < _LEAST:
        return None
    foot = float(np.quantile(height[core], _BELOW))
    noise = 3 * grid.sigma
    touching = ring & _continuous(grid, core, height, ring)
    bottom = touching & (height < foot + noise)
    for where, agree in ((bottom, _AGREE), (ring, 0.8)):  # from above the contact is hidden: use the whole ring
        if where.sum() < max(_LEAST, _LEAST_CONTACT * ring.sum()):
            continue
        heights, sigma = height[where], grid.sigma[where]
        if (np.abs(heights) < 3 * sigma).mean() > _SAME:
            return None
        level = float(np.median(heights))
        near = np.abs(heights - level) < 2.5 * sigma + 0.002
        if near.mean() < agree:
            return None
        level = float(np.median(heights[near]))
        clear = abs(level) > _OTHER_LEVEL + 2 * float(np.median(sigma))
        return level if clear and level < foot + float(np.median(noise[core])) else None
    return None


def _continuous(grid: Grid, core: np.ndarray, height: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """[h,w] bool: ring points in contact with the object: it comes down to their height nearby."""
    reach = -(-(_REACH + _RIM) // grid.stride)
    lowest = lowest_near(height, core, reach)
    with np.errstate(invalid="ignore"):
        return np.asarray(ring & (np.abs(lowest - height) < 0.004 + 2 * grid.sigma + reach * grid.pitch))


def lies_on_plane(depth: np.ndarray, camera: Camera, mask: np.ndarray, plane: Plane) -> float | None:
    """Whether the depth inside a mask is only that of the plane around it: a transparent object, or a thin sheet.

    Heights are relative to the plane's points right around the mask, so that a tilt or an error of the plane has no
    effect.

    Args:
        depth: [H,W] metres along z, NaN = unknown.
        camera: Its camera.
        mask: [H,W] bool, the object.
        plane: The support plane, camera frame.

    Returns:
        The object's median height above that level in metres if its depth lies on the plane; None if it is clear of the
        plane, or where too little depth is known.
    """
    if not mask.any():
        return None
    grid = Grid.of(depth, camera, window_around(mask, share=0.5, least=20))
    thing = grid.thin(mask)
    ring = dilated(thing, -(-12 // grid.stride)) & ~dilated(thing, -(-4 // grid.stride)) & grid.known
    inside = thing & grid.known
    with np.errstate(invalid="ignore"):
        height = plane.height(grid.points)
        ring &= np.abs(height) < 0.01 + 3 * grid.sigma
    least = _LEAST_KNOWN / grid.stride**2
    if inside.sum() < least or ring.sum() < least:
        return None
    heights = height[inside] - np.median(height[ring])
    sigma = float(np.median(grid.sigma[inside]))
    median = float(np.median(heights))
    spread = 1.4826 * float(np.median(np.abs(height[ring] - np.median(height[ring]))))
    clear = max(_LEAST_CLEAR, 0.5 * sigma)
    off = (
        not -2 * clear <= median <= clear
    )  # light through a transparent object is refracted and measures slightly farther
    if off or (heights > clear + 2 * min(spread, sigma)).mean() > _CLEAR_SHARE:
        return None
    return median
