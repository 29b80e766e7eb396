"""Which numbers of an input can't be, or are hard to believe: the one place that decides, in sentences for the user."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.gsn.scale import MIN_PIXELS
from gsn_perception.gsn.scale import Scale
from gsn_perception.segmentation.masks.cleaning import Cleaned

_NO_METRES = 100.0  # typical depths beyond this are another unit: nothing that a gripper meets is so far away
_FAR_PLANE = 0.1  # of the pixels at the very largest depth: a simulator's background, not a measurement
_OFF_CENTRE = 0.2  # of the image's size
_FIELD = (5.0, 150.0)  # degrees; a pinhole image of a scene within reach of an arm has more and less
_PIXEL_ASPECT = 1.3
_IN_RANGE = 0.5  # of the objects' depth
_LEAST_DEPTH = 0.4  # of an object's pixels
_GRASPED_SIDE = 1 / 3  # of max_extent: the shortest side of what a gripper could meet
_RIM = 0.08  # of the mask's pixels; a rim of one pixel is normal
_MOSTLY = 0.4  # likewise: a mask so wrong is rare, glass is not
_MOVED = 0.04  # likewise
_FILLED = 0.05  # likewise
_SOLID = 0.5  # opacity of Gaussians that count for the size
_HINTED = 5.0  # times max_extent: a hint beyond that is in another unit
_TINY, _NEAREST = 0.025, 0.1  # metres: no depth camera measures such a small thing from so near
_SWAPPED = 0.05  # of the image's size
_HINT_FACTOR = 2.5  # between size hint and depth
_COVERED = 0.8  # of the silhouette's length


def check_depth_unit(depth: np.ndarray | None, mask: np.ndarray | None = None) -> None:
    """Refuse depth that can be no metres.

    Args:
        depth: [H,W] as it came, before anything far is taken for unknown.
        mask: [H,W] labels; where there are objects their depth counts.

    Raises:
        InputError: nearly all of it lies beyond 100.
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
        f"the depth image holds {low:.0f} to {high:.0f}, which can be no metres, {unit}; "
        "divide by 1000 (in ROS 16UC1 holds millimetres and 32FC1 metres)"
    )


