"""The decoder of a Convolutional Occupancy Network with planes, for inference on a CPU.

The same function as :meth:`ConvolutionalOccupancyNetwork.decode`, several times as fast: features are interpolated by a
compiled loop over channels that lie side by side, the layers that read them are one matrix product, and sums are made in
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numba
import numpy as np
import torch
from torch import Tensor
from torch import nn

from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.learned.blocks import ResidualFc
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.pooling import PLANES

_BATCH = 1 << 11  # points at once: small enough for the cache, and for a share of the work per thread
_EMPTY = -10.0  # largest logit outside the cube


class PlaneDecoder:
    """A field: points [P,3] float32 to logits [P] float32. Thread-safe.

    Args:
        network: In eval mode, on the CPU, with planes as features.
        maps: Of :meth:`ConvolutionalOccupancyNetwork.encode`, for one cloud.
    """

    def __init__(self, network: ConvolutionalOccupancyNetwork, maps: Sequence[Tensor]) -> None:
        self._half = network.config.half
        images = torch.stack([m[0].float().permute(1, 2, 0) for m in maps])
        self._maps = np.ascontiguousarray(images.numpy())  # [3,R,R,C]
        self._axes = np.array(PLANES)
        self._place, self._leave = network.place, network.leave
        self._blocks = [cast(ResidualFc, block) for block in network.decoder]
        mixes = [cast(nn.Linear, mix) for mix in network.mix]
        self._mix = torch.cat([mix.weight for mix in mixes]).T.contiguous()  # [C, blocks * H]
        # the bias of a block's last layer is added with the features of the next block
        late = [torch.zeros_like(mixes[0].bias), *(block.second.bias for block in self._blocks[:-1])]
        self._bias = torch.cat([mix.bias + b for mix, b in zip(mixes, late, strict=True)])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Logits [P] at points [P,3]."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        out: np.ndarray = np.empty(len(points), dtype=np.float32)

        def work(begin: int, end: int) -> None:
            features = np.empty((end - begin, self._maps.shape[-1]), dtype=np.float32)
            _interpolated(self._maps, self._axes, points[begin:end], np.float32(self._half), features)
            with torch.inference_mode():
                out[begin:end] = self._logits(torch.from_numpy(points[begin:end]), torch.from_numpy(features)).numpy()

        parallel_ranges(work, len(points), _BATCH)
        beyond = (np.abs(points) > self._half).any(axis=1)
        return np.where(beyond, np.minimum(out, np.float32(_EMPTY)), out)

    def _logits(self, points: Tensor, features: Tensor) -> Tensor:
        mixed = torch.addmm(self._bias, features, self._mix)
        x = self._place(points / self._half)
        H = x.shape[1]
        for i, block in enumerate(self._blocks):
            x += mixed[:, i * H : (i + 1) * H]
            inner = block.first(torch.relu(x)).relu_()
            x.addmm_(inner, block.second.weight.T)
        x += self._blocks[-1].second.bias
        return self._leave(x.relu_())[:, 0]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _interpolated(maps: np.ndarray, axes: np.ndarray, points: np.ndarray, half: np.float32, out: np.ndarray) -> None:
    """Sum over the planes of their bilinear features; as ``grid_sample`` with aligned corners and border padding."""
    R, C = maps.shape[1], maps.shape[3]
    last = np.float32(R - 1)
    scale, middle = last / (np.float32(2.0) * half), np.float32(0.5) * last
    for p in range(len(points)):
        for c in range(C):
            out[p, c] = 0.0
        for k in range(len(axes)):
            u = min(max(points[p, axes[k, 0]] * scale + middle, np.float32(0.0)), last)
            v = min(max(points[p, axes[k, 1]] * scale + middle, np.float32(0.0)), last)
            i, j = min(int(u), R - 2), min(int(v), R - 2)
            a, b = u - np.float32(i), v - np.float32(j)
            w00, w01 = (np.float32(1.0) - a) * (np.float32(1.0) - b), a * (np.float32(1.0) - b)
            w10, w11 = (np.float32(1.0) - a) * b, a * b
            m = maps[k]
            for c in range(C):
                out[p, c] += w00 * m[j, i, c] + w01 * m[j, i + 1, c] + w10 * m[j + 1, i, c] + w11 * m[j + 1, i + 1, c]
