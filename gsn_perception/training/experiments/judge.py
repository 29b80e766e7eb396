"""Evaluates a trained GSN for experiments: rolled inputs, symmetry, extreme views, cost."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import parameter_count
from gsn_perception.gsn.network import roll_image
from gsn_perception.rendering import Rendering
from gsn_perception.training.data import Batch
from gsn_perception.training.data import ViewDataset
from gsn_perception.training.evaluate import evaluate
from gsn_perception.training.evaluate import psnr
from gsn_perception.training.evaluate import render_rolled
from gsn_perception.training.experiments.variations import RollMethod

Records = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Settings of the evaluation.

    Attributes:
        objects: Largest number of objects.
        angles: Number of rolls over the full turn.
        targets: Novel views per input.
    """

    objects: int = 64
    angles: int = 8
    targets: int = 4


def judge(network: GSN, data: ViewDataset, roll_method: RollMethod, settings: JudgeSettings) -> dict[str, float]:
    """All figures of a network.

    Args:
        network: The trained network.
        data: The dataset.
        roll_method: How rolled inputs are brought to a canonical roll.
        settings: Objects, angles and targets.

    Returns:
        Those of :func:`~gsn_perception.training.evaluate.evaluate`, and:
        ``agree``, ``agree_worst``: PSNR in dB between images of the rolled input's splat (rolled back) and of the unrolled
        input's splat, inside the union of both silhouettes, median and worst over the angles;
        ``rolled_psnr``, ``rolled_range``: mean and range over the angles of the PSNR against the truth;
        ``ecd``: distance between the same splats;
        ``novel_psnr/<group>``, ``agree/<group>``: by rotational symmetry of the object;
        ``psnr/input <band>``, ``psnr/target <band>``: by elevation of the input and angle to the target;
        ``network_ms``, ``parameters_m``.
    """
    network.eval()
    figures, _ = evaluate(network, data, views=1 + settings.targets, limit=settings.objects)
    records: Records = defaultdict(list)
    groups = symmetry_groups(data, settings.objects)
    for index in range(min(settings.objects, len(data))):
        _judge_rolls(network, data, index, roll_method, settings, groups[index], records)
        _judge_views(network, data, index, settings, records)
    figures |= {k: float(np.mean(v)) for k, v in records.items()}
    figures["network_ms"], figures["parameters_m"] = network_ms(network), parameter_count(network) / 1e6
    return figures


