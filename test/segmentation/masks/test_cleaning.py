"""Masks as segmenters give them, against the true silhouette of a rendered object."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import look_at
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.tabletop import random_tabletop
from gsn_perception.segmentation.masks.cleaning import Cleaned
from gsn_perception.segmentation.masks.cleaning import clean_mask


@dataclass
class Shot:
    truth: np.ndarray
    depth: np.ndarray
    camera: Camera
    plane: Plane

    def clean(self, mask: np.ndarray, *, with_depth: bool = True, others: np.ndarray | None = None, **more) -> Cleaned:
        others = np.zeros_like(mask) if others is None else others
        depth = more.get("depth", self.depth) if with_depth else None
        plane = more.get("plane", self.plane) if with_depth else None
        return clean_mask(mask, others, depth, self.camera, plane)


@pytest.fixture(scope="module", params=[("mug", 4, 0.11, 35.0), ("rounded_box", 1, 0.1, 70.0)], ids=["mug", "box"])
def shot(request) -> Shot:
    family, seed, longest, elevation = request.param
    item = random_object(seed, family)
    scene, _ = random_tabletop([item.scaled(longest / float(item.extent.max())).recentred()], seed, 1)
    up, middle = np.deg2rad(elevation), scene.centre
    eye = middle + 0.55 * np.array([np.cos(up), 0.3 * np.cos(up), np.sin(up)])
    camera = Camera.from_fov(0.7, 400, 320, look_at(eye, middle))
    seen = scene.observe(camera, sensor=DepthSensor(), supersample=1)
    return Shot(seen.mask == 1, seen.depth, camera, scene.support_plane(camera))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def _larger(mask: np.ndarray, pixels: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8)) > 0


@pytest.mark.parametrize("with_depth", [True, False])
def test_a_mask_that_fits_stays_as_it_is(shot: Shot, with_depth: bool) -> None:
    done = shot.clean(shot.truth, with_depth=with_depth)
    assert done.mask is shot.truth
    assert (done.pieces, done.rim_pixels, done.filled_pixels, done.moved_pixels, done.lost) == (0, 0, 0, 0, False)


@pytest.mark.parametrize("with_depth", [True, False])
@pytest.mark.parametrize("size", [1, 4, 15])
def test_pieces_far_away_are_left_out_and_counted(shot: Shot, with_depth: bool, size: int) -> None:
    mask = shot.truth.copy()
    mask[:size, :size] = True  # at the border, too
    mask[-20 : -20 + size, -30 : -30 + size] = True
    done = shot.clean(mask, with_depth=with_depth)
    assert np.array_equal(done.mask, shot.truth)
    assert (done.pieces, done.piece_pixels) == (2, 2 * size**2)


def test_a_mask_of_crumbs_is_cheap_and_right(shot: Shot) -> None:
    mask = shot.truth | (np.random.default_rng(0).random(shot.truth.shape) < 0.01)
    assert _iou(shot.clean(mask).mask, shot.truth) > 0.97


@pytest.mark.parametrize("pixels", [2, 3, 5])
def test_a_rim_of_table_is_left_out(shot: Shot, pixels: int) -> None:
    mask = _larger(shot.truth, pixels)
    done = shot.clean(mask)
    assert _iou(done.mask, shot.truth) > max(0.96, _iou(mask, shot.truth) + 0.03)
    assert done.rim_pixels > 0.8 * (mask & ~shot.truth).sum()


def test_a_rim_of_wall_is_left_out_without_a_plane(shot: Shot) -> None:
    """Something smooth that lies mostly outside of the mask, a step behind the object."""
    depth = np.where(shot.truth, shot.depth, np.float32(np.nanmax(shot.depth[shot.truth]) + 0.1))
    done = shot.clean(_larger(shot.truth, 4), depth=depth, plane=None)
    assert _iou(done.mask, shot.truth) > 0.94


@pytest.mark.parametrize("shift", [(-5, -5), (0, 15), (12, -9)])
def test_a_mask_that_lags_is_moved(shot: Shot, shift: tuple[int, int]) -> None:
    mask = np.roll(shot.truth, shift, (0, 1))
    done = shot.clean(mask)
    assert _iou(done.mask, shot.truth) > 0.95
    assert done.moved_pixels > 0.5 * (shot.truth & ~mask).sum()


def test_a_mask_does_not_grow_over_another_object(shot: Shot) -> None:
    columns = np.nonzero(shot.truth)[1]
    others = shot.truth & (np.arange(shot.truth.shape[1]) < np.median(columns))[None]
    mask = np.roll(shot.truth, 10, 1) & ~others
    assert not (shot.clean(mask, others=others).mask & others).any()


def test_a_part_of_an_object_stays_a_part(shot: Shot) -> None:
    """A mask of a mug's upper half does not lag: no background is in it."""
    rows = np.nonzero(shot.truth.any(axis=1))[0]
    mask = shot.truth & (np.arange(len(shot.truth)) < rows.mean())[:, None]
    done = shot.clean(mask)
    assert _iou(done.mask, mask) > 0.99
    assert done.moved_pixels == 0


