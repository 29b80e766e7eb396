"""U-Nets over planes and volumes (Ronneberger et al. 2015) without normalisation, as in Convolutional Occupancy Networks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn


class UNet(nn.Module):
    """Channels double as resolution halves; concatenated skips; the last layer is 1 x 1.

    Args:
        dims: 2 for images, 3 for volumes.
        channels: Of input and output.
        width: Channels at the finest resolution.
        depth: Number of resolutions; sides must be divisible by 2^(depth - 1).
    """

    def __init__(self, dims: int, channels: int, width: int, depth: int) -> None:
        super().__init__()
        convolution: type[nn.Conv2d | nn.Conv3d] = nn.Conv2d if dims == 2 else nn.Conv3d
        up: type[nn.ConvTranspose2d | nn.ConvTranspose3d] = nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d
        widths = [width << level for level in range(depth)]

        def double(inputs: int, outputs: int) -> nn.Sequential:
            first, second = convolution(inputs, outputs, 3, padding=1), convolution(outputs, outputs, 3, padding=1)
            return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True))

        self.down = nn.ModuleList(double(a, b) for a, b in zip([channels, *widths[:-1]], widths, strict=True))
        self.pool = nn.MaxPool2d(2) if dims == 2 else nn.MaxPool3d(2)
        self.raised = nn.ModuleList(up(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.merged = nn.ModuleList(double(2 * w, w) for w in reversed(widths[:-1]))
        self.last = convolution(width, channels, 1)
        for module in self.modules():  # without norms the default initialisation would weaken the coarse levels
            if isinstance(module, convolution) and module is not self.last:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B,channels,...] of [B,channels,...]."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for raised, merged in zip(self.raised, self.merged, strict=True):
            x = merged(torch.cat([raised(x), skips.pop()], 1))
        return self.last(x)
