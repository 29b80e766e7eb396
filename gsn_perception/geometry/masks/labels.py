"""Instance labels (uint8 or uint16) from boolean, integer, float or probability masks."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry.errors import InputError


def to_labels(mask: np.ndarray) -> np.ndarray:
    """A mask as uint8 or uint16: whole numbers are kept, probabilities become 0..255.

    Raises:
        InputError: it is not numeric, or holds other numbers.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "buif":
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise InputError(f"the mask is {kind}; give uint8 or uint16 labels, 0 = background")
    if mask.dtype in (np.uint8, np.uint16) or not mask.size:
        return mask
    if mask.dtype.kind == "b":
        return mask.astype(np.uint8)
    low, high = mask.min(), mask.max()
    if not (low >= 0 and high <= np.iinfo(np.uint16).max):  # NaN fails, too
        raise InputError(f"the mask holds values from {low} to {high}; give labels 0..65535, 0 = background")
    if mask.dtype.kind == "f" and (np.round(mask) != mask).any():
        if high > 1:
            raise InputError("the mask holds broken numbers above 1; give whole labels, or probabilities in [0, 1]")
        return np.round(255 * mask).astype(np.uint8)
    return mask.astype(np.uint8 if high <= 255 else np.uint16)
