"""Implausible input numbers: refusals and remarks."""

import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.pipeline.inputs.plausibility import camera_remarks
from gsn_perception.pipeline.inputs.plausibility import check_depth_unit
from gsn_perception.pipeline.inputs.plausibility import depth_remarks
from gsn_perception.pipeline.inputs.plausibility import mask_remarks
from gsn_perception.pipeline.inputs.plausibility import range_remarks
from gsn_perception.segmentation.masks.cleaning import Cleaned

MASK = np.zeros((60, 80), np.uint8)
MASK[20:40, 30:50] = 1


def _depth(seed: int = 0) -> np.ndarray:
    """Metres: an object at half a metre before a table."""
    depth = np.random.default_rng(seed).uniform(0.7, 1.4, MASK.shape).astype(np.float32)
    return np.where(MASK > 0, np.float32(0.5) + depth / 50, depth)


@pytest.mark.parametrize("mask", [MASK, None])
def test_millimetres_are_no_metres(mask) -> None:
    check_depth_unit(_depth(), mask)
    with pytest.raises(InputError, match=r"they are millimetres.*divide by 1000"):
        check_depth_unit(np.round(_depth() * 1000), mask)
    with pytest.raises(InputError, match="look like millimetres"):
        check_depth_unit(_depth() * 1000, mask)


@pytest.mark.parametrize("far", [1000.0, 10000.0, np.inf, np.nan])
def test_a_far_plane_is_no_unit(far: float) -> None:
    """Simulators put the background at the far plane, whole images of it where nothing is before the camera."""
    check_depth_unit(np.where(MASK > 0, _depth(), np.float32(far)))
    check_depth_unit(np.full(MASK.shape, far, np.float32))
    check_depth_unit(np.full(MASK.shape, far, np.float32), MASK)
    check_depth_unit(None)


def test_a_few_wild_values_are_no_unit() -> None:
    depth = _depth()
    depth[::7, ::5] = 65535.0
    check_depth_unit(depth)
    check_depth_unit(depth, MASK)


def _codes(remarks) -> list[str]:
    assert all(r.text and "\n" not in r.text for r in remarks)
    return [r.code for r in remarks]


@pytest.mark.parametrize(
    ("K", "size", "codes"),
    [
        ((600, 600, 320, 240), (640, 480), []),
        ((600, 600, 300, 255), (640, 480), []),
        ((600, 600, 241, 318), (640, 480), ["principal_point"]),  # cx and cy swapped
        ((600, 600, 318, 325), (640, 640), []),  # square
        ((1200, 1200, 640, 480), (640, 480), ["principal_point"]),  # of an image twice as large
        ((600, 600, 320, 240), (200, 150), ["principal_point"]),  # of the image before the crop
        ((0.94, 1.25, 0.5, 0.5), (640, 480), ["principal_point", "focal_length", "pixel_aspect"]),  # normalised
        ((12000, 12000, 320, 240), (640, 480), ["focal_length"]),
        ((60, 60, 320, 240), (640, 480), ["focal_length"]),
        ((600, 400, 320, 240), (640, 480), ["pixel_aspect"]),
        ((200, 200, 320, 240), (640, 480), []),  # 116 degrees: a wide lens
        ((2600, 2600, 640, 512), (1280, 1024), []),  # 28 degrees: an industrial camera
    ],
)
def test_intrinsics(K: tuple[float, ...], size: tuple[int, int], codes: list[str]) -> None:
    fx, fy, cx, cy = K
    assert _codes(camera_remarks(Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), *size))) == codes


def test_sparse_depth() -> None:
    on, depth = MASK > 0, _depth()
    assert not depth_remarks(depth, on)
    assert not depth_remarks(None, on)
    rng = np.random.default_rng(1)
    assert not depth_remarks(np.where(rng.random(depth.shape) < 0.3, np.nan, depth), on)  # any sensor
    assert _codes(depth_remarks(np.where(rng.random(depth.shape) < 0.8, np.nan, depth), on)) == ["depth_sparse"]


def test_depth_out_of_range() -> None:
    depth = _depth() * 10  # 0.1 mm taken for millimetres
    cut = np.where(depth > 5, np.nan, depth)
    assert _codes(range_remarks(depth, cut, MASK)) == ["depth_range"]
    assert not range_remarks(_depth(), _depth(), MASK)
    assert not range_remarks(None, None, MASK)
    far_wall = np.where(MASK > 0, _depth(), 8.0)
    assert not range_remarks(far_wall, np.where(far_wall > 5, np.nan, far_wall), MASK)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, []),
        ({"rim_pixels": 50}, []),  # a rim of one pixel
        ({"rim_pixels": 200}, ["mask_rim"]),
        ({"pieces": 1, "piece_pixels": 1}, ["mask_pieces"]),
        ({"rim_pixels": 200, "moved_pixels": 190}, ["mask_shifted"]),
        ({"lost": True}, ["mask_shifted"]),
        ({"filled_pixels": 20}, []),
        ({"filled_pixels": 400, "pieces": 3, "piece_pixels": 9}, ["mask_pieces", "mask_holes"]),
    ],
)
def test_masks(values: dict, codes: list[str]) -> None:
    assert _codes(mask_remarks(Cleaned(MASK > 0, 1000, **values))) == codes


def test_a_mask_that_mostly_shows_the_table_may_be_of_glass() -> None:
    for rim, glass in ((200, False), (500, True)):
        (found,) = mask_remarks(Cleaned(MASK > 0, 1000, rim_pixels=rim))
        assert (found.code, "transparent" in found.text) == ("mask_rim", glass)
