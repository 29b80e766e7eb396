"""Occupancy networks as implicit fields, and as shapes for extraction."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry import InputError
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.fields.combined import CarvedField
from gsn_perception.surface.fields.combined import tight_box
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.field import Field
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.onet import OccupancyNetwork
from gsn_perception.surface.learned.plane_decoder import PlaneDecoder
from gsn_perception.surface.solid.completion import Cloud

_BATCH = 1 << 15
_MARGIN = 0.04
_FILL = 0.04  # least thickness behind the measured surface, so that the surface is where the camera measured it


class LogitField:
    """A decoder with its condition as a field: points [P,3] in the network's frame to logits [P].

    Args:
        decode: From points [1,P,3] to logits [1,P].
        device: Of the decoder.
    """

    def __init__(self, decode: Callable[[Tensor], Tensor], device: torch.device) -> None:
        self._decode, self._device = decode, device

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Logits [P] float32."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        out: np.ndarray = np.empty(len(points), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(points), _BATCH):
                part = torch.from_numpy(points[start : start + _BATCH]).to(self._device)
                out[start : start + _BATCH] = self._decode(part[None])[0].cpu().numpy()
        return out


def logit_threshold(info: Mapping[str, Any]) -> float:
    """The logit of the surface's occupancy threshold: the value stored with the weights (chosen on dev), else 0.5.

    Raises:
        InputError: the stored value is not a probability.
    """
    value = info.get("dev", {}).get("threshold", 0.5)
    if not isinstance(value, float) or not 0 < value < 1:
        raise InputError(f"the weights' occupancy threshold is {value!r}, no probability; train them again")
    return math.log(value) - math.log1p(-value)


def cloud_shape(
    network: ConvolutionalOccupancyNetwork,
    info: Mapping[str, Any],
    cloud: Cloud,
    observed: DepthView | None = None,
    others: Sequence[DepthView] = (),
) -> ImplicitShape:
    """The shape that a Convolutional Occupancy Network predicts from a cloud.

    Args:
        network: In eval mode.
        info: Metadata of its weights.
        cloud: In the network's frame: the normalised frame of a view, or the whole object at unit extent at the origin.
        observed: Free space to cut away, in the same frame.
        others: The same of further views.

    Raises:
        InputError: no point is inside.
    """
    device = next(network.parameters()).device
    points = torch.from_numpy(np.float32(cloud.points)).to(device)
    flags = torch.from_numpy(cloud.observed).to(device)
    with torch.inference_mode():
        maps = network.encode(points[None], flags[None])
    field = decoded_field(network, maps)
    half, level = network.config.half, logit_threshold(info)
    # guesses that the field does not confirm are no seeds: stray centres would say where the object ends
    sure = cloud.observed | (field(cloud.points) > level)
    seeds = cloud.points[(np.abs(cloud.points) < half).all(axis=1) & sure]
    return _shape(field, level, half, observed, seeds, others)


def decoded_field(network: ConvolutionalOccupancyNetwork, maps: list[Tensor]) -> Field:
    """The fastest field of logits for the feature maps of one cloud."""
    device = maps[0].device
    if device.type == "cpu" and network.config.features == "planes":
        return PlaneDecoder(network, maps)
    return LogitField(lambda p: network.decode(p, maps), device)


def image_shape(
    network: OccupancyNetwork,
    info: Mapping[str, Any],
    seen: Tensor,
    theta: Tensor,
    observed: DepthView | None = None,
) -> ImplicitShape:
    """The shape that an Occupancy Network predicts from one image; ``seen`` [1,...] and ``theta`` [1] as for ``encode``.

    Raises:
        InputError: no point is inside.
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        condition = network.encode(seen.to(device), theta.to(device))
    field = LogitField(lambda p: network.decode(p, condition), device)
    return _shape(field, logit_threshold(info), network.config.half, observed, None)


def _shape(
    field: Field,
    level: float,
    half: float,
    observed: DepthView | None,
    seeds: np.ndarray | None,
    others: Sequence[DepthView] = (),
) -> ImplicitShape:
    if observed is not None:
        field = CarvedField(field, observed, others=others, fill=_FILL, level=level)
    corner = np.full(3, half)
    if seeds is not None and len(seeds):  # the surface is close to the cloud
        low, high = np.maximum(seeds.min(axis=0) - 0.25, -corner), np.minimum(seeds.max(axis=0) + 0.25, corner)
    else:
        low, high = -corner, corner
    lower, upper = tight_box(field, low, high, level=level)
    return ImplicitShape(field, lower - _MARGIN, upper + _MARGIN, level, seeds)
