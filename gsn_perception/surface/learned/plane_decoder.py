"""The decoder of a Convolutional Occupancy Network with planes, for inference on a CPU.

The same function as :meth:`ConvolutionalOccupancyNetwork.decode`, many times as fast: the planes are interpolated over
channels that lie side by side, and all layers are applied to a few points at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch import nn

from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.surface.learned.blocks import ResidualFc
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.plane_kernel import STEP
from gsn_perception.surface.learned.plane_kernel import Layers
from gsn_perception.surface.learned.plane_kernel import decoded
from gsn_perception.surface.learned.pooling import PLANES

_BATCH = 1 << 11  # points of a piece of work, for the threads
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
        self._layers = _layers(network)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Logits [P] at points [P,3]."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        out: np.ndarray = np.empty(len(points), dtype=np.float32)
        half, empty = np.float32(self._half), np.float32(_EMPTY)

        def work(begin: int, end: int) -> None:
            decoded(self._maps, self._axes, points[begin:end], half, empty, self._layers, out[begin:end])

        parallel_ranges(work, len(points), _BATCH)
        return out


def _layers(network: ConvolutionalOccupancyNetwork) -> Layers:
    """The weights for the compiled loop."""
    blocks = [cast(ResidualFc, block) for block in network.decoder]
    mixes = [cast(nn.Linear, mix) for mix in network.mix]
    # the bias of a block's last layer is added with the features of the next block
    late = [torch.zeros_like(mixes[0].bias), *(block.second.bias for block in blocks[:-1])]
    return Layers(
        place=_padded(torch.cat([network.place.weight, network.place.bias[:, None]], 1), 2),
        mix=_padded(torch.stack([mix.weight for mix in mixes]), 2),
        late=_padded(torch.stack([mix.bias + b for mix, b in zip(mixes, late, strict=True)]), 1),
        first=_padded(torch.stack([block.first.weight for block in blocks]), 2),
        inner=_padded(torch.stack([block.first.bias for block in blocks]), 1),
        second=_padded(torch.stack([block.second.weight for block in blocks]), 2),
        last=_padded(blocks[-1].second.bias, 1),
        leave=_padded(network.leave.weight, 2),
        end=_padded(network.leave.bias, 1),
    )


def _padded(weight: Tensor, axes: int) -> np.ndarray:
    """A float32 array whose last axes are padded by zeros to multiples of ``STEP``."""
    values = weight.detach().float().numpy()
    widths = [(0, -side % STEP if axis >= values.ndim - axes else 0) for axis, side in enumerate(values.shape)]
    return np.ascontiguousarray(np.pad(values, widths))
