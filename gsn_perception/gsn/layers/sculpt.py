"""Sculpting heads: MLPs that deform the canonical cube of Gaussians (GSN section III-A/B)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.autograd.function import FunctionCtx

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.config import GsnConfig

HEADS = (("means", 3), ("scales", 3), ("quats", 4), ("colors", 3), ("opacities", 1))


def lattice(cube: int) -> Tensor:
    """A filled, zero-centred lattice [cube^3,3] on a cube of side 1; quarter turns map it to itself."""
    axis = (torch.arange(cube) + 0.5) / cube - 0.5
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


class _RevivableRelu(torch.autograd.Function):
    """ReLU that, for negative inputs, passes a tenth of the gradient, but only a gradient that raises the value.

    A gradient of the other sign would lower inactive values without limit and change the shared latent.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        return torch.relu(x)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return torch.where(x > 0, gradient, 0.1 * gradient.clamp_max(0))


def revivable_relu(x: Tensor) -> Tensor:
    """ReLU whose inactive values can become active again; with the plain one a scale of zero would never grow again."""
    return _RevivableRelu.apply(x) if x.requires_grad else torch.relu(x)


class Sculptor(nn.Module):
    """Five parallel two-layer MLPs that deform the canonical cube.

    Only position and scale are residual; rotation, colour and opacity are direct. With zero head output the splat is
    the cube.
    """

    def __init__(self, config: GsnConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict()
        for (name, width), hidden in zip(HEADS, config.hidden, strict=True):
            last = nn.Linear(hidden, config.count * width)
            nn.init.normal_(last.weight, std=config.last_layer_std)
            nn.init.zeros_(last.bias)
            self.heads[name] = nn.Sequential(nn.Linear(config.latent_size, hidden), nn.ReLU(), last)
        self.cube: Tensor
        self.register_buffer("cube", config.cube_side * lattice(config.cube), persistent=False)
        self.identity: Tensor
        self.register_buffer("identity", torch.tensor([1.0, 0.0, 0.0, 0.0]), persistent=False)

    def forward(self, latent: Tensor) -> dict[str, Tensor]:
        """Raw head outputs [B,N,width] by name for latents [B,L]."""
        shape = (len(latent), self.config.count, -1)
        return {name: head(latent).float().view(shape) for name, head in self.heads.items()}

    def gaussians(self, raw: dict[str, Tensor]) -> Gaussians:
        """Activations as published: s = ReLU(s + ds) + eps, r normalised, c and alpha through sigmoids."""
        config = self.config
        spacing = config.cube_side / config.cube
        cube = self.cube
        return Gaussians(
            means=cube + config.mean_gain * raw["means"],
            scales=revivable_relu(0.5 * spacing + config.scale_gain * raw["scales"]) + config.min_scale,
            quats=nn.functional.normalize(self.identity + config.rotation_gain * raw["quats"], dim=-1),
            colors=torch.sigmoid(raw["colors"]),
            opacities=torch.sigmoid(raw["opacities"][..., 0]),
        )
