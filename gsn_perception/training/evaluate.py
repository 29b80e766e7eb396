"""Evaluates a GSN on a dataset of views during training: PSNR, IoU, depth error, and a contact sheet."""

from __future__ import annotations

from collections import defaultdict
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


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """PSNR [...] in dB of images [...,H,W,3]."""
    return -10 * torch.log10((a - b).square().mean((-1, -2, -3)).clamp_min(1e-10))


@torch.no_grad()
def evaluate(
    network: GSN, data: ViewDataset, *, views: int = 5, limit: int = 64
) -> tuple[dict[str, float], np.ndarray]:
    """Means over the first ``limit`` objects, averaged per object first, and a contact sheet.

    Inputs are upright. A network that reads depth is evaluated twice: on colour alone, and with exact depth (``rgbd_``).

    Args:
        network: It is put into eval mode.
        data: The dataset.
        views: Views per object; the first is the input.
        limit: Largest number of objects.

    Returns:
        PSNR in dB of novel views (also per shape class) and of the input view, silhouette IoU, depth error in normalised
        units and the share of transparent ("dead") Gaussians, by name; and an RGB uint8 sheet with the true and the
        rendered views of up to eight objects.
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
        _, gaussians, out = render_rolled(network, batch, batch.upright)
        for name, value in _view_figures(batch, out).items():
            figures[name].append(value)
        if network.config.depth:
            depth = relative_depth(batch.input_depth, batch.input_alpha, batch.theta)
            with_depth = _view_figures(batch, render_rolled(network, batch, batch.upright, depth)[2])
            for name in ("novel_psnr", "depth_error"):
                figures[f"rgbd_{name}"].append(with_depth[name])
        figures["dead"].append(float((gaussians.opacities < 1 / 255).float().mean()))
        if index in wanted:
            rows.append(_row(batch, out.rgb))
    return {k: float(np.mean(v)) for k, v in figures.items()}, np.concatenate(rows)


def render_rolled(
    network: GSN, batch: Batch, roll: Tensor, depth: tuple[Tensor, Tensor] | None = None
) -> tuple[Batch, Gaussians, Rendering]:
    """The splats of inputs rolled by ``roll`` [B] radians, rendered on white in the views of the batch.

    Args:
        network: In eval mode.
        batch: Inputs and views.
        roll: [B] radians.
        depth: Relative depth of the inputs and where it is known; none by default (colour alone).

    Returns:
        The batch in the rolled normalised frame, the splats, and their images.
    """
    batch, image = roll_scene(batch, roll, depth)
    gaussians = network(image, batch.theta)
    return batch, gaussians, render(gaussians, batch.cameras, background=torch.ones(3, device=image.device))


def _view_figures(batch: Batch, out: Rendering) -> dict[str, float]:
    """Figures of the images of one object against the truth, by name."""
    values = psnr(out.rgb, batch.rgb)[0]
    novel = float(values[1:].mean())
    both, either = ((out.alpha > 0.5) & (batch.alpha > 0.5)), ((out.alpha > 0.5) | (batch.alpha > 0.5))
    iou = both.sum((-1, -2)) / either.sum((-1, -2)).clamp_min(1)
    return {
        "depth_error": float(depth_error(out, batch)),
        "novel_psnr": novel,
        f"novel_psnr/{batch.shapes[0]}": novel,
        "input_psnr": float(values[0]),
        "novel_iou": float(iou[0, 1:].mean()),
        "input_iou": float(iou[0, 0]),
    }


def _row(batch: Batch, rgb: Tensor) -> np.ndarray:
    """Input view: truth and splat side by side; then the same of three novel views."""
    order = [x for v in range(min(4, rgb.shape[1])) for x in (batch.rgb[0, v], rgb[0, v])]
    return (torch.cat(order, 1).clamp(0, 1) * 255).byte().cpu().numpy()


def write_sheet(path: Path, sheet: np.ndarray) -> None:
    """Save an RGB uint8 image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
