"""The plane that things stand on, among floors, walls and shelves."""

from __future__ import annotations

import numpy as np
import pytest
from rooms import TABLE
from rooms import box
from rooms import can
from rooms import cup
from rooms import seen

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.segmentation import fit_support_plane
from gsn_perception.segmentation import segment

WALL = box([-3, 0.2, -1], [3, 0.25, 2])


def floor(height):
    return box([-4, -4, -height - 0.01], [4, 4, -height])


def legged_table(half, height):
    """A small table with four legs, on a floor that also carries a bin and a chair."""
    w, d = half, 0.6 * half
    legs = [can(x, y, -height, 0.02, height - 0.03) for x in (-w + 0.03, w - 0.03) for y in (-d + 0.03, d - 0.03)]
    chair = [box([w + 0.2, 0.3, -0.4], [w + 0.6, 0.7, -0.36]), box([w + 0.2, 0.66, -0.36], [w + 0.6, 0.7, 0.1])]
    bin_ = can(-w - 0.25, 0.2, -height, 0.13, 0.3)
    return (box([-w, -d, -0.03], [w, d, 0]), floor(height), *legs, *chair, bin_)


def share_on(view, plane):
    return float((np.abs(plane.height(view.camera.back_project(view.depth))) < 0.01).mean())


@pytest.mark.parametrize("half", [0.4, 0.25, 0.18])
@pytest.mark.parametrize("elevation", [35, 70])
def test_table_not_floor(half, elevation):
    view = seen(
        [can(0, 0, 0, 0.04, 0.1), can(0.1, 0.03, 0, 0.03, 0.12)],
        legged_table(half, 0.7),
        elevation=elevation,
        distance=1.1,
    )
    assert share_on(view, view.plane) < 0.5  # the floor fills more of the picture than the smaller tables
    assert view.agrees(fit_support_plane(view.depth, view.camera))
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels))
    mask, plane = segment(Observation(view.image, view.camera, depth=view.depth), "plane", 8)
    assert view.agrees(plane)
    assert mask.max() == 2  # no leg, chair or bin among them
    assert ((mask > 0) & (view.labels == 0)).sum() < 0.1 * (mask > 0).sum()


@pytest.mark.parametrize("gap", [0.1, 0.3])
@pytest.mark.parametrize("elevation", [15, 40])
def test_table_not_wall(gap, elevation):
    """Little of the table and much of the wall; the object stands before the wall."""
    wall = box([-3, 0.03 + gap, -1], [3, 0.1 + gap, 2])
    view = seen([can(0, 0, 0, 0.03, 0.15)], [box([-1.5, -0.1, -0.02], [1.5, 0.03 + gap, 0]), wall], elevation=elevation)
    assert share_on(view, view.plane) < 0.4
    for mask in (view.labels, None):
        assert view.agrees(fit_support_plane(view.depth, view.camera, mask))


@pytest.mark.parametrize("masked", [True, False])
def test_shelf_carries_its_own(masked):
    boards = [box([-0.5, -0.15, z - 0.02], [0.5, 0.2, z]) for z in (-0.35, 0, 0.35)]
    view = seen([can(0, 0, 0, 0.04, 0.1)], [*boards, box([-0.5, 0.2, -0.8], [0.5, 0.22, 0.8])], elevation=20)
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels if masked else None))


def test_a_box_under_the_mask_is_the_support():
    base = box([-0.12, -0.12, -0.1], [0.12, 0.12, 0])
    table = box([-1.5, -1.5, -0.12], [1.5, 1.5, -0.1])
    view = seen([can(0, 0, 0, 0.03, 0.1)], [base, table], elevation=45)
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels))


@pytest.mark.parametrize(("elevation", "gap"), [(30, 0.02), (30, 0.05), (45, 0.005)])
def test_what_stands_in_front_carries_nothing(elevation, gap):
    """A book before a can hides the can's foot; the can is seen below the level of the book's top, so not on it."""
    book = box([-0.1, -0.21 - gap, 0], [0.1, -0.055 - gap, 0.03])
    view = seen([can(0, 0, 0, 0.055, 0.09), book], elevation=elevation, turn=0)
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels == 1))


def test_without_a_mask_a_box_on_a_table_is_a_thing():
    view = seen([box([-0.12, -0.1, 0], [0.12, 0.1, 0.08])], elevation=55)
    assert view.agrees(fit_support_plane(view.depth, view.camera))


def test_objects_on_two_levels_choose_the_one_with_more_of_them():
    step = box([0.1, -0.3, 0], [0.7, 0.3, 0.06])
    view = seen(
        [can(-0.1, 0, 0, 0.03, 0.1), can(-0.22, 0.05, 0, 0.03, 0.1), can(0.25, 0, 0.06, 0.02, 0.05)], [TABLE, step]
    )
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels))


def test_gravity_forbids_walls():
    hung = box([-0.05, 0.15, 0.3], [0.05, 0.2, 0.42])  # on the wall, no table in sight
    view = seen([hung], [WALL], elevation=10, around=(0, 0.2, 0.35))
    on_wall = fit_support_plane(view.depth, view.camera, view.labels)
    assert abs(on_wall.normal @ view.down) < 0.1
    with pytest.raises(InputError, match=r"level|support plane"):
        fit_support_plane(view.depth, view.camera, view.labels, gravity=view.down)


def test_gravity_chooses_the_table_whatever_the_wall_carries():
    """A box pushed against a wall stands on the table and on the wall alike."""
    things = [box([-0.08, 0.1, 0], [0.08, 0.2, 0.12])]
    view = seen(things, [box([-0.4, 0, -0.02], [0.4, 0.2, 0]), WALL], elevation=25)
    assert view.agrees(fit_support_plane(view.depth, view.camera, view.labels, gravity=view.down))


def test_a_wrong_gravity_does_not_hide_the_table_from_segmentation():
    view = seen([cup(0, 0, 0)])
    mask, plane = segment(
        Observation(view.image, view.camera, depth=view.depth, gravity=np.array([1.0, 0, 0])), "plane"
    )
    assert view.agrees(plane)
    assert mask.max() == 1
