"""Decodes RVL, lossless 16 bit depth compression by run lengths and differences (Wilson, ISS 2017, listing 1)."""

from __future__ import annotations

import struct

import numba
import numpy as np

from gsn_perception.geometry import InputError

_SIZE = struct.Struct("<II")  # columns and rows, written by compressed_depth_image_transport before the stream
_MOST_NIBBLES = 11  # limit of one number: 32 bits, three per nibble


def decode_rvl(data: bytes, max_pixels: int) -> np.ndarray:
    """Depth levels [H,W] uint16, from the data after the compressedDepth header.

    Raises:
        InputError: the data is cut or damaged, or has more than ``max_pixels``.
    """
    if len(data) < _SIZE.size:
        raise InputError("the RVL depth image ends before its size; the message is damaged")
    columns, rows = _SIZE.unpack_from(data)
    if not 0 < columns * rows <= max_pixels:
        raise InputError(f"the RVL depth image is {columns}x{rows}, which is empty or more than {max_pixels} pixels")
    words = np.frombuffer(data, "<u4", (len(data) - _SIZE.size) // 4, _SIZE.size)
    levels: np.ndarray = np.zeros(columns * rows, np.uint16)
    if not _decode(words, levels):
        raise InputError(f"the RVL depth image of {columns}x{rows} is cut or damaged ({len(data)} bytes)")
    return levels.reshape(rows, columns)


@numba.njit(nogil=True, cache=True)
def _number(words: np.ndarray, at: int) -> tuple[int, int]:
    """The number at nibble ``at`` and the position after it; -1 where the stream ends or the number is too long.

    The first nibble is the highest of each word; low digits come first; the highest bit of a nibble means more follow.
    """
    value = 0
    for digit in range(_MOST_NIBBLES):
        if at >= 8 * len(words):
            return -1, at
        nibble = (int(words[at // 8]) >> (28 - 4 * (at % 8))) & 15
        at += 1
        value |= (nibble & 7) << (3 * digit)
        if nibble < 8:
            return value, at
    return -1, at


@numba.njit(nogil=True, cache=True)
def _decode(words: np.ndarray, out: np.ndarray) -> bool:
    """Fill ``out`` [P], initially zero; False where the stream does not cover it."""
    at, done, level = 0, 0, 0
    while done < len(out):
        zeros, at = _number(words, at)
        if zeros < 0 or zeros > len(out) - done:
            return False
        done += zeros
        others, at = _number(words, at)
        if others < 0 or others > len(out) - done:
            return False
        for _ in range(others):
            folded, at = _number(words, at)
            if folded < 0:
                return False
            level = (level + ((folded >> 1) ^ -(folded & 1))) & 0xFFFF  # zigzag; wraps at 16 bits as in the codec
            out[done] = level
            done += 1
    return True
