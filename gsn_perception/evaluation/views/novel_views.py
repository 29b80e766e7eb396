"""Novel-view test of splats sculpted from one image, with baselines that need no network."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from gsn_perception.evaluation.metrics.image_metrics import mask_iou
from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.metrics.image_metrics import ssim
from gsn_perception.evaluation.views.cases import NovelViewCase
from gsn_perception.evaluation.views.image_baselines import card_images
from gsn_perception.evaluation.views.image_baselines import white_images
from gsn_perception.evaluation.views.mean_object import MeanObject
from gsn_perception.evaluation.views.mean_object import calibrated
from gsn_perception.evaluation.views.mean_object import mean_object
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.evaluation.views.protocol import rolled_back
from gsn_perception.evaluation.views.protocol import true_scale
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

DEAD = 1 / 255
Sculptor = Callable[[Observation, int], tuple[ObjectView, Gaussians]]
Images = tuple[np.ndarray, np.ndarray]
ImageDistance = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(slots=True)
class GsnScores:
    """Figures per object, averaged over its views, by method.

    Attributes:
        rows: ``gsn``, ``gsn, depth`` and the baselines to one row per object.
        tiles: Per object the images of a contact sheet: input, then truth and prediction of some views.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tiles: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, who: str, case: NovelViewCase, figures: dict[str, float]) -> None:
        """Append the figures of one object."""
        self.rows.setdefault(who, []).append({"name": case.name, "shape": case.shape, **figures})


def evaluate_gsn(
    cases: Iterable[NovelViewCase],
    sculptor: Sculptor,
    *,
    mean: MeanObject | None = None,
    others: Mapping[str, Sculptor] | None = None,
    sheet_views: int = 4,
    lpips: ImageDistance | None = None,
) -> GsnScores:
    """Scores of a network, from colour alone and with measured depth, and of the baselines.

    Args:
        cases: Test objects with their views.
        sculptor: (observation, label) to the object's view and its splat in the normalised frame.
        mean: The mean training object, or None.
        others: More sculptors by name, from colour alone.
        sheet_views: Novel views per object on the contact sheet.
        lpips: Perceptual distances [V] between images [V,H,W,3], or None where its weights are missing.
    """
    scores = GsnScores()
    average = None if mean is None else mean.splat()
    for case in cases:
        view, gaussians = sculptor(case.observation, 1)
        images, alpha = render_targets(gaussians, view, case)
        figures = score_images(images, alpha, case, lpips)
        figures |= input_figures(case, view, gaussians) | splat_figures(gaussians)
        figures |= equivariance_figures(case, sculptor, view, gaussians, images)
        scores.add("gsn", case, figures)
        measured_view, informed = sculptor(case.measured, 1)
        scores.add("gsn, depth", case, score_images(*render_targets(informed, measured_view, case), case, lpips))
        for who, another in (others or {}).items():
            other_view, answer = another(case.observation, 1)
            found = score_images(*render_targets(answer, other_view, case), case, lpips)
            scores.add(who, case, found | input_figures(case, other_view, answer))
        for who, (other, cover) in _baselines(case, average).items():
            scores.add(who, case, score_images(other, cover, case, lpips))
        scores.tiles[case.name] = _tiles(case, images, sheet_views)
    return scores


def render_targets(gaussians: Gaussians, view: ObjectView, case: NovelViewCase, background: float = 1.0) -> Images:
    """A normalised splat, at its true scale, rendered by the case's targets: images [V,H,W,3] and alpha [V,H,W]."""
    metric = gaussians.transform(view.similarity(true_scale(view, case.centre)))
    return splat_images(metric, case.targets, background)


def score_images(
    images: np.ndarray, alpha: np.ndarray, case: NovelViewCase, lpips: ImageDistance | None = None
) -> dict[str, float]:
    """Means over the case's novel views."""
    views = range(len(images))
    truth, masks = case.truth, case.truth_masks
    perceived = {} if lpips is None else {"lpips": float(np.mean(lpips(images, truth)))}
    return perceived | {
        "psnr": float(np.mean([psnr(images[i], truth[i]) for i in views])),
        "ssim": float(np.mean([ssim(images[i], truth[i]) for i in views])),
        "psnr_inside": float(np.nanmean([psnr(images[i], truth[i], masks[i]) for i in views])),
        "iou": float(np.mean([mask_iou(alpha[i] > 0.5, masks[i]) for i in views])),
    }


