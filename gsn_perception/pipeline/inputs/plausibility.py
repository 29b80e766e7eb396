"""Plausibility checks of the inputs: depth unit and range, intrinsics, masks; each remark is a sentence for the user."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.gsn.scale import MIN_PIXELS
from gsn_perception.segmentation.masks.cleaning import Cleaned

_NO_METRES = 100.0  # typical depths beyond this are in another unit: nothing in reach of a gripper is so far away
_FAR_PLANE = 0.1  # share of pixels at exactly the largest depth: the far plane of a simulator, not a measurement
_OFF_CENTRE = 0.2  # of the image size
_FIELD = (5.0, 150.0)  # degrees: plausible fields of view of a pinhole image of a scene within reach of an arm
_PIXEL_ASPECT = 1.3
_IN_RANGE = 0.5  # of the objects' depth
_LEAST_DEPTH = 0.4  # of an object's pixels
_RIM = 0.08  # of the mask's pixels; a rim of one pixel is normal
_MOSTLY = 0.4  # likewise: masks are seldom that wrong, so the object is probably transparent
_MOVED = 0.04  # likewise
_FILLED = 0.05  # likewise
_SWAPPED = 0.05  # of the image's size


def check_depth_unit(depth: np.ndarray | None, mask: np.ndarray | None = None) -> None:
    """Refuse depth that cannot be in metres.

    Args:
        depth: [H,W] as received, before far depth becomes unknown.
        mask: [H,W] labels; where there are objects, only their depth is judged.

    Raises:
        InputError: nearly all of it is above 100.
    """
    if depth is None:
        return
    values = depth[np.isfinite(depth)]
    if mask is not None:
        on = depth[(mask > 0) & np.isfinite(depth)]
        values = on if len(on) >= 50 else values
    if not len(values):
        return
    far = values == values.max()
    if far.mean() > _FAR_PLANE:
        values = values[~far]
    if not len(values) or np.quantile(values, 0.1) <= _NO_METRES:
        return
    low, high = np.quantile(values, [0.1, 0.9])
    whole = (np.round(values) == values).mean() > 0.99
    unit = "they are millimetres" if whole else "they look like millimetres"
    raise InputError(
        f"the depth image has values from {low:.0f} to {high:.0f}, which cannot be metres, {unit}; "
        "divide by 1000 (in ROS 16UC1 is in millimetres and 32FC1 in metres)"
    )


def range_remarks(before: np.ndarray | None, after: np.ndarray | None, mask: np.ndarray | None) -> tuple[Remark, ...]:
    """A remark where most of the objects' depth is outside ``min_depth`` to ``max_depth``.

    Args:
        before: [H,W] metres along z as received; or None.
        after: [H,W] without depth that is too near or too far; or None.
        mask: [H,W] labels; or None.
    """
    if before is None or after is None or mask is None:
        return ()
    values = before[(mask > 0) & np.isfinite(before)]
    if not len(values) or np.isfinite(after[(mask > 0) & np.isfinite(before)]).mean() > _IN_RANGE:
        return ()
    return (
        Remark(
            "depth_range",
            f"most of the objects' depth (typically {np.median(values):.3g} m) lies outside of min_depth to max_depth and "
            "counts as unknown; check its unit (metres as float, millimetres as 16 bit), or widen that range",
        ),
    )


def camera_remarks(camera: Camera) -> tuple[Remark, ...]:
    """Remarks on implausible intrinsics: principal point, focal length, pixel aspect."""
    return tuple(_camera(camera))


def _camera(camera: Camera) -> Iterator[Remark]:
    cx, cy = float(camera.K[0, 2]), float(camera.K[1, 2])
    size = f"{camera.width}x{camera.height}"
    if abs(cx / camera.width - 0.5) > _OFF_CENTRE or abs(cy / camera.height - 0.5) > _OFF_CENTRE:
        yield Remark(
            "principal_point",
            f"the principal point ({cx:.1f}, {cy:.1f}) lies far from the middle of the {size} image and was taken as it "
            "is; check that K belongs to this image size, to pixels and to this crop of it",
        )
    elif _swapped(cx, cy, camera):
        yield Remark(
            "principal_point",
            f"the principal point ({cx:.1f}, {cy:.1f}) would be the middle of the {size} image if cx and cy were swapped, "
            "and was taken as it is; check their order in K",
        )
    fields = [_field(camera.width, camera.K[0, 0]), _field(camera.height, camera.K[1, 1])]
    if min(fields) < _FIELD[0] or max(fields) > _FIELD[1]:
        yield Remark(
            "focal_length",
            f"the focal length ({camera.K[0, 0]:.4g}, {camera.K[1, 1]:.4g}) makes the {size} image "
            f"{fields[0]:.0f} by {fields[1]:.0f} degrees wide and was taken as it is; check that K is in pixels of this image",
        )
    ratio = float(camera.K[0, 0] / camera.K[1, 1])
    if not 1 / _PIXEL_ASPECT <= ratio <= _PIXEL_ASPECT:
        yield Remark(
            "pixel_aspect",
            f"fx is {ratio:.2f} times fy, so pixels would be far from square, and was taken as it is; "
            f"check that K belongs to the {size} image",
        )


def _swapped(cx: float, cy: float, camera: Camera) -> bool:
    width, height = camera.width, camera.height
    near = max(abs(cx - height / 2), abs(cy - width / 2)) < _SWAPPED * min(width, height)
    return near and max(abs(cx - width / 2), abs(cy - height / 2)) > 2 * _SWAPPED * min(width, height)


def _field(pixels: int, focal: float) -> float:
    return float(np.degrees(2 * np.arctan(pixels / 2 / focal)))


def mask_remarks(cleaned: Cleaned) -> tuple[Remark, ...]:
    """Remarks on what mask cleaning changed, and why."""
    return tuple(_mask(cleaned))


def _mask(cleaned: Cleaned) -> Iterator[Remark]:
    before = cleaned.before
    if cleaned.pieces:
        pieces = "1 piece" if cleaned.pieces == 1 else f"{cleaned.pieces} pieces"
        yield Remark(
            "mask_pieces",
            f"{cleaned.piece_pixels} of the mask's {before} pixels lay in {pieces} away from the object and were left "
            "out; give every object a label of its own and its mask in one piece",
        )
    rim, moved = cleaned.rim_pixels / before, cleaned.moved_pixels / before
    if moved >= _MOVED:
        yield Remark(
            "mask_shifted",
            f"the mask lies beside the object: {rim:.0%} of it show table or background by their depth and were left "
            f"out, and {moved:.0%} were added that show the object; give mask and depth of the same instant as the image, "
            "with depth registered to colour",
        )
    elif cleaned.lost:
        yield Remark(
            "mask_shifted",
            "by its depth hardly any of the mask shows more than the table while something stands beside it, and it was "
            "used unchanged; give mask and depth of the same instant as the image, with depth registered to colour",
        )
    elif rim >= _RIM:
        cure = "give a tighter mask, and check that depth is registered to colour"
        if rim >= _MOSTLY:
            cure += (
                "; or the object is transparent and depth passes through it: then give a size hint and use_depth false"
            )
        yield Remark(
            "mask_rim",
            f"{rim:.0%} of the mask's pixels show the table or what is behind the object by their depth and were left "
            f"out; {cure}",
        )
    filled = cleaned.filled_pixels / before
    if filled >= _FILLED:
        yield Remark(
            "mask_holes",
            f"holes or stripes of {filled:.0%} of the mask were filled, as nothing else is seen there; "
            "give a mask without them",
        )


def depth_remarks(depth: np.ndarray | None, mask: np.ndarray) -> tuple[Remark, ...]:
    """A remark where most of the depth of an object is missing.

    Args:
        depth: [H,W] metres along z, NaN = unknown; or None.
        mask: [H,W] bool, the object.
    """
    if depth is None or not mask.any():
        return ()
    known = np.isfinite(depth[mask])
    share = float(known.mean())
    if share >= _LEAST_DEPTH or known.sum() < MIN_PIXELS:
        return ()
    return (
        Remark(
            "depth_sparse",
            f"only {share:.0%} of the object's pixels have depth, so most of its surface is guessed; look from another "
            "side or distance (shiny, dark and transparent things lose depth), or check min_depth and max_depth",
        ),
    )
