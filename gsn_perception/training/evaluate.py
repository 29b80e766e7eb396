"""Evaluation on a pre-rendered dataset as training goes, with a contact sheet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.gsn.network import GSN
from gsn_perception.rendering import Rendering
from gsn_perception.rendering import render
from gsn_perception.training.augment import roll_scene
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.losses.geometry import depth_error

_WHITE = (1.0, 1.0, 1.0)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """PSNR [...] in dB of images [...,H,W,3]."""
    return -10 * torch.log10((a - b).square().mean((-1, -2, -3)).clamp_min(1e-10))


@torch.no_grad()
def evaluate(
    network: GSN, data: ViewDataset, *, views: int = 5, limit: int = 64
) -> tuple[dict[str, float], np.ndarray]:
    """Mean figures over the first ``limit`` objects, averaged per object first, and a contact sheet.

    Returns:
        novel / input PSNR of upright inputs, the same per shape class, silhouette IoU, depth error in normalised units,
        share of dead Gaussians, for networks that read depth also with exact depth; and an RGB uint8 sheet with
        input, truth and splat of a few objects.
    """
    network.eval()
    device = next(network.parameters()).device
    figures: dict[str, list[float]] = defaultdict(list)
    rows: list[np.ndarray] = []
    count = min(limit, len(data))
    wanted = set(np.linspace(0, count - 1, min(8, count)).astype(int).tolist())
    for index in range(count):
        chosen = (np.arange(views) * (data.views // views) + index) % data.views
        batch = data.batch([index], chosen[None]).to(device)
        gaussians, out = _answer(network, batch, with_depth=False)
        _collect(figures, batch, out)
        if network.config.depth:
            _, informed = _answer(network, batch, with_depth=True)
            figures["rgbd_novel_psnr"].append(float(psnr(informed.rgb, batch.rgb)[0, 1:].mean()))
            figures["rgbd_depth_error"].append(float(depth_error(informed, batch)))
        figures["dead"].append(float((gaussians.opacities < 1 / 255).float().mean()))
        if index in wanted:
            rows.append(_row(batch, out.rgb))
    return {k: float(np.mean(v)) for k, v in figures.items()}, np.concatenate(rows)


def _answer(network: GSN, batch: Batch, *, with_depth: bool) -> tuple[Gaussians, Rendering]:
    """The splat of the upright inputs, and its images."""
    depth = relative_depth(batch.input_depth, batch.input_alpha, batch.theta) if with_depth else None
    batch, image = roll_scene(batch, batch.upright, depth)
    gaussians = network(image, batch.theta)
    return gaussians, render(gaussians, batch.cameras, background=torch.tensor(_WHITE, device=image.device))


def _collect(figures: Mapping[str, list[float]], batch: Batch, out: Rendering) -> None:
    alpha = out.alpha
    values = psnr(out.rgb, batch.rgb)[0]
    figures["depth_error"].append(float(depth_error(out, batch)))
    novel = float(values[1:].mean())
    figures["novel_psnr"].append(novel)
    figures[f"novel_psnr/{batch.shapes[0]}"].append(novel)
    figures["input_psnr"].append(float(values[0]))
    both, either = ((alpha > 0.5) & (batch.alpha > 0.5)), ((alpha > 0.5) | (batch.alpha > 0.5))
    iou = both.sum((-1, -2)) / either.sum((-1, -2)).clamp_min(1)
    figures["novel_iou"].append(float(iou[0, 1:].mean()))
    figures["input_iou"].append(float(iou[0, 0]))


def _row(batch: Batch, rgb: Tensor) -> np.ndarray:
    """Input truth | input splat | then truth and splat of three novel views."""
    order = [x for v in range(min(4, rgb.shape[1])) for x in (batch.rgb[0, v], rgb[0, v])]
    return (torch.cat(order, 1).clamp(0, 1) * 255).byte().cpu().numpy()


def write_sheet(path: Path, sheet: np.ndarray) -> None:
    """Save an RGB uint8 picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