def input_figures(case: NovelViewCase, view: ObjectView, gaussians: Gaussians) -> dict[str, float]:
    """Agreement of the splat with its input crop (on white, at the network's size)."""
    images, alpha = splat_images(gaussians, [view.normalised_camera])
    mask = case.mask
    truth = white_crop(case.observation, mask, view)
    cover = view.warp(mask.astype(np.float32), case.observation.camera) > 0.5
    return {"input_psnr": psnr(images[0], truth), "input_iou": mask_iou(alpha[0] > 0.5, cover)}


def white_crop(observation: Observation, mask: np.ndarray, view: ObjectView) -> np.ndarray:
    """The masked object on white, seen by the virtual camera, [S,S,3]."""
    share = view.warp(mask.astype(np.float32), observation.camera)[..., None]
    return view.warp(observation.image / 255.0 * mask[..., None], observation.camera) + (1 - share)


def splat_figures(gaussians: Gaussians) -> dict[str, float]:
    """Quality of the splat: shares of invisible and of needle-shaped Gaussians."""
    scales = gaussians.scales.sort(dim=-1).values
    return {
        "dead": float((gaussians.opacities < DEAD).float().mean()),
        "needles": float((scales[..., 2] > 10 * scales[..., 1]).float().mean()),
    }


def equivariance_figures(
    case: NovelViewCase, sculptor: Sculptor, view: ObjectView, gaussians: Gaussians, images: np.ndarray
) -> dict[str, float]:
    """Change of the splat when the camera rolls; none for an equivariant network.

    The camera of the same case is rolled by its roll angle, its image is rendered again, and the splat from it is rotated
    back. ``roll_psnr`` compares the novel views of both splats, ``ecd`` is the Extended Chamfer Distance between them in
    the normalised frame of the first.
    """
    rolled_view, rolled = sculptor(case.rolled, 1)
    back = rolled_back(rolled, rolled_view, case.roll, case.centre)
    again, _ = splat_images(back, case.targets, 1.0)
    normalised = back.transform(np.linalg.inv(view.similarity(true_scale(view, case.centre))))
    distance = extended_chamfer_distance(normalised.map(lambda t: t[None]), gaussians.map(lambda t: t[None]))
    return {
        "roll_psnr": float(np.mean([psnr(a, b) for a, b in zip(again, images, strict=True)])),
        "ecd": float(distance[0]),
        "roll_theta": abs(rolled_view.theta - view.theta),
    }


def calibrated_mean(
    items: Iterable[TexturedMesh], cases: Sequence[NovelViewCase], protocol: Protocol, *, views: int = 3
) -> MeanObject:
    """The mean of training objects, each seen from some input viewpoints, with the gain of the best score on ``cases``.

    Args:
        items: Training objects.
        cases: Some of them as novel-view cases.
        protocol: How input viewpoints are sampled.
        views: Input viewpoints per object.
    """
    rng = np.random.default_rng(protocol.seed)
    seen = ((item, [draw_viewpoint(item, rng, protocol) for _ in range(views)]) for item in items)
    mean = mean_object(seen, rng)

    def score(candidate: MeanObject) -> float:
        splat = candidate.splat()
        return float(np.mean([_mean_psnr(splat, case) for case in cases]))

    return calibrated(mean, score)


def _mean_psnr(splat: Gaussians, case: NovelViewCase) -> float:
    images, alpha = render_targets(splat, case.whole, case)
    return score_images(images, alpha, case)["psnr"]


def _baselines(case: NovelViewCase, average: Gaussians | None) -> dict[str, Images]:
    """Predictions of the baselines, which get only the input and its true mask, never the targets."""
    mask, view = case.mask, case.whole
    answers = {} if average is None else {"mean object": render_targets(average, view, case)}
    answers["card"] = card_images(case.observation, mask, true_scale(view, case.centre), case.targets)
    answers["white"] = white_images(case.targets)
    return answers


def _tiles(case: NovelViewCase, images: np.ndarray, views: int) -> list[np.ndarray]:
    mask = case.mask
    view = ObjectView.of_mask(mask, case.observation.camera, images.shape[1])
    tiles = [white_crop(case.observation, mask, view)]
    for i in range(min(views, len(images))):
        tiles += [case.truth[i], images[i]]
    return tiles