def range_remarks(before: np.ndarray | None, after: np.ndarray | None, mask: np.ndarray | None) -> tuple[Remark, ...]:
    """Whether the objects' depth lies out of the range that is believed.

    Args:
        before: [H,W] metres along z as it came; or None.
        after: [H,W] without what is too near or too far; or None.
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
    """What is hard to believe about the intrinsics."""
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
    """What was left out of a mask, and why."""
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
            f"out, and {moved:.0%} were added where the object goes on; give mask and depth of the image's own moment, "
            "with depth registered to colour",
        )
    elif cleaned.lost:
        yield Remark(
            "mask_shifted",
            "by its depth hardly any of the mask shows more than the table while something stands beside it, and it was "
            "used as it came; give mask and depth of the image's own moment, with depth registered to colour",
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
    """Whether an object's depth is mostly missing.

    Args:
        depth: [H,W] metres along z, NaN = unknown; or None.
        mask: [H,W] bool, the object.
    """
    if depth is None or not mask.any():
        return ()
    known = np.isfinite(depth[mask])
    share = float(known.mean())
    if share >= _LEAST_DEPTH or known.sum() < MIN_PIXELS:  # with less the scale has another source, which is said there
        return ()
    return (
        Remark(
            "depth_sparse",
            f"only {share:.0%} of the object's pixels have depth, so most of its surface is guessed; look from another "
            "side or distance (shiny, dark and transparent things lose depth), or check min_depth and max_depth",
        ),
    )


def scale_remarks(scale: Scale, splat: Gaussians, *, has_depth: bool, max_extent: float) -> tuple[Remark, ...]:
    """What is hard to believe about the size of an object.

    Args:
        scale: What fixed it.
        splat: In metres.
        has_depth: Whether the frame has depth.
        max_extent: The longest side, metres, of what a gripper could meet; 0 believes everything. Its shortest side is
            at most a third of that.
    """
    return tuple(_scale(scale, splat, has_depth, max_extent))


def _scale(scale: Scale, splat: Gaussians, has_depth: bool, max_extent: float) -> Iterator[Remark]:
    if has_depth and scale.source != "depth":
        source = {"size_hint": "the size hint", "support_plane": "the support plane"}.get(
            scale.source, "no measurement"
        )
        yield Remark(
            "depth_unused",
            f"too little depth lies on the object, so its size is from {source}; "
            "check that depth is registered to colour and in range",
        )
    if max_extent <= 0 or scale.source == "unit":
        return
    means = splat.means[splat.opacities > _SOLID].detach().cpu().double().numpy()
    if len(means) < 10:
        return
    axes = np.linalg.eigh(np.cov(means.T))[1]
    sides = np.sort(np.ptp(np.quantile(means @ axes, [0.02, 0.98], axis=0), axis=0))
    away = float(np.linalg.norm(means.mean(axis=0)))
    if scale.source == "size_hint":  # the user said so
        if sides[2] > _HINTED * max_extent:
            yield Remark(
                "size_implausible",
                f"by the size hint the object would measure about {sides[2]:.2g} m; "
                "give the hint in metres, between the two points farthest from each other",
            )
    elif sides[2] < _TINY and away < _NEAREST:
        yield Remark(
            "size_implausible",
            f"the object measures {1000 * sides[2]:.0f} mm at a distance of {1000 * away:.0f} mm, nearer than depth "
            "cameras see; check the unit of depth (metres as float, millimetres as 16 bit)",
        )
    elif sides[2] > max_extent or sides[0] > _GRASPED_SIDE * max_extent:
        from_what = "depth" if scale.source == "depth" else "the support plane"
        yield Remark(
            "size_implausible",
            f"the object measures {sides[2]:.2f} x {sides[1]:.2f} x {sides[0]:.2f} m at a distance of "
            f"{away:.2f} m, more than a gripper could meet; check the unit of {from_what} "
            "(metres as float, millimetres as 16 bit) or raise max_extent",
        )


def hint_remarks(scale: Scale, hinted: Scale, size_hint: float) -> tuple[Remark, ...]:
    """Whether a size hint beside depth is in another unit than it.

    Args:
        scale: By depth.
        hinted: By the hint.
        size_hint: Metres.
    """
    ratio = hinted.value / scale.value
    if 1 / _HINT_FACTOR <= ratio <= _HINT_FACTOR:
        return ()
    return (
        Remark(
            "size_hint_contradicts_depth",
            f"by depth the object is about {size_hint / ratio:.2g} m long, by the size hint {size_hint:.2g} m, and depth "
            "was used; check the unit of both (metres)",
        ),
    )


def mesh_remarks(vertices: np.ndarray, camera: Camera, mask: np.ndarray) -> tuple[Remark, ...]:
    """Whether a mesh falls short of the object's silhouette.

    Args:
        vertices: [V,3] camera frame, metres.
        camera: Its camera.
        mask: [H,W] bool, the object.
    """
    rows, columns = np.nonzero(mask)
    ahead = vertices[vertices[:, 2] > 0]
    if len(rows) < 3 or not len(ahead):
        return ()
    seen = np.stack([columns, rows], axis=1) + 0.5
    axis = np.linalg.eigh(np.cov(seen.T))[1][:, 1]
    low, high = np.quantile(seen @ axis, [0.005, 0.995])
    along = camera.project(ahead.astype(np.float64)) @ axis
    covered = (min(high, float(along.max())) - max(low, float(along.min()))) / max(high - low, 1.0)
    if covered >= _COVERED:
        return ()
    return (
        Remark(
            "mesh_incomplete",
            f"the mesh covers only {max(covered, 0.0):.0%} of the object's length in the image, the rest of it was too thin "
            "or too uncertain; give depth, or look from nearer",
        ),
    )
