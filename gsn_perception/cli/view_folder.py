"""Reads a folder of frames with poses, for `gsn reconstruct --views`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsn_perception.geometry import Plane
    from gsn_perception.pipeline import PosedView

_FORM = "each view is a folder with color.png, camera.json, pose.json and, where there are any, mask.png and depth.png"


def read_views(
    folder: Path, reference: str | None = None, support_plane: Plane | None = None, size_hint: float | None = None
) -> tuple[list[PosedView], int]:
    """The views of a folder in the order of their names, and the index of the reference view.

    Args:
        folder: Its subfolders are the views; a ``camera.json`` in it serves all views without one.
        reference: Name of the reference view; None: the last.
        support_plane: In the reference view's camera frame.
        size_hint: Metres.

    Raises:
        InputError: there is no view, a file is missing or damaged, or there is no view of that name.
    """
    from gsn_perception.geometry import InputError

    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; {_FORM}")
    places = sorted(path.parent for path in folder.glob("*/color.png"))
    if not places:
        raise InputError(f"there is no view in {folder}; {_FORM}")
    names = [place.name for place in places]
    if reference is not None and reference not in names:
        raise InputError(f"there is no view {reference!r} in {folder}; choose one of {', '.join(names[:20])}")
    index = len(names) - 1 if reference is None else names.index(reference)
    views = [
        _read_view(place, folder, *((support_plane, size_hint) if number == index else (None, None)))
        for number, place in enumerate(places)
    ]
    return views, index


def _read_view(place: Path, folder: Path, plane: Plane | None, size_hint: float | None) -> PosedView:
    from gsn_perception.geometry import InputError
    from gsn_perception.geometry import Observation
    from gsn_perception.geometry import Remark
    from gsn_perception.io import read_camera
    from gsn_perception.io import read_depth
    from gsn_perception.io import read_image
    from gsn_perception.io import read_mask
    from gsn_perception.io.pose import read_pose
    from gsn_perception.pipeline import PosedView

    camera = place / "camera.json" if (place / "camera.json").is_file() else folder / "camera.json"
    mask, depth = place / "mask.png", place / "depth.png"
    if not mask.is_file() and not depth.is_file():
        raise InputError(f"view {place} has neither mask.png nor depth.png, so its objects cannot be found; {_FORM}")
    pose, errors = read_pose(place / "pose.json")
    remarks: list[Remark] = []
    try:
        observation = Observation(
            image=read_image(place / "color.png"),
            camera=read_camera(camera, remarks),
            mask=read_mask(mask) if mask.is_file() else None,
            depth=read_depth(depth) if depth.is_file() else None,
            support_plane=plane,
            size_hint=size_hint,
            frame_id="camera_optical_frame",
            remarks=tuple(remarks),
        )
    except InputError as error:
        raise InputError(f"view {place.name}: {error}") from None
    return PosedView(observation, pose, **errors)
