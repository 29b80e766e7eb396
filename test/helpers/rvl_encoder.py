"""RVL written from the paper's description, with text for the bits."""

import struct

import numpy as np


def nibbles(value: int) -> str:
    """Three bits at a time, low ones first, each behind a bit that says whether more follow."""
    digits = []
    while True:
        value, low = divmod(value, 8)
        digits.append(f"{8 * (value > 0) + low:x}")
        if not value:
            return "".join(digits)


def encode(levels: np.ndarray) -> bytes:
    flat, text, before, at = [int(v) for v in levels.ravel()], "", 0, 0
    while at < len(flat):
        start = at
        while at < len(flat) and flat[at] == 0:
            at += 1
        text += nibbles(at - start)
        start = at
        while at < len(flat) and flat[at] != 0:
            at += 1
        text += nibbles(at - start)
        for level in flat[start:at]:
            difference = level - before
            text += nibbles(2 * difference if difference >= 0 else -2 * difference - 1)
            before = level
    text += "0" * (-len(text) % 8)
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    return struct.pack("<II", levels.shape[1], levels.shape[0]) + struct.pack(f"<{len(words)}I", *words)
