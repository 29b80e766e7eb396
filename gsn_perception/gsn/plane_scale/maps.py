"""What the support plane says about each pixel of a crop: the scale network's input. Only ratios of lengths enter.

Lengths are in units of the normalised frame. The plane enters as its normal and the height of the camera above it, divided
by the first guess of the scale. Multiplying every length of the world by a factor therefore changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gsn_perception.geometry.object_view import FIELD_MARGIN

CHANNELS = 10
"""Colour (3), mask, opacity and depth of the splat, depth of the plane, height of the splat, plane behind the splat, row."""
SCALARS = 8
_FAR = 1.5  # normalised units at which lengths saturate
_MASKED = 0.1  # least coverage and opacity of a pixel whose lengths are used
_PARALLEL = 1e-3
_ERRORS = (1e-4, 1e-3)  # added to stated errors before the logarithm


@dataclass(frozen=True, slots=True, eq=False)
class PlaneCrops:
    """A batch of crops on their planes.

    Attributes:
        rgb: [B,3,S,S] colour in [0, 1] on white.
        alpha: [B,S,S] coverage by the object.
        splat_alpha: [B,S,S] opacity of the splat.
        splat_depth: [B,S,S] its depth over its opacity minus the view's distance; 0 where it is transparent.
        theta: [B] half-angles of the cones, radians.
        normal: [B,3] normals of the planes in the crops' camera frames, towards the objects.
        height: [B] height of the camera above the plane over the guessed scale.
        offset_error: [B] stated standard deviation of that height over the height.
        tilt_error: [B] stated standard deviation of the plane's direction, radians.
    """

    rgb: Tensor
    alpha: Tensor
    splat_alpha: Tensor
    splat_depth: Tensor
    theta: Tensor
    normal: Tensor
    height: Tensor
    offset_error: Tensor
    tilt_error: Tensor


def plane_maps(crops: PlaneCrops) -> tuple[Tensor, Tensor]:
    """The network's input: maps [B,10,S,S] and scalars [B,8]."""
    distance = 0.5 / torch.sin(crops.theta)
    d = distance[:, None, None]
    along = rays_along(crops.normal, crops.theta, crops.alpha.shape[-1])
    sinking = along < -_PARALLEL
    plane = torch.where(sinking, -crops.height[:, None, None] / along.clamp_max(-_PARALLEL), 2 * d + _FAR)
    inside = (crops.alpha > _MASKED) & (crops.splat_alpha > _MASKED)
    depth = torch.where(inside, crops.splat_depth, 0.0)
    above = torch.where(inside, along * (depth + d) + crops.height[:, None, None], 0.0)
    behind = torch.where(inside, plane - (depth + d), 0.0)
    row = torch.linspace(-1, 1, along.shape[-2], device=along.device)[None, :, None].expand_as(along)
    lengths = [depth, (plane - d).clamp(-_FAR, _FAR), above.clamp(-_FAR, _FAR), behind.clamp(-_FAR, _FAR), row]
    maps = torch.cat([crops.rgb - 0.5, torch.stack([crops.alpha, crops.splat_alpha, *lengths], 1)], 1)
    return maps, _scalars(crops, distance)


def rays_along(normal: Tensor, theta: Tensor, size: int) -> Tensor:
    """[B,S,S] components along ``normal`` [B,3] of rays with z = 1 through the pixels of cones of half-angle ``theta`` [B]."""
    steps = (torch.arange(size, device=theta.device) + 0.5) * (2 / size) - 1
    side = torch.tan(FIELD_MARGIN * theta)[:, None] * steps  # [B,S]
    across, down, ahead = normal[:, :, None].unbind(1)
    return (across * side)[:, None, :] + (down * side + ahead)[:, :, None]


def _scalars(crops: PlaneCrops, distance: Tensor) -> Tensor:
    """[B,8]: the cone, the plane, how high the object's centre is above it, and the stated errors."""
    centre = crops.normal[:, 2] * distance + crops.height
    errors = [
        torch.log(error + floor) - torch.log(torch.full_like(error, floor))
        for error, floor in zip((crops.offset_error, crops.tilt_error), _ERRORS, strict=True)
    ]
    shape = [(distance - 3) / 2, 10 * (torch.sin(crops.theta) - 0.2), centre]
    return torch.stack([*shape, *crops.normal.unbind(1), *(0.3 * e for e in errors)], 1)
