"""Exact equivariance reference for quarter turns: the splats of all four rolls, rotated back and averaged.

The lattice maps to itself under quarter turns, so the Gaussians of the four splats correspond one to one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gsn_perception.geometry import Gaussians
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.layers.sculpt import lattice
from gsn_perception.gsn.network import GSN


def quarter_average(network: GSN, image: Tensor, theta: Tensor) -> Gaussians:
    """The average splat [N] of a crop over its four quarter turns, in the frame of the unrolled crop.

    Args:
        network: In eval mode.
        image: [1,7,S,S] network input.
        theta: [1] radians.
    """
    turned = torch.cat([torch.rot90(image, -k, (-2, -1)) for k in range(4)])  # content by +90 degrees, x to y
    with torch.inference_mode():
        splats = network(turned.contiguous(memory_format=torch.channels_last), theta.expand(4)).to("cpu", torch.float32)
    back = roll_gaussians(splats, -0.5 * math.pi * torch.arange(4))
    parts = [back[k].select(_site_after(network.config.cube, k)) for k in range(4)]
    means, colors, opacities = (
        torch.stack([getattr(p, name) for p in parts]).mean(0) for name in ("means", "colors", "opacities")
    )
    scales, quats = _axes(torch.stack([p.covariances() for p in parts]).mean(0))
    return Gaussians(means, scales, quats, colors, opacities)


def _site_after(cube: int, quarters: int) -> Tensor:
    """[N] index of the lattice site to which ``quarters`` turns bring each site."""
    sites = ((lattice(cube) + 0.5) * cube - 0.5).round().long()
    for _ in range(quarters):
        sites = torch.stack([cube - 1 - sites[:, 1], sites[:, 0], sites[:, 2]], -1)
    return (sites[:, 0] * cube + sites[:, 1]) * cube + sites[:, 2]


def _axes(covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviations [N,3] and quaternions wxyz [N,4] of covariances [N,3,3]."""
    values, vectors = np.linalg.eigh(covariances.double().numpy())
    vectors[np.linalg.det(vectors) < 0, :, 0] *= -1
    xyzw = Rotation.from_matrix(vectors).as_quat()
    scales = torch.from_numpy(np.sqrt(np.maximum(values, 1e-12)))
    return scales.float(), torch.from_numpy(np.roll(xyzw, 1, axis=-1)).float()
