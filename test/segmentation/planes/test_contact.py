"""What one object stands on, and whether its depth is only that of the plane."""

from __future__ import annotations

import numpy as np
import pytest
from rooms import TABLE
from rooms import box
from rooms import can
from rooms import cup
from rooms import seen

from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.segmentation import lies_on_plane
from gsn_perception.segmentation import support_plane_of


def level_of(view, label, frame):
    observation = Observation(view.image, view.camera, depth=view.depth)
    plane, remarks = support_plane_of(observation, view.labels == label, frame)
    np.testing.assert_allclose(plane.normal, frame.normal)
    return frame.offset - plane.offset, remarks


@pytest.mark.parametrize("elevation", [25, 50, 85])
@pytest.mark.parametrize("height", [0.03, 0.12])
def test_a_thing_on_a_thing_has_its_own_level(elevation, height):
    base = box([-0.1, -0.1, 0], [0.1, 0.1, height])
    view = seen([base, can(0, 0, height, 0.03, 0.1)], elevation=elevation, around=(0, 0, height))
    level, remarks = level_of(view, 2, view.plane)
    assert level == pytest.approx(height, abs=0.005)
    assert [remark.code for remark in remarks] == ["other_level"]
    assert f"{1000 * level:.0f} mm above" in remarks[0].text
    level, remarks = level_of(view, 1, view.plane)
    assert level == 0
    assert remarks == ()


def test_a_lower_shelf_is_found_from_the_upper():
    boards = [box([-0.5, -0.15, z - 0.02], [0.5, 0.2, z]) for z in (0, 0.35)]
    view = seen([can(0, 0, 0, 0.04, 0.1)], boards, elevation=15)
    level, _ = level_of(view, 1, Plane(view.plane.normal, view.plane.offset - 0.35))
    assert level == pytest.approx(-0.35, abs=0.005)


@pytest.mark.parametrize("elevation", [30, 60, 88])
def test_things_on_the_table_keep_its_plane(elevation):
    things = [cup(0, 0, 0), box([0.05, -0.04, 0], [0.12, 0.04, 0.15]), can(-0.15, 0, 0, 0.03, 0.02)]
    view = seen(things, elevation=elevation)
    for label in (1, 2, 3):
        assert level_of(view, label, view.plane) == (0, ())


def test_without_depth_the_frames_plane_stays():
    view = seen([cup(0, 0, 0)])
    plane, remarks = support_plane_of(Observation(view.image, view.camera), view.labels > 0, view.plane)
    assert plane is view.plane
    assert remarks == ()


@pytest.mark.parametrize("distance", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("elevation", [40, 80])
def test_transparent_lies_on_the_plane_and_a_phone_does_not(distance, elevation):
    outline = seen([can(0, 0, 0, 0.035, 0.12)], elevation=elevation, distance=distance)
    through = seen([], elevation=elevation, distance=distance, seed=3)
    height = lies_on_plane(through.depth, outline.camera, outline.labels > 0, outline.plane)
    assert height == pytest.approx(0, abs=0.002)
    holes = np.where(np.random.default_rng(0).random(through.depth.shape) < 0.8, np.nan, through.depth)
    assert (
        lies_on_plane(
            np.where(outline.labels > 0, holes, through.depth), outline.camera, outline.labels > 0, outline.plane
        )
        is not None
    )
    phone = seen([box([-0.035, -0.07, 0], [0.035, 0.07, 0.008])], elevation=elevation, distance=distance)
    assert lies_on_plane(phone.depth, phone.camera, phone.labels > 0, phone.plane) is None


def test_an_error_of_the_plane_does_not_make_a_phone_lie_on_it():
    phone = seen([box([-0.035, -0.07, 0], [0.035, 0.07, 0.008])], distance=0.5)
    high = Plane(phone.plane.normal, phone.plane.offset - 0.008)
    assert lies_on_plane(phone.depth, phone.camera, phone.labels > 0, high) is None


def test_unknown_depth_says_nothing():
    view = seen([can(0, 0, 0, 0.03, 0.1)], [TABLE])
    blind = np.where(view.labels > 0, np.nan, view.depth)
    assert lies_on_plane(blind, view.camera, view.labels > 0, view.plane) is None
    assert lies_on_plane(view.depth, view.camera, np.zeros_like(view.labels, dtype=bool), view.plane) is None
