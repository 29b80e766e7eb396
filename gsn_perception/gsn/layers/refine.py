"""Pixel-aligned refinement: each sculpted Gaussian is corrected from the image features at its projection.

The idea is that of PIFu (Saito et al., ICCV 2019). A global latent can't represent prints and sharp edges. A small network,
shared by all Gaussians, reads image features, colour, mask and the distance of the Gaussian behind the front one at its
pixel. It commutes with rolls, because it is shared and its inputs roll with the image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch import nn

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.layers.depth_input import cube_distance
from gsn_perception.gsn.layers.depth_input import depth_residual
from gsn_perception.gsn.layers.encoders import Encoder
from gsn_perception.gsn.layers.sculpt import revivable_relu

CELLS = 32
_OPAQUE = 0.1


def project(means: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Projects means [B,N,3] of the normalised frame into the crop, as grid coordinates in [-1, 1].

    Args:
        means: [B,N,3].
        theta: [B] half-angles of the objects' cones.

    Returns:
        xy [B,N,2] and depth [B,N] from the camera in normalised units.
    """
    z = means[..., 2] + cube_distance(theta)[:, None]
    xy = means[..., :2] / (z * torch.tan(FIELD_MARGIN * theta)[:, None]).clamp_min(1e-4)[..., None]
    return xy, z


@torch.no_grad()
def front_depth(xy: Tensor, z: Tensor, opacities: Tensor) -> tuple[Tensor, Tensor]:
    """Depth of the front opaque Gaussian in each image cell [B,CELLS^2] (inf: none), and the cell of each Gaussian [B,N]."""
    cell = ((xy + 1) * 0.5 * CELLS).long().clamp(0, CELLS - 1)
    index = cell[..., 1] * CELLS + cell[..., 0]
    seen = torch.where(opacities > _OPAQUE, z, torch.full_like(z, torch.inf))
    front = torch.full((len(z), CELLS * CELLS), torch.inf, device=z.device, dtype=z.dtype)
    return front.scatter_reduce(1, index, seen, "amin"), index


class Refiner(nn.Module):
    """Image features at a quarter of the crop's resolution, and the shared network that corrects Gaussians."""

    def __init__(self, config: GsnConfig, encoder: Encoder) -> None:
        super().__init__()
        features = config.refine_features
        self.laterals = nn.ModuleList(nn.Conv2d(c, features, 1) for c in encoder.channels[:3])
        self.smooth = nn.Conv2d(features, features, 3, padding=1)
        # features, image (5), means, scales, quats, colors, opacity, depth behind the front (, depth residual, known)
        self.inputs = inputs = features + 5 + 3 + 3 + 4 + 3 + 1 + 1 + (2 if config.depth else 0)
        hidden = config.refine_hidden
        self.network = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 15)
        )
        last: nn.Linear = self.network[-1]  # type: ignore[assignment]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.spacing = config.cube_side / config.cube
        self.min_scale = config.min_scale

    def features(self, maps: list[Tensor]) -> Tensor:
        """[B,F,S/4,S/4] from the encoder's first three stages, coarse added to fine."""
        x = self.laterals[2](maps[2])
        for level in (1, 0):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest") + self.laterals[level](maps[level])
        return torch.relu(self.smooth(x))

    def forward(self, gaussians: Gaussians, image: Tensor, maps: list[Tensor], theta: Tensor) -> Gaussians:
        """Corrected Gaussians [B,N].

        Args:
            gaussians: The sculpted splats, normalised frame.
            image: [B,5 or 7,S,S] network input.
            maps: The encoder's stages.
            theta: [B] radians.
        """
        return self.refined(gaussians, image, self.features(maps).float(), theta, self.network)

    def refined(
        self, gaussians: Gaussians, image: Tensor, features: Tensor, theta: Tensor, network: Callable[[Tensor], Tensor]
    ) -> Gaussians:
        """As :meth:`forward`, from :meth:`features` and with any implementation of the shared network.

        Args:
            gaussians: The sculpted splats, normalised frame.
            image: [B,5 or 7,S,S] network input.
            features: [B,F,S/4,S/4].
            theta: [B] radians.
            network: ``self.network`` or the same function elsewhere: [B,N,inputs] to [B,N,15].
        """
        rows = self.rows(gaussians, image, features, theta)
        first = features.shape[1]  # after the features come the pixel's channels
        return self._corrected(gaussians, network(rows).float(), rows[..., first : first + 3])

    def rows(self, gaussians: Gaussians, image: Tensor, features: Tensor, theta: Tensor) -> Tensor:
        """Inputs [B,N,inputs] of the shared network; compiled in inference mode on the CPU."""
        if image.is_cpu and torch.is_inference_mode_enabled():
            from gsn_perception.gsn.layers.refine_rows import compiled_rows

            return compiled_rows(gaussians, image, features, theta, self.spacing, CELLS, _OPAQUE)
        xy, z = project(gaussians.means, theta)
        grid = xy[:, :, None]
        local = _sample(features, grid)
        pixel = _sample(image, grid)
        front, cell = front_depth(xy, z.detach(), gaussians.opacities)
        behind = (z.detach() - front.gather(1, cell)).clamp(-1.0, 1.0).nan_to_num(0.0)
        opacity = gaussians.opacities[..., None]
        own = [gaussians.means, gaussians.scales / self.spacing, gaussians.quats, gaussians.colors, opacity]
        inputs = [local, pixel[..., :5], *own, 4 * behind[..., None]]
        if pixel.shape[-1] > 5:
            inputs.append(depth_residual(image[:, 5:], pixel[..., 5:], z, front, theta))
        return torch.cat(inputs, -1)

    def _corrected(self, gaussians: Gaussians, out: Tensor, sampled: Tensor) -> Gaussians:
        means, scales, quats, colors, opacity, blend = out.split([3, 3, 4, 3, 1, 1], -1)
        mixed = torch.sigmoid(torch.logit(gaussians.colors, eps=1e-4) + colors)
        share = torch.sigmoid(blend)
        return Gaussians(
            means=gaussians.means + 0.1 * means,
            scales=revivable_relu(gaussians.scales - self.min_scale + 0.5 * self.spacing * scales) + self.min_scale,
            quats=nn.functional.normalize(gaussians.quats + 0.3 * quats, dim=-1),
            colors=(1 - share) * mixed + share * sampled,
            opacities=torch.sigmoid(torch.logit(gaussians.opacities, eps=1e-4) + opacity[..., 0]),
        )


def _sample(image: Tensor, grid: Tensor) -> Tensor:
    """[B,N,C] of images [B,C,H,W] at grid [B,N,1,2]."""
    picked = nn.functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return picked[..., 0].transpose(1, 2)
