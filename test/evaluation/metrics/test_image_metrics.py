import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio
from skimage.metrics import structural_similarity

from gsn_perception.evaluation.metrics.image_metrics import mask_iou
from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.metrics.image_metrics import ssim


@pytest.fixture(params=[0.01, 0.2])
def pair(request):
    rng = np.random.default_rng(3)
    smooth = np.linspace(0, 1, 48)[:, None, None] * np.linspace(1, 0.2, 40)[None, :, None] * [1.0, 0.7, 0.4]
    truth = np.clip(smooth + 0.1 * rng.random((48, 40, 3)), 0, 1)
    return np.clip(truth + request.param * rng.standard_normal(truth.shape), 0, 1), truth


def test_psnr_and_ssim_agree_with_scikit_image(pair):
    image, truth = pair
    assert psnr(image, truth) == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=1), abs=1e-9)
    expected = structural_similarity(
        truth, image, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=2
    )
    assert ssim(image, truth) == pytest.approx(expected, abs=1e-9)


def test_equal_images_are_perfect():
    image = np.random.default_rng(0).random((16, 16, 3))
    assert psnr(image, image) == 100
    assert ssim(image, image) == pytest.approx(1)


def test_masked_psnr_sees_only_the_mask():
    truth, image = np.zeros((8, 8, 3)), np.zeros((8, 8, 3))
    image[:4] = 0.1
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    assert psnr(image, truth, mask) == pytest.approx(20)
    assert psnr(image, truth, ~mask) == 100
    assert np.isnan(psnr(image, truth, np.zeros((8, 8), bool)))


def test_mask_iou():
    a = np.zeros((4, 4), bool)
    b = a.copy()
    assert mask_iou(a, b) == 1
    a[:2], b[1:3] = True, True
    assert mask_iou(a, b) == pytest.approx(1 / 3)
