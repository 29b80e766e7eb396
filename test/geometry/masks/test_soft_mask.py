"""Masks whose values are no labels, and masks of another size."""

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry.masks.mask_size import resize_mask
from gsn_perception.geometry.masks.soft_mask import harden_mask


def _disc(radius: int = 40, centre: tuple[int, int] = (120, 90)) -> np.ndarray:
    return cv2.circle(np.zeros((180, 240), np.uint8), centre, radius, 1, -1)


def _jpeg(mask: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_UNCHANGED)


def _upsampled(mask: np.ndarray, how: int) -> np.ndarray:
    return cv2.resize(cv2.resize(mask, (60, 45), interpolation=cv2.INTER_NEAREST), (240, 180), interpolation=how)


def _sigmoid(mask: np.ndarray) -> np.ndarray:
    """Probabilities of a network: nowhere 0 or 255, restless inside and outside."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 3, mask.shape).astype(np.float32), (5, 5), 0)
    logits = 8 * cv2.GaussianBlur(mask.astype(np.float32), (9, 9), 0) - 4 + 0.5 * noise
    return (255 / (1 + np.exp(-logits))).astype(np.uint8)


@pytest.mark.parametrize(
    "soften",
    [
        lambda m: _jpeg(m * 255, 95),
        lambda m: _jpeg(m * 255, 50),
        lambda m: cv2.GaussianBlur(m * 255, (9, 9), 0),
        lambda m: cv2.GaussianBlur(m * 255, (3, 3), 0),  # anti-aliased
        lambda m: (cv2.GaussianBlur(m.astype(np.float32), (9, 9), 0) * 65535).astype(np.uint16),
        lambda m: _upsampled(m * 255, cv2.INTER_LINEAR),
        lambda m: _upsampled(m * 255, cv2.INTER_CUBIC),
        _sigmoid,
    ],
)
def test_one_soft_object_is_cut_at_half(soften) -> None:
    truth = _disc()
    hard, remark = harden_mask(soften(truth))
    assert hard is not None
    assert set(np.unique(hard)) == {0, 1}
    assert ((hard == 1) & (truth == 1)).sum() / ((hard == 1) | (truth == 1)).sum() > 0.92
    assert remark is not None
    assert remark.code == "mask_soft"


@pytest.mark.parametrize("values", [(1, 2), (50, 100), (200, 255), (3, 9)])
def test_two_interpolated_labels_stay_two(values: tuple[int, int]) -> None:
    """Between 0 and 2 an interpolation puts a ring of 1, which is no object."""
    labels = _disc(30, (70, 90)) * np.uint8(values[0]) + _disc(30, (170, 90)) * np.uint8(values[1])
    hard, remark = harden_mask(_upsampled(labels, cv2.INTER_LINEAR))
    assert remark is not None
    assert set(np.unique(hard)) == {0, *values}
    for value in values:
        assert ((hard == value) & (labels == value)).sum() / ((hard == value) | (labels == value)).sum() > 0.87


@pytest.mark.parametrize("count", [1, 2, 7, 60, 200])
@pytest.mark.parametrize("numbers", ["in order", "any", "16 bit"])
def test_label_images_stay_as_they_are(count: int, numbers: str) -> None:
    """Also many touching regions, numbered in any way, with and without background."""
    rng = np.random.default_rng(count)
    seeds = rng.integers(0, [240, 180], (count, 2))
    y, x = np.mgrid[:180, :240]
    nearest = np.argmin([(x - u) ** 2 + (y - v) ** 2 for u, v in seeds], axis=0)
    chosen = {"in order": np.arange(count) + 1, "any": rng.permutation(255)[:count] + 1}.get(numbers)
    values = rng.permutation(60000)[:count] + 1 if chosen is None else chosen
    for share in (0.0, 0.5):
        kept = np.where(rng.random(count) < share, 0, values).astype(np.uint16 if numbers == "16 bit" else np.uint8)
        mask = kept[nearest]
        assert harden_mask(mask) == (mask, None) if not mask.any() else harden_mask(mask)[0] is mask


def test_thin_things_of_labels_are_no_ramps() -> None:
    """A cable over a box over a plate."""
    mask = np.zeros((180, 240), np.uint8)
    cv2.circle(mask, (120, 90), 70, 1, -1)
    cv2.rectangle(mask, (90, 60), (150, 120), 2, -1)
    cv2.line(mask, (10, 20), (230, 170), 3, 2)
    assert harden_mask(mask)[0] is mask


def test_noise_is_neither() -> None:
    assert harden_mask(np.random.default_rng(0).integers(0, 40, (60, 80)).astype(np.uint8)) == (None, None)


@pytest.mark.parametrize("size", [(2, 2), (1, 50), (3, 3)])
def test_tiny_masks_and_empty_ones(size: tuple[int, int]) -> None:
    for value in (0, 1, 255):
        mask = np.full(size, value, np.uint8)
        assert harden_mask(mask)[0] is mask


@pytest.mark.parametrize("size", [(544, 960), (272, 480), (1080, 1920), (540, 960), (34, 60)])
def test_a_mask_at_its_own_resolution_is_resampled(size: tuple[int, int]) -> None:
    """Segmenters round to multiples of 32: 960x544 for 1920x1080. Against the disc drawn at both sizes."""
    (height, width), shape = size, (1080, 1920)

    def drawn(rows: int, columns: int) -> np.ndarray:
        y, x = np.mgrid[:rows, :columns]
        u, v = (x + 0.5) / columns, (y + 0.5) / rows
        return (np.hypot((u - 0.4) * 16, (v - 0.6) * 9) < 2).astype(np.uint8) * 7

    mask, remark = resize_mask(drawn(height, width), shape)
    truth = drawn(*shape)
    assert mask.shape == shape
    assert set(np.unique(mask)) == {0, 7}
    assert ((mask > 0) & (truth > 0)).sum() / ((mask > 0) | (truth > 0)).sum() > (0.97 if height > 100 else 0.85)
    middle = [np.argwhere(m > 0).mean(axis=0) for m in (mask, truth)]
    assert np.abs(middle[0] - middle[1]).max() < 0.1 * shape[0] / height  # no drift by half a pixel
    assert (remark is None) == (size == shape)


@pytest.mark.parametrize("size", [(640, 640), (1920, 1080), (1080, 1440), (0, 0)])
def test_another_aspect_is_refused_with_both(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="sizes must agree") as caught:
        resize_mask(np.ones(size, np.uint8), (1080, 1920))
    if size[0]:
        assert "1.778" in str(caught.value)
        assert f"{size[1] / size[0]:.3f}" in str(caught.value)


def test_observations_resample_and_say_so_once() -> None:
    camera, image = Camera.from_fov(1.0, 240, 180), np.zeros((180, 240, 3), np.uint8)
    small = cv2.resize(_disc(), (120, 90), interpolation=cv2.INTER_NEAREST)
    seen = Observation(image, camera, mask=small)
    assert seen.mask.shape == (180, 240)
    assert [r.code for r in seen.remarks] == ["mask_resampled"]
    soft = Observation(image, camera, mask=cv2.GaussianBlur(small * 255, (7, 7), 0))
    assert set(np.unique(soft.mask)) == {0, 1}  # cut before its ramp becomes steps
    probabilities = Observation(image, camera, mask=cv2.GaussianBlur(_disc().astype(np.float32), (9, 9), 0))
    hard = harden_mask(probabilities.mask)[0]
    assert hard is not None
    assert (hard != _disc()).sum() < 0.02 * _disc().sum()
