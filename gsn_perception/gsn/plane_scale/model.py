"""The learned scale from a support plane: the first guess of the splat, corrected by the scale network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsn_perception.engines.torch_tuning import folded
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.observation import Plane
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.plane_scale.maps import PlaneCrops
from gsn_perception.gsn.plane_scale.maps import plane_maps
from gsn_perception.gsn.plane_scale.network import ScaleNetwork
from gsn_perception.gsn.plane_scale.weights import load_scale_network
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.visibility import SplatRendering
from gsn_perception.io.checkpoints import Origin
from gsn_perception.io.checkpoints import shipped

_OPAQUE = 0.05
_ROLLED = math.radians(12.0)  # crops that stand more askew are turned upright first
_STEEP = math.sin(math.radians(8.0))  # nearer to straight down than this, no roll is upright


@dataclass(frozen=True, slots=True)
class PlaneError:
    """What is known of the error of a support plane.

    Attributes:
        offset: Standard deviation of the camera's distance from it, metres.
        tilt: Standard deviation of its direction, radians.
    """

    offset: float = 0.0
    tilt: float = 0.0


class PlaneScaleModel:
    """The scale network with the factor that makes its standard deviations honest.

    Args:
        network: Changed in place for inference.
        factor: Of its standard deviations.
        gsn_sha256: Of the Gaussian network whose splats it was trained with.
    """

    def __init__(self, network: ScaleNetwork, factor: float = 1.0, gsn_sha256: str = "") -> None:
        network = folded(network.eval())
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.factor, self.gsn_sha256 = factor, gsn_sha256

    @classmethod
    def load(cls, path: Path) -> PlaneScaleModel:
        """The model of a weights file.

        Raises:
            InputError: the file is missing, damaged or of another kind.
        """
        network, info = load_scale_network(path)
        return cls(network, _factor(info), str(info.get("gsn_sha256", "")))

    @torch.inference_mode()
    def __call__(
        self, gaussians: Gaussians, crop: Crop, seen: SplatRendering, plane: Plane, error: PlaneError | None = None
    ) -> Scale:
        """The scale and its standard deviation.

        Args:
            gaussians: The normalised splat.
            crop: Its crop.
            seen: The splat rendered in it.
            plane: The support plane, camera frame.
            error: Of the plane; exact by default.

        Raises:
            InputError: as :func:`~gsn_perception.gsn.scale.scale_from_plane`.
        """
        guess = scale_from_plane(gaussians, crop.view, plane)
        maps, scalars = plane_maps(plane_crops(crop, seen, plane, guess.value, error or PlaneError()))
        shift, log_sigma = self.network(maps.contiguous(memory_format=torch.channels_last), scalars)
        value = guess.value * math.exp(float(shift[0, 0]) / crop.view.distance)
        sigma = self.factor * math.exp(float(log_sigma[0, 0])) / crop.view.distance
        return Scale(value, value * sigma, "support_plane")


def shipped_plane_scale(mode: str, gsn: Origin | None) -> PlaneScaleModel | None:
    """The shipped model, or None where the quantile of the splat's lower end is used.

    Args:
        mode: auto, learned or quantile; auto takes the model if it was trained with these weights of the GSN.
        gsn: The file that the GSN's weights came from, or None.

    Raises:
        InputError: the model is asked for and its weights are missing or damaged.
    """
    if mode == "quantile":
        return None
    try:
        model = _loaded(shipped("scale"))
    except InputError:
        if mode == "auto":
            return None
        raise
    return model if mode == "learned" or (gsn is not None and model.gsn_sha256 == gsn.sha256) else None


@cache
def _loaded(path: Path) -> PlaneScaleModel:
    return PlaneScaleModel.load(path)


def plane_crops(crop: Crop, seen: SplatRendering, plane: Plane, guess: float, error: PlaneError) -> PlaneCrops:
    """A batch of one crop on its plane, turned upright if it stands askew.

    Args:
        crop: Colour and mask.
        seen: The splat rendered in it.
        plane: Camera frame, metres.
        guess: Metres per normalised unit.
        error: Of the plane.
    """
    covered = seen.alpha > _OPAQUE
    depth = np.where(covered, seen.depth / np.maximum(seen.alpha, _OPAQUE) - crop.view.distance, 0.0)
    pixels = np.dstack([crop.rgb, crop.alpha, np.clip(seen.alpha, 0, 1), np.clip(depth, -2, 2)])
    image = _batch(pixels).permute(0, 3, 1, 2)
    normal = crop.view.R_camera_virtual.T @ plane.normal
    roll = math.atan2(-normal[0], -normal[1]) if math.hypot(normal[0], normal[1]) >= _STEEP else 0.0
    if abs(roll) > _ROLLED:
        image = roll_image(image, _batch(roll))
        normal = np.array([0.0, -math.hypot(normal[0], normal[1]), normal[2]])
    return PlaneCrops(
        rgb=image[:, :3],
        alpha=image[:, 3],
        splat_alpha=image[:, 4],
        splat_depth=image[:, 5],
        theta=_batch(crop.view.theta),
        normal=_batch(normal),
        height=_batch(plane.offset / guess),
        offset_error=_batch(error.offset / max(abs(plane.offset), 1e-6)),
        tilt_error=_batch(error.tilt),
    )


def _batch(values: np.ndarray | float) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))[None]


def _factor(info: Mapping[str, Any]) -> float:
    """The factor of the standard deviations stored with the weights.

    Raises:
        InputError: it is not a positive number.
    """
    try:
        factor = float(info.get("sigma_factors", [1.0])[0])
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(f"the scale network's sigma_factors can't be read ({error}); fit them again") from error
    if not factor > 0 or not math.isfinite(factor):
        raise InputError("the scale network's sigma_factors are not positive; fit them again")
    return factor