@pytest.mark.parametrize("with_depth", [True, False])
@pytest.mark.parametrize("columns", [True, False])
def test_stripes_are_filled(shot: Shot, with_depth: bool, columns: bool) -> None:
    count = shot.truth.shape[1 if columns else 0]
    kept = np.arange(count) % 4 < 2
    mask = shot.truth & (kept[None] if columns else kept[:, None])
    done = shot.clean(mask, with_depth=with_depth)
    assert _iou(done.mask, shot.truth) > 0.9
    assert done.filled_pixels > 0.8 * mask.sum()


def test_small_holes_are_filled_and_a_hole_that_shows_the_table_is_not(shot: Shot) -> None:
    distance = cv2.distanceTransform(shot.truth.astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    hole = cv2.circle(np.zeros(shot.truth.shape, np.uint8), (int(column), int(row)), 4, 1, -1) > 0
    mask = shot.truth & ~hole
    assert np.array_equal(shot.clean(mask).mask, shot.truth)
    through = shot.depth.copy()
    rays = shot.camera.pixel_rays()
    through[hole] = (-shot.plane.offset / (rays @ shot.plane.normal))[hole]
    assert not (shot.clean(mask, depth=through).mask & hole).any()


@pytest.mark.parametrize("with_depth", [True, False])
def test_an_object_cut_by_what_stands_before_it_stays_whole(shot: Shot, with_depth: bool) -> None:
    rows = np.nonzero(shot.truth.any(axis=1))[0]
    bar = np.zeros_like(shot.truth)
    middle, half = int(rows.mean()), len(rows) // 8
    bar[middle - half : middle + half] = True
    depth = np.where(bar, np.float32(np.nanmin(shot.depth[shot.truth]) - 0.1), shot.depth)
    mask = shot.truth & ~bar
    for others in (bar, np.zeros_like(bar)):  # labelled or not
        done = shot.clean(mask, with_depth=with_depth, others=others, depth=depth)
        assert _iou(done.mask, mask) > 0.97
        assert done.pieces == 0


def test_two_things_under_one_label_become_one(shot: Shot) -> None:
    columns = np.nonzero(shot.truth.any(axis=0))[0]
    left, right = np.roll(shot.truth, 2 - columns[0], 1), np.roll(shot.truth, 397 - columns[-1], 1)
    mask = left | right
    done = shot.clean(mask, with_depth=False)
    assert done.pieces == 1
    assert done.mask.sum() == shot.truth.sum()


def test_a_mask_beside_the_object_is_said_to_be_lost(shot: Shot) -> None:
    columns = np.nonzero(shot.truth.any(axis=0))[0]
    mask = np.roll(shot.truth, len(columns) + 2, 1)
    done = shot.clean(mask)
    assert done.lost
    assert done.mask is mask


def test_masks_without_depth_or_pixels(shot: Shot) -> None:
    nothing = np.full_like(shot.depth, np.nan)
    assert shot.clean(shot.truth, depth=nothing).mask is shot.truth
    assert not shot.clean(np.zeros_like(shot.truth)).mask.any()
    whole = np.ones_like(shot.truth)
    assert shot.clean(whole).mask.shape == whole.shape


@pytest.mark.parametrize("damage", [lambda d: -d, lambda d: d * 0 + 3.0, lambda d: np.where(d > 0.5, np.nan, d)])
def test_odd_depth_breaks_nothing(shot: Shot, damage: Callable[[np.ndarray], np.ndarray]) -> None:
    mask = _larger(shot.truth, 3)
    for plane in (shot.plane, None, Plane(-shot.plane.normal, -shot.plane.offset)):
        assert shot.clean(mask, depth=damage(shot.depth), plane=plane).mask.any()
