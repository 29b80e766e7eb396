"""Gaps of a mask where depth has them, too: filled; everything the depth proves: left."""

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.pipeline.mask_gaps import filled_gaps
from gsn_perception.pipeline.mask_gaps import with_filled_gaps


def scene():
    """A block of 100 x 100 pixels before a wall, and what is to be known of it."""
    depth = np.full((200, 200), 0.9, np.float32)
    whole = np.zeros((200, 200), bool)
    whole[50:150, 50:150] = True
    depth[whole] = 0.5
    return whole, depth


def test_a_gap_without_depth_is_filled_and_one_with_depth_is_not():
    whole, depth = scene()
    mask = whole.copy()
    mask[80:84, 50:150] = False  # the dark line below a rim
    assert not filled_gaps(mask, depth)[81, 60:140].any()  # the wall is seen there
    depth[80:84] = np.nan
    np.testing.assert_array_equal(filled_gaps(mask, depth)[50:150, 53:147], whole[50:150, 53:147])


def test_wide_openings_and_the_outline_stay():
    whole, depth = scene()
    mask = whole.copy()
    mask[90:120, 90:120] = False
    depth[90:120, 90:120] = np.nan
    filled = filled_gaps(mask, depth)
    assert not filled[95:115, 95:115].any()
    np.testing.assert_array_equal(filled_gaps(whole, depth), whole)


def test_a_ragged_outline_in_a_shadow_is_smoothed():
    rng = np.random.default_rng(0)
    whole, depth = scene()
    mask = whole.copy()
    mask[50:150, 50:53] = rng.random((100, 1)) < 0.5  # teeth three pixels long
    depth[:, :50] = np.nan
    depth[~mask & whole] = np.nan
    before = np.abs(np.diff(mask[50:150, 50:53].astype(int), axis=0)).sum()
    filled = filled_gaps(mask, depth)
    assert np.abs(np.diff(filled[50:150, 50:53].astype(int), axis=0)).sum() < 0.6 * before
    np.testing.assert_array_equal(filled[:, 60:], whole[:, 60:])


def test_nothing_is_filled_where_the_background_has_no_depth_at_all():
    whole, depth = scene()
    mask = whole.copy()
    mask[80:84, 60:140] = False
    depth[~mask] = np.nan
    np.testing.assert_array_equal(filled_gaps(mask, depth), mask)


def test_thin_things_stay():
    whole, depth = scene()
    mask = whole.copy()
    mask[100, 150:190] = mask[110:112, 150:190] = True  # wires of one and two pixels
    depth[mask] = 0.5
    depth[95:99, 150:195] = depth[101:103, 150:195] = np.nan
    np.testing.assert_array_equal(filled_gaps(mask, depth) & mask, mask)


def test_objects_do_not_take_each_others_pixels():
    whole, depth = scene()
    mask = whole.astype(np.uint8)
    mask[:, 100:102], mask[50:150, 102:150] = 0, 2
    mask[50:150, 100:102] = 0
    depth[50:150, 100:102] = np.nan
    frame = Observation(
        image=np.zeros((200, 200, 3), np.uint8), camera=Camera.from_fov(1, 200, 200), mask=mask, depth=depth
    )
    out = with_filled_gaps(frame).mask
    np.testing.assert_array_equal(out[mask > 0], mask[mask > 0])
    assert with_filled_gaps(Observation(image=frame.image, camera=frame.camera, mask=mask)).mask is mask
    empty = np.zeros((200, 200), bool)
    assert filled_gaps(empty, depth) is empty
