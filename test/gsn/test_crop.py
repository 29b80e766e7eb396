"""What the crop calls unknown: only what may hide more of the object."""

from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.gsn.crop import Crop


def _frame(left: int, gap: int | None) -> Observation:
    """A square of 60 px whose left edge is at column ``left``, with another object ``gap`` pixels to its right."""
    image = np.full((120, 200, 3), 128, np.uint8)
    mask = np.zeros((120, 200), np.uint8)
    mask[30:90, left : left + 60] = 1
    if gap is not None:
        mask[30:90, left + 60 + gap : left + 80 + gap] = 2
    return Observation(image=image, camera=Camera.from_fov(0.6, 200, 120), mask=mask)


def _crop(frame: Observation) -> Crop:
    return Crop.of(frame, np.asarray(frame.mask) == 1, 128)


def test_another_object_is_unknown_where_it_touches_and_not_behind_a_gap() -> None:
    beside, apart = _crop(_frame(60, 0)), _crop(_frame(60, 8))
    assert beside.unknown.max() > 0.9
    assert 0.01 < beside.unknown.mean() < 0.2
    assert apart.unknown.max() == 0
    np.testing.assert_array_equal(apart.alpha, beside.alpha)


@pytest.mark.parametrize(("left", "cut"), [(0, True), (10, False)])
def test_the_border_is_unknown_only_where_it_cuts_the_object(left: int, cut: bool) -> None:
    crop = _crop(_frame(left, None))
    assert (crop.unknown.max() > 0.9) == cut


def test_what_is_far_from_the_object_changes_nothing() -> None:
    """The same object with and without a border of the image 12 pixels away."""
    wide = _frame(40, None)
    window = slice(18, 102), slice(28, 112)
    camera = wide.camera.windowed(*window)
    narrow = replace(wide, image=wide.image[window], mask=np.asarray(wide.mask)[window], camera=camera)
    for name in ("rgb", "alpha", "unknown"):
        np.testing.assert_allclose(getattr(_crop(narrow), name), getattr(_crop(wide), name), atol=1e-4)
