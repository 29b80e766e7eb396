"""Corrections of a splat's Gaussians, in proportion to how much of each the views see."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry.gaussians import quat_multiply
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render
from gsn_perception.rendering.conventions import EPS2D

_LEAST_SEEN = 0.05  # a Gaussian of which the views see less stays as it is
_EDGE = 1e-4  # colours and opacities are kept this far from 0 and 1, where their logits end
_RATES = (0.002, 0.03, 0.02, 0.1, 0.1)  # of Adam: means, log scales, rotations, logits of colours and of opacities
_FLOOR = 0.1  # added to Adam's denominators, of their mean over the Gaussians
_FIRST, _SECOND = 0.9, 0.99  # decay of Adam's moments


class Corrections:
    """Offsets of the parameters of a splat [N] with Adam's moments; zero at the start.

    Args:
        start: Normalised frame, on the CPU.
        seen: [N] share of each Gaussian that the views see; the factor of its corrections.
    """

    def __init__(self, start: Gaussians, seen: Tensor) -> None:
        self.start = start
        self._gate = torch.where(seen >= _LEAST_SEEN, seen, 0.0)[:, None]
        self._colors = torch.logit(start.colors, eps=_EDGE)
        self._opacities = torch.logit(start.opacities, eps=_EDGE)
        n = len(start)
        # rows: means 0:3, log scales 3:6, rotations 6:9, colours 9:12, opacity 12
        self.values = torch.zeros(n, 13)
        widths = torch.tensor([3, 3, 3, 3, 1])
        self._rates = torch.repeat_interleave(torch.tensor(_RATES), widths)
        self._first, self._second = torch.zeros(n, 13), torch.zeros(n, 13)
        self._steps = 0

    def applied(self, values: Tensor) -> Gaussians:
        """The splat [N] with corrections ``values`` [N,13]; differentiable. Gaussians that are not seen are the start's."""
        start = self.start
        means, scales, turns, colors, opacities = (self._gate * values).split([3, 3, 3, 3, 1], -1)
        moved = Gaussians(
            means=start.means + means,
            scales=start.scales * torch.exp(scales),
            quats=quat_multiply(start.quats, torch.cat([torch.ones_like(opacities), turns], -1)),
            colors=torch.sigmoid(self._colors + colors),
            opacities=torch.sigmoid(self._opacities + opacities[:, 0]),
        )
        seen = self._gate > 0
        return Gaussians(
            means=moved.means,
            scales=moved.scales,
            quats=moved.quats,
            colors=torch.where(seen, moved.colors, start.colors),
            opacities=torch.where(seen[:, 0], moved.opacities, start.opacities),
            confidence=start.confidence,
        )

    def step(self, gradient: Tensor) -> None:
        """One step of Adam down a gradient [N,13]."""
        self._steps += 1
        self._first.mul_(_FIRST).add_(gradient, alpha=1 - _FIRST)
        self._second.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
        mean = self._first / (1 - _FIRST**self._steps)
        spread = (self._second / (1 - _SECOND**self._steps)).sqrt_()
        floor = _FLOOR * spread.mean(0) + 1e-12  # no full step along a gradient that is only rounding
        self.values = self.values - self._rates * mean / (spread + floor)


def seen_share(splat: Gaussians, cameras: Sequence[Camera]) -> Tensor:
    """[N] share in [0, 1] of each Gaussian's own light that reaches the camera that sees it best.

    It is the sum of the Gaussian's weights over the pixels, which is the gradient of the image's sum with respect to its
    colour, over the area of its ellipse times its opacity.
    """
    shares = [_seen_by(splat, CameraBatch.of([camera])) for camera in cameras]
    return torch.stack(shares).amax(0)


def _seen_by(splat: Gaussians, camera: CameraBatch) -> Tensor:
    with torch.enable_grad():
        batch = splat.map(lambda t: t[None])
        colors = batch.colors.clone().requires_grad_(True)
        image = render(Gaussians(batch.means, batch.scales, batch.quats, colors, batch.opacities), camera).rgb
        (weights,) = torch.autograd.grad(image[..., 0].sum(), colors)
    pose = camera.camera_from_object[0, 0]
    points = splat.means @ pose[:3, :3].T + pose[:3, 3]
    depth = points[:, 2].clamp_min(1e-6)
    focal = camera.K[0, 0, 0, 0]
    along = points[:, :2] / depth[:, None]
    rows = pose[None, :2, :3] - along[:, :, None] * pose[None, 2:, :3]  # of the projection's Jacobian, times depth / f
    spread = rows @ splat.covariances() @ rows.transpose(1, 2) * (focal / depth).square()[:, None, None]
    a, b, c = spread[:, 0, 0] + EPS2D, spread[:, 0, 1], spread[:, 1, 1] + EPS2D
    area = 2 * torch.pi * (a * c - b * b).clamp_min(0).sqrt() * splat.opacities
    return (weights[0, :, 0] / area.clamp_min(1e-6)).clamp(0, 1)
