"""A splat as SPZ, version 4: a fifth of a PLY's size, rounded.

A file is a header of 32 bytes, records of extensions, a table of (compressed, plain) sizes, and one zstd stream each of
positions (24-bit fixed point), opacities, colours, logarithms of scales (8 bits each) and rotations (the three smallest
components, 10 bits each). The header says how many of a position's bits lie behind the point. Most writers take 12,
steps of a quarter of a millimetre, which is coarse for things that a gripper holds; here it is as many as the
positions leave, 20 at most. The format's axes are x right, y up, z back unless an extension says otherwise;
here one says that they are those of the PLY: x right, y down, z forward, as a camera's optical frame has them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.io.atomic import atomic_write
from gsn_perception.io.splat_values import SH_C0
from gsn_perception.io.splat_values import SplatLoss
from gsn_perception.io.splat_values import SplatValues

_MOST_BITS = 20  # behind the point: 1 um
_LOWEST_LOG, _LOG_STEPS = -10.0, 16.0
_THINNEST = float(np.exp(_LOWEST_LOG))  # metres
_COLOR_SPAN = 0.15 * 255  # levels of a unit of the constant harmonic
_SMALL = 511 / np.sqrt(0.5)  # levels of a quaternion's component, none of the three smallest is above sqrt(1/2)
_HAS_EXTENSIONS = 0x2
_AXES = struct.pack("<III", 0xADBE0003, 4, 6)  # SPZ_ADOBE_coordinate_system, 4 bytes long: right, down, front


def write_gaussians_spz(path: str | Path, gaussians: Gaussians) -> SplatLoss:
    """Write an unbatched splat in metres; ``confidence`` is left out.

    Returns:
        How far what a reader gets is from what was given.

    Raises:
        InputError: a batch, an empty splat, values that are not finite, positions beyond what the format holds
            (8388 km), or the file can't be written.
    """
    values = SplatValues.of(gaussians)
    packed = _Packed.of(values)
    data = packed.data()
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return SplatLoss.between(values, packed.values(), thinnest=_THINNEST)


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """The streams, as whole numbers: means [N,3] int32, alphas [N], colors [N,3], scales [N,3] uint8, quats [N] uint32."""

    bits: int
    means: np.ndarray
    alphas: np.ndarray
    colors: np.ndarray
    scales: np.ndarray
    quats: np.ndarray

    @classmethod
    def of(cls, values: SplatValues) -> _Packed:
        farthest = float(np.abs(values.means).max())
        bits = int(np.clip(22 - np.floor(np.log2(max(farthest, 1e-9))), 0, _MOST_BITS))
        if farthest >= 2**23:
            raise InputError(f"the splat reaches {farthest:.3g} m, SPZ holds {2**23} m; write a .glb, or give metres")
        means = np.rint(values.means.astype(np.float64) * 2**bits)
        logs = np.log(np.maximum(values.scales.astype(np.float64), 1e-30))
        return cls(
            bits=bits,
            means=np.clip(means, -(2**23), 2**23 - 1).astype("<i4"),
            alphas=_byte(values.opacities * 255),
            colors=_byte((values.colors - 0.5) / SH_C0 * _COLOR_SPAN + 127.5),
            scales=_byte((logs - _LOWEST_LOG) * _LOG_STEPS),
            quats=_pack_quats(values.quats[:, [1, 2, 3, 0]].astype(np.float64)),
        )

    def data(self) -> bytes:
        """The file."""
        import zstandard

        positions = self.means.view(np.uint8).reshape(-1, 4)[:, :3]  # the low three bytes
        plain = [a.tobytes() for a in (positions, self.alphas, self.colors, self.scales, self.quats)]
        streams = [zstandard.ZstdCompressor(level=12).compress(stream) for stream in plain]
        sizes = b"".join(struct.pack("<QQ", len(s), len(p)) for s, p in zip(streams, plain, strict=True))
        fields = (4, len(self.alphas), 0, self.bits, _HAS_EXTENSIONS, len(streams), 32 + len(_AXES))
        return struct.pack("<4sIIBBBBI12x", b"NGSP", *fields) + _AXES + sizes + b"".join(streams)

    def values(self) -> SplatValues:
        """What a reader gets."""
        xyzw = _unpack_quats(self.quats)
        return SplatValues(
            means=self.means / 2**self.bits,
            scales=np.exp(self.scales / _LOG_STEPS + _LOWEST_LOG),
            quats=xyzw[:, [3, 0, 1, 2]],
            colors=np.clip((self.colors - 127.5) / _COLOR_SPAN * SH_C0 + 0.5, 0, 1),
            opacities=self.alphas / 255,
        )


def _byte(levels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _pack_quats(xyzw: np.ndarray) -> np.ndarray:
    """[N] uint32 of unit quaternions [N,4]: which component is largest, then sign and size of the others in turn."""
    largest = np.abs(xyzw).argmax(axis=1)
    xyzw = xyzw * np.where(np.take_along_axis(xyzw, largest[:, None], 1) < 0, -1, 1)  # so that the largest is positive
    sizes = np.minimum(np.rint(np.abs(xyzw) * _SMALL), 511).astype(np.uint32)
    levels = sizes | (xyzw < 0).astype(np.uint32) << 9
    word = largest.astype(np.uint32)
    for component in range(4):
        word = np.where(largest == component, word, word << 10 | levels[:, component])
    return word.astype("<u4")


def _unpack_quats(words: np.ndarray) -> np.ndarray:
    """Unit quaternions xyzw [N,4] of [N] uint32."""
    largest, word = words >> 30, words.copy()
    xyzw = np.zeros((len(words), 4))
    for component in reversed(range(4)):
        stored = largest != component
        value = (word & 511) / _SMALL * np.where(word & 512, -1, 1)
        xyzw[:, component] = np.where(stored, value, 0)
        word = np.where(stored, word >> 10, word)
    missing = np.sqrt(np.clip(1 - (xyzw**2).sum(axis=1), 0, 1))
    xyzw[np.arange(len(words)), largest] = missing
    return xyzw / np.linalg.norm(xyzw, axis=1, keepdims=True)
