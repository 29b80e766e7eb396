"""Plausibility checks after the network: remarks on the size of an object, on size hints and on incomplete meshes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Remark
from gsn_perception.gsn.scale import Scale

_GRASPED_SIDE = 1 / 3  # of max_extent: the longest shortest side of an object that a gripper can meet
_SOLID = 0.5  # opacity of Gaussians that count for the size
_HINTED = 5.0  # times max_extent: a hint beyond that is in another unit
_TINY, _NEAREST = 0.025, 0.1  # metres: no depth camera measures such a small thing from so near
_HINT_FACTOR = 2.5  # between size hint and depth
_UNCERTAIN = 0.05  # standard deviation of the scale by which fingers miss: 35 mm at 0.7 m
_COVERED = 0.8  # of the silhouette's length


def scale_remarks(scale: Scale, splat: Gaussians, *, has_depth: bool, max_extent: float) -> tuple[Remark, ...]:
    """Remarks on an implausible size of an object, an uncertain scale, and depth that was not used for it.

    Args:
        scale: The scale and its source.
        splat: In metres.
        has_depth: Whether the frame has depth.
        max_extent: The longest plausible side, metres; the shortest side is at most a third of it. 0: no check.
    """
    return tuple(_scale(scale, splat, has_depth, max_extent))


def _scale(scale: Scale, splat: Gaussians, has_depth: bool, max_extent: float) -> Iterator[Remark]:
    if has_depth and scale.source != "depth":
        named = {"size_hint": "the size hint", "support_plane": "the support plane", "views": "the camera's motion"}
        source = named.get(scale.source, "no measurement")
        yield Remark(
            "depth_unused",
            f"too little depth lies on the object, so its size is from {source}; "
            "check that depth is registered to colour and in range",
        )
    if scale.source == "support_plane" and scale.sigma > _UNCERTAIN * scale.value:
        share = scale.sigma / scale.value
        away = float(splat.means.detach().double().mean(0).norm()) if len(splat) else 0.0
        yield Remark(
            "scale_uncertain",
            f"by the support plane alone the object's distance is uncertain by {share:.0%} ({1000 * share * away:.0f} mm); "
            "look at it from higher or from another side, or give depth or a size hint",
        )
    if max_extent <= 0 or scale.source == "unit":
        return
    means = splat.means[splat.opacities > _SOLID].detach().cpu().double().numpy()
    if len(means) < 10:
        return
    axes = np.linalg.eigh(np.cov(means.T))[1]
    sides = np.sort(np.ptp(np.quantile(means @ axes, [0.02, 0.98], axis=0), axis=0))
    away = float(np.linalg.norm(means.mean(axis=0)))
    if scale.source == "size_hint":  # the user gave the size: a wider limit
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
        from_what = {"depth": "depth", "views": "the poses of the views"}.get(scale.source, "the support plane")
        yield Remark(
            "size_implausible",
            f"the object measures {sides[2]:.2f} x {sides[1]:.2f} x {sides[0]:.2f} m at a distance of "
            f"{away:.2f} m, more than a gripper could meet; check the unit of {from_what} "
            "(metres as float, millimetres as 16 bit) or raise max_extent",
        )


def hint_remarks(scale: Scale, hinted: Scale, size_hint: float) -> tuple[Remark, ...]:
    """A remark where a size hint and the depth disagree so much that one is probably in another unit.

    Args:
        scale: From depth.
        hinted: From the hint.
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
    """A remark where a mesh covers too little of the length of the object's silhouette.

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
