"""Evaluation on real RGB-D frames: agreement of the reconstructed mesh with the measured depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.metrics.image_metrics import mask_iou
from gsn_perception.evaluation.reports.contact_sheet import grid
from gsn_perception.evaluation.reports.contact_sheet import label
from gsn_perception.evaluation.reports.contact_sheet import to_uint8
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.io import read_camera
from gsn_perception.io import read_depth
from gsn_perception.io import read_image
from gsn_perception.io import read_mask

PRIOR_EXTENT = 0.16
"""Metres: about the median longest side of household objects; the scale where depth is not used."""
_ERROR_RANGE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class FrameScores:
    """Agreement of one reconstruction with one frame.

    Attributes:
        name: Of the frame.
        figures: ``before`` = scale from the size prior, ``after`` = scale from the measured depth.
        picture: [H,W,3] uint8: input with mask outline, splat, mesh depth error.
    """

    name: str
    figures: dict[str, float]
    picture: np.ndarray


def frame_folders(folder: Path) -> list[Path]:
    """Folders below (or at) ``folder`` that contain a frame.

    Raises:
        InputError: there is none.
    """
    if (folder / "color.png").is_file():
        return [folder]
    found = sorted(p.parent for p in folder.glob("*/color.png"))
    if not found:
        raise InputError(
            f"no frame in {folder}; give a folder whose subfolders hold color.png, depth.png, mask.png and camera.json"
        )
    return found


def read_frame(folder: Path) -> Observation:
    """One frame from color.png, depth.png (16-bit mm, 0 unknown), mask.png and camera.json; one object, label 1."""
    mask = read_mask(folder / "mask.png")
    return Observation(
        image=read_image(folder / "color.png"),
        camera=read_camera(folder / "camera.json"),
        mask=(mask > 0).astype(np.uint8),
        depth=read_depth(folder / "depth.png"),
    )


def evaluate_frame(
    name: str, observation: Observation, reconstruct: Callable[[Observation], list[Reconstruction | Refusal]]
) -> FrameScores:
    """Scores of one frame with one object.

    The mesh is the same before and after; only its scale differs. Before, its longest side is that of a typical object
    (:data:`PRIOR_EXTENT`); after, it is from the depth. Scaling about the camera does not change the silhouette.

    Raises:
        InputError: the object was refused, or the frame has no depth or mask.
    """
    if observation.depth is None or observation.mask is None:
        raise InputError(f"frame {name} has no depth or no mask; both are needed to measure against")
    result = _only(name, reconstruct(observation))
    mask = observation.mask > 0
    factor = PRIOR_EXTENT / float(np.ptp(result.mesh.vertices, axis=0).max())
    meshes = {"before": result.mesh.transform(np.diag([factor, factor, factor, 1.0])), "after": result.mesh}
    depths = {when: Surface(mesh).cast(observation.camera).depth for when, mesh in meshes.items()}
    figures = {}
    for when, depth in depths.items():
        for key, value in depth_figures(depth, observation.depth, mask).items():
            figures[f"{when}_{key}"] = value
    figures |= {"scale_before": factor * result.scale, "scale_after": result.scale, "scale_sigma": result.scale_sigma}
    return FrameScores(name, figures, _picture(observation, result, depths["after"]))


def depth_figures(rendered: np.ndarray, measured: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Agreement of a mesh's depth [H,W] (NaN = no surface) with the measured one.

    Returns:
        ``median_mm``: median absolute error where mask, mesh and measurement all have a surface;
        ``iou``: of the mesh's silhouette and the mask; ``covered``: share of the mask's pixels that were compared.
    """
    both = mask & np.isfinite(rendered) & np.isfinite(measured)
    error = np.abs(rendered[both] - measured[both])
    return {
        "median_mm": float(np.median(error) * 1000) if len(error) else float("nan"),
        "iou": mask_iou(np.isfinite(rendered), mask),
        "covered": float(both.sum() / max(mask.sum(), 1)),
    }


def _only(name: str, results: list[Reconstruction | Refusal]) -> Reconstruction:
    (result,) = results
    if isinstance(result, Refusal):
        raise InputError(f"frame {name} was refused: {result.reason}")
    return result


def _picture(observation: Observation, result: Reconstruction, depth: np.ndarray) -> np.ndarray:
    """Three panels around the object."""
    assert observation.mask is not None
    assert observation.depth is not None
    mask = observation.mask > 0
    image = outlined(observation.image, mask)
    splat, alpha = splat_images(result.gaussians, [observation.camera], background=0.0)
    over = splat[0] + (1 - alpha[0])[..., None] * observation.image / 255 * 0.35
    panels = [image, to_uint8(over), error_picture(depth, observation.depth, mask)]
    window = _window(mask)
    texts = ("input, mask", "splat", f"mesh - depth, +-{_ERROR_RANGE * 1000:.0f} mm")
    return grid([[label(panel[window], text) for panel, text in zip(panels, texts, strict=True)]])


def outlined(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image [H,W,3] with the mask's border drawn in green."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), found, -1, (0, 255, 0), 1)


def error_picture(rendered: np.ndarray, measured: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Signed depth error: red behind, blue in front of the measurement, white none; grey where not compared."""
    error = np.clip((rendered - measured) / _ERROR_RANGE, -1, 1)
    known = np.isfinite(error) & mask
    error = np.nan_to_num(error)[..., None]
    red, blue = np.array([0.75, 0.1, 0.1]), np.array([0.1, 0.2, 0.75])
    colour = np.where(error > 0, 1 - error * (1 - red), 1 + error * (1 - blue))
    shade = np.where(np.isfinite(rendered) | mask, 0.6, 0.85)[..., None]
    return to_uint8(np.where(known[..., None], colour, shade))


def _window(mask: np.ndarray, margin: float = 0.35) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask)
    pad = int(margin * max(np.ptp(rows), np.ptp(columns)) + 4)
    return (
        slice(max(rows.min() - pad, 0), rows.max() + pad + 1),
        slice(max(columns.min() - pad, 0), columns.max() + pad + 1),
    )
