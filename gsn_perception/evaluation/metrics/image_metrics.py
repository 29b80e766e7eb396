"""Image metrics: PSNR, SSIM and intersection over union of masks."""

from __future__ import annotations

import cv2
import numpy as np

_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03
MAX_PSNR = 100.0


def psnr(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1], at most 100.

    Args:
        image: [H,W,3].
        truth: [H,W,3].
        mask: [H,W] bool; only these pixels count. The result is NaN for an empty mask.
    """
    squared = (np.asarray(image, dtype=np.float64) - truth) ** 2
    error = float(squared.mean()) if mask is None else _masked_mean(squared, mask)
    return float(min(-10.0 * np.log10(max(error, 1e-30)), MAX_PSNR))


def _masked_mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity of images [H,W,3] in [0, 1] (Wang et al. 2004).

    Gaussian window 11x11 with sigma 1.5, population covariances, mean over channels and over pixels whose window is
    inside the image, as scikit-image with ``gaussian_weights=True, use_sample_covariance=False``.

    Returns:
        In [-1, 1]; 1 for equal images.
    """
    x, y = np.asarray(image, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    mx, my = _blur(x), _blur(y)
    vx, vy, cov = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    c1, c2 = _K1**2, _K2**2
    index = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    pad = _WINDOW // 2
    return float(index[pad:-pad, pad:-pad].mean())


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT)


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boolean masks [H,W]; 1 where both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0
