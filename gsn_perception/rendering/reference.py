"""Reference rasteriser in plain torch: every Gaussian at every pixel, differentiated by autograd.

It is slow and needs much memory; any dtype and device. The fast backends are tested against it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.gaussians import quat_to_matrix
from gsn_perception.rendering.cameras import CameraBatch
from gsn_perception.rendering.conventions import EPS2D
from gsn_perception.rendering.conventions import FRUSTUM_MARGIN
from gsn_perception.rendering.conventions import MAX_ALPHA
from gsn_perception.rendering.conventions import MEDIAN_TRANSMITTANCE
from gsn_perception.rendering.conventions import MIN_ALPHA
from gsn_perception.rendering.conventions import MIN_TRANSMITTANCE
from gsn_perception.rendering.conventions import NEAR
from gsn_perception.rendering.images import Rendering


def project(
    means: Tensor,  # [N, 3]
    scales: Tensor,  # [N, 3]
    quats: Tensor,  # [N, 4]
    K: Tensor,  # [3, 3]
    pose: Tensor,  # [4, 4]
    size: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor]:
    """EWA projection of Gaussians in front of the camera (z > 0).

    Returns:
        Centres [N,2] in pixels, inverse 2-D covariances [N,2,2], camera depths [N].
    """
    points = means @ pose[:3, :3].T + pose[:3, 3]  # [N, 3]
    x, y, z = points.unbind(-1)
    focal, centre = torch.stack([K[0, 0], K[1, 1]]), K[:2, 2]
    size_ = torch.tensor(size, dtype=K.dtype, device=K.device)
    margin = FRUSTUM_MARGIN * 0.5 * size_ / focal
    tangent = torch.stack([x / z, y / z], -1)  # [N, 2]
    u, v = tangent.clamp(-centre / focal - margin, (size_ - centre) / focal + margin).unbind(-1)
    zero = torch.zeros_like(z)
    rows = [focal[0] / z, zero, -focal[0] * u / z, zero, focal[1] / z, -focal[1] * v / z]
    jacobian = torch.stack(rows, -1).unflatten(-1, (2, 3))  # [N, 2, 3]
    spread = jacobian @ pose[:3, :3] @ (quat_to_matrix(quats) * scales.unsqueeze(-2))  # [N, 2, 3]
    eye = torch.eye(2, dtype=K.dtype, device=K.device)
    covariance = spread @ spread.transpose(-1, -2) + EPS2D * eye  # [N, 2, 2]
    return tangent * focal + centre, torch.linalg.inv(covariance), z


def draw(
    centres: Tensor,  # [N, 2], front to back
    conics: Tensor,  # [N, 2, 2]
    opacities: Tensor,  # [N]
    size: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Blending weights [N,P] of the Gaussians at the P pixels, and the transmittance [N,P] behind each Gaussian."""
    width, height = size
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack([xs, ys], -1).reshape(1, -1, 2).to(centres)  # [1, P, 2]
    offsets = pixels - centres[:, None]  # [N, P, 2]
    sigma = 0.5 * torch.einsum("npi,nij,npj->np", offsets, conics, offsets)
    alpha = (opacities[:, None] * torch.exp(-sigma)).clamp(max=MAX_ALPHA)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0.0)
    behind = torch.cumprod(1 - alpha, 0)  # [N, P] without early termination
    drawn = (behind > MIN_TRANSMITTANCE).to(alpha.dtype).cumprod(0)  # once below, the pixel is finished
    alpha = alpha * drawn
    behind = torch.cumprod(1 - alpha, 0)
    before = torch.cat([torch.ones_like(behind[:1]), behind[:-1]])
    return alpha * before, behind


def render_view(
    means: Tensor,
    scales: Tensor,
    quats: Tensor,
    colors: Tensor,
    opacities: Tensor,
    background: Tensor,
    K: Tensor,
    pose: Tensor,
    size: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One splat [N,..] in one view: rgb [H,W,3], alpha, accumulated depth and median depth [H,W]."""
    width, height = size
    depths = (means @ pose[2, :3] + pose[2, 3]).detach()
    order = torch.argsort(depths, stable=True)
    order = order[depths[order] > NEAR]
    centres, conics, z = project(means[order], scales[order], quats[order], K, pose, size)
    if not len(order):
        empty = torch.zeros(height, width, dtype=means.dtype, device=means.device) + means.sum() * 0
        return background.expand(height, width, 3) + empty[..., None], empty, empty, torch.full_like(empty, torch.inf)
    weights, behind = draw(centres, conics, opacities[order], size)
    total = weights.sum(0)  # [P]
    rgb = weights.T @ colors[order] + (1 - total)[:, None] * background
    depth = weights.T @ z
    crossed = behind < MEDIAN_TRANSMITTANCE
    first = z.detach()[crossed.to(torch.uint8).argmax(0)]
    median = torch.where(crossed.any(0), first, torch.inf)
    shape = (height, width)
    return rgb.reshape(*shape, 3), total.reshape(shape), depth.reshape(shape), median.reshape(shape)


def rasterise(gaussians: Gaussians, cameras: CameraBatch, background: Tensor, median_depth: bool) -> Rendering:
    """Render B splats in V views each; any dtype, all tensors on one device. Arguments as ``cpu.rasterise``."""
    B, V = cameras.batch
    g, size = gaussians, (cameras.width, cameras.height)
    K, poses = cameras.K.to(g.means), cameras.camera_from_object.to(g.means)
    splats = list(zip(g.means, g.scales, g.quats, g.colors, g.opacities, strict=True))
    views = [render_view(*splats[b], background[b, v], K[b, v], poses[b, v], size) for b in range(B) for v in range(V)]
    rgb, alpha, depth, median = (torch.stack(images).unflatten(0, (B, V)) for images in zip(*views, strict=True))
    return Rendering(rgb, alpha, depth, median.detach() if median_depth else None)
