"""Several things under one label: depth steps in a given mask, and labels that are taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from rooms import box
from rooms import can
from rooms import cup
from rooms import seen

from gsn_perception.geometry import Observation
from gsn_perception.segmentation import depth_steps
from gsn_perception.segmentation import find_objects

RED, BLUE = (200, 40, 40), (40, 60, 200)


@pytest.mark.parametrize("elevation", [20, 35])
def test_one_before_the_other_under_one_mask_is_a_step(elevation):
    view = seen([box([-0.05, -0.03, 0], [0.05, 0.03, 0.08]), can(0.02, 0.2, 0, 0.04, 0.25)], elevation=elevation)
    share = depth_steps(view.depth, view.camera, view.labels > 0)
    front, back = ((view.labels == k).sum() for k in (1, 2))
    assert share == pytest.approx(min(front, back) / (front + back), abs=0.06)
    for label in (1, 2):
        assert depth_steps(view.depth, view.camera, view.labels == label) is None


@pytest.mark.parametrize("elevation", [15, 30, 45, 60, 80])
@pytest.mark.parametrize("shape", [{}, {"radius": 0.09, "height": 0.07}, {"radius": 0.03, "height": 0.14}])
def test_cups_and_bowls_have_no_step(elevation, shape):
    view = seen([cup(0, 0, 0, **shape)], elevation=elevation, distance=0.6)
    assert depth_steps(view.depth, view.camera, view.labels > 0) is None


@pytest.mark.parametrize("rim", [3, 5])
def test_a_mask_that_is_too_wide_has_no_step(rim):
    """The wall behind shows all along the mask's rim."""
    import cv2

    wall = box([-3, 0.4, -1], [3, 0.45, 2])
    view = seen([can(0, 0, 0, 0.04, 0.2)], [box([-1.5, -1, -0.02], [1.5, 0.4, 0]), wall], elevation=12)
    wide = cv2.dilate((view.labels > 0).astype(np.uint8), np.ones((2 * rim + 1,) * 2, np.uint8)) > 0
    assert depth_steps(view.depth, view.camera, wide) is None


def found(view):
    return find_objects(Observation(view.image, view.camera, depth=view.depth), "plane", 8)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("elevation", [30, 50, 65])
def test_touching_things_of_two_colours_come_apart(elevation):
    things = [box([-0.08, -0.05, 0], [0, 0.05, 0.1]), can(0.041, 0, 0, 0.04, 0.16)]
    view = seen(things, elevation=elevation, colours=[RED, BLUE])
    segments = found(view)
    assert segments.mask.max() == 2
    for label in (1, 2):
        assert max(iou(segments.mask == k, view.labels == label) for k in (1, 2)) > 0.8
        assert [remark.code for remark in segments.remarks[label]] == ["objects_split"]
    assert (segments.mask == 1).sum() >= (segments.mask == 2).sum()


def test_one_thing_of_two_parts_and_one_colour_stays():
    view = seen([box([-0.08, -0.05, 0], [0, 0.05, 0.1]), can(0.041, 0, 0, 0.04, 0.16)], colours=[RED, RED])
    segments = found(view)
    assert segments.mask.max() == 1


def test_a_cup_white_inside_and_red_outside_stays():
    view = seen([cup(0, 0, 0)], elevation=50)
    inside = view.plane.height(view.camera.back_project(np.nan_to_num(view.depth)))
    image = view.image.copy()
    image[view.labels > 0] = RED
    image[
        (view.labels > 0)
        & (np.hypot(*np.gradient(inside)) > 0)
        & (view.depth > np.nanmedian(view.depth[view.labels > 0]))
    ] = 250
    segments = find_objects(Observation(image, view.camera, depth=view.depth), "plane", 8)
    assert segments.mask.max() == 1
    assert segments.remarks == {1: ()}


def test_what_is_larger_than_any_single_thing_is_remarked_on():
    row = [box([x, -0.03, 0], [x + 0.095, 0.03, 0.06]) for x in np.arange(-0.27, 0.2, 0.1)]
    view = seen(row, distance=1.1, elevation=50)
    segments = found(view)
    assert segments.mask.max() == 1
    (remark,) = segments.remarks[1]
    assert remark.code == "objects_merged"
    assert "0.49 x" in remark.text


def test_only_as_many_as_wanted_are_kept_after_a_split():
    view = seen([box([-0.08, -0.05, 0], [0, 0.05, 0.1]), can(0.041, 0, 0, 0.04, 0.16)], colours=[RED, BLUE])
    segments = find_objects(Observation(view.image, view.camera, depth=view.depth), "plane", 1)
    assert segments.mask.max() == 1
    assert set(segments.remarks) == {1}
