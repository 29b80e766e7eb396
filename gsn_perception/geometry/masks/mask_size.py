"""Resizes a mask to the resolution of the image."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.remark import Remark

_SAME_ASPECT = 0.02  # segmenters round their sizes to multiples of 32


def resize_mask(mask: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, Remark | None]:
    """A mask at the image's size: the same array, or resampled by nearest neighbour if only the resolution differs.

    Args:
        mask: [h,w] labels, possibly at another resolution.
        shape: (H, W) of the image.

    Returns:
        [H,W] of the same type, and a remark if it was resampled, else None.

    Raises:
        InputError: the mask is empty, or its aspect ratio differs.
    """
    if mask.shape == tuple(shape):
        return mask, None
    if mask.ndim != 2 or not mask.size:
        raise InputError(f"the mask has shape {mask.shape}, the image {tuple(shape)}; sizes must agree")
    (height, width), (rows, columns) = mask.shape, shape
    aspect, wanted = width / height, columns / rows
    if abs(aspect / wanted - 1) > _SAME_ASPECT:
        raise InputError(
            f"the mask has shape {mask.shape}, the image {tuple(shape)}; sizes must agree, or at least the aspect, "
            f"{aspect:.3f} against {wanted:.3f}: undo the segmenter's padding or cropping"
        )
    if mask.dtype in (np.uint8, np.uint16):
        from gsn_perception.geometry.masks.soft_mask import harden_mask

        hard = harden_mask(mask)[0]  # before resampling turns soft borders into steps
        mask = mask if hard is None else hard
    row = ((np.arange(rows) + 0.5) * height / rows).astype(int)
    column = ((np.arange(columns) + 0.5) * width / columns).astype(int)
    remark = Remark(
        "mask_resampled",
        f"the mask is {width}x{height} and was resampled to the image's {columns}x{rows}; "
        "give it at the image's size, so that the silhouette keeps its detail",
    )
    return mask[row[:, None], column], remark