@torch.no_grad()
def _judge_rolls(
    network: GSN,
    data: ViewDataset,
    index: int,
    roll_method: RollMethod,
    settings: JudgeSettings,
    group: str,
    records: Records,
) -> None:
    views = (np.arange(1 + settings.targets) * (data.views // (1 + settings.targets)) + index) % data.views
    device = next(network.parameters()).device
    batch = data.batch([index], views[None]).to(device)
    turns = 2 * math.pi * torch.arange(settings.angles, device=device) / settings.angles
    answers = [_answer(network, batch, batch.upright + turn, roll_method) for turn in turns]
    still, first, roll = answers[0]
    psnrs = [float(psnr(out.rgb, batch.rgb)[0, 1:].mean()) for _, out, _ in answers]
    agree = [_agreement(first, out) for _, out, _ in answers[1:]]
    apart = [_splat_distance(still, roll, splat, other) for splat, _, other in answers[1:]]
    for key, value in (("agree", float(np.median(agree))), ("novel_psnr", psnrs[0])):
        records[f"{key}/{group}"].append(value)
    records["agree"].append(float(np.median(agree)))
    records["agree_worst"].append(float(np.min(agree)))
    records["rolled_psnr"].append(float(np.mean(psnrs)))
    records["rolled_range"].append(float(np.ptp(psnrs)))
    records["ecd"].append(float(np.median(apart)))


def _answer(network: GSN, batch: Batch, roll: Tensor, roll_method: RollMethod) -> tuple[Gaussians, Rendering, Tensor]:
    """Splat of inputs rolled by ``roll`` [1] and then brought to the canonical roll, its images, the total roll."""
    if roll_method == "moments":
        seen = roll_image(network_input(batch.input_rgb, batch.input_alpha), roll)
        roll = roll + moment_roll(seen[:, 3])[0]
    _, splat, out = render_rolled(network, batch, roll)
    return splat, out, roll


def _agreement(a: Rendering, b: Rendering) -> float:
    """PSNR between two renderings inside the union of their silhouettes, mean over the novel views."""
    union = ((a.alpha > 0.5) | (b.alpha > 0.5))[0, 1:, ..., None]
    squared = ((a.rgb - b.rgb)[0, 1:].square() * union).mean(-1).sum((-1, -2))
    error = squared / union.sum((-1, -2, -3)).clamp_min(1)
    return float((-10 * torch.log10(error.clamp_min(1e-10))).mean())


def _splat_distance(a: Gaussians, roll_a: Tensor, b: Gaussians, roll_b: Tensor) -> float:
    return float(extended_chamfer_distance(roll_gaussians(b, roll_a - roll_b), a)[0])


@torch.no_grad()
def _judge_views(network: GSN, data: ViewDataset, index: int, settings: JudgeSettings, records: Records) -> None:
    """PSNR by elevation of the (upright) input and by angle to the target view, for three inputs of an object."""
    poses = data.world_from_virtual[index]
    elevation = np.degrees(np.arcsin(np.clip(-poses[:, 2, 2], -1, 1)))  # angle by which the camera looks down
    for first in np.argsort(elevation)[[0, data.views // 2, data.views - 1]]:
        others = [v for v in range(data.views) if v != first][:: max(1, (data.views - 1) // (2 * settings.targets))]
        batch = data.batch([index], np.array([[first, *others]])).to(next(network.parameters()).device)
        _, out, _ = _answer(network, batch, batch.upright, "none")
        values = psnr(out.rgb, batch.rgb)[0, 1:]
        band = "low" if elevation[first] < 15 else "high" if elevation[first] > 50 else "middle"
        records[f"psnr/input {band}"].append(float(values.mean()))
        apart = np.degrees(np.arccos(np.clip(poses[others, :3, 2] @ poses[first, :3, 2], -1, 1)))
        for angle, value in zip(apart, values.tolist(), strict=True):
            low = int(min(angle // 45, 3)) * 45
            records[f"psnr/target {low}-{low + 45}"].append(value)


def symmetry_groups(data: ViewDataset, limit: int) -> list[str]:
    """For each object: symmetric (the third with the least asymmetry), asymmetric (the most), or between."""
    values = np.array([asymmetry(np.asarray(data.points[row])) for row in data.rows[:limit]])
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    return ["symmetric" if v <= low else "asymmetric" if v > high else "between" for v in values]


def asymmetry(points: np.ndarray) -> float:
    """How far surface samples [P,3] leave their own surface when rotated about the vertical axis of their box.

    Mean distance to the nearest sample over eleven turns by 30 degrees, in extents.
    """
    middle = 0.5 * (points.min(0) + points.max(0))
    centred = (points - middle).astype(np.float64)
    tree, extent = cKDTree(centred), float(np.ptp(centred, axis=0).max())
    distances = []
    for angle in np.arange(1, 12) * math.pi / 6:
        c, s = math.cos(angle), math.sin(angle)
        turned = centred @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
        distances.append(float(tree.query(turned)[0].mean()))
    return float(np.mean(distances)) / extent


@torch.no_grad()
def network_ms(network: GSN, repeats: int = 9) -> float:
    """Median milliseconds of one image through the network."""
    device = next(network.parameters()).device
    side = network.config.image_size
    image, theta = torch.rand(1, 7, side, side, device=device), torch.full((1,), 0.2, device=device)
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        float(network(image, theta).opacities.sum())  # waits for the device
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times[2:])
