"""``PosedView``: what one camera saw of an object, with the camera in the object's normalised frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry import Camera
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.layers.depth_input import MIN_PIXELS

_LEAST_ALPHA = 0.1  # of the splat, where its depth is compared


@dataclass(frozen=True, slots=True, eq=False)
class PosedView:
    """One view of an object.

    Attributes:
        camera: Its world is the normalised frame.
        rgb: [H,W,3] float32 in [0, 1], the object on white.
        cover: [H,W] float32 in [0, 1], coverage by the object.
        known: [H,W] float32 in [0, 1], 0 where the object may be hidden by something else.
        depth: [H,W] float32 along the camera's z in any unit, 0 = unknown or not of the object; None without depth.
    """

    camera: Camera
    rgb: Tensor  # [H, W, 3]
    cover: Tensor  # [H, W]
    known: Tensor  # [H, W]
    depth: Tensor | None = None  # [H, W]

    @classmethod
    def of_crop(cls, crop: Crop, camera: Camera | None = None) -> PosedView:
        """A crop, seen by its own virtual camera unless another place in the normalised frame is given for it."""
        depth = None
        if crop.depth is not None:
            measured = np.where(crop.core() & np.isfinite(crop.depth), crop.depth, 0.0).astype(np.float32)
            depth = torch.from_numpy(measured) if (measured > 0).sum() >= MIN_PIXELS else None
        place = crop.view.normalised_camera if camera is None else camera
        rgb, alpha, unknown = (torch.from_numpy(a) for a in (crop.rgb, crop.alpha, crop.unknown))
        return cls(place, rgb, alpha, 1 - unknown, depth)

    def misfit(self, rgb: Tensor, alpha: Tensor, depth: Tensor, alpha_weight: float, depth_weight: float) -> Tensor:
        """The view's loss: squared errors of colour and silhouette, absolute error of depth at the ratio that fits best.

        Args:
            rgb: [H,W,3] the splat on white.
            alpha: [H,W] its opacity.
            depth: [H,W] its accumulated depth, normalised units.
            alpha_weight: Weight of the error of the silhouette; with colour alone a white object has none.
            depth_weight: Weight of the error of depth in normalised units.
        """
        error = (rgb - self.rgb).square().mean(-1) + alpha_weight * (alpha - self.cover).square()
        error = (error * self.known).mean()
        if self.depth is None or depth_weight == 0:
            return error
        compared = (self.depth > 0) & (alpha > 0.5)
        if int(compared.sum()) < MIN_PIXELS:
            return error
        own = depth[compared] / alpha[compared].clamp_min(_LEAST_ALPHA)
        measured = self.depth[compared]
        ratio = (own.detach() / measured).median()  # metres have no meaning here: the scale is fitted later
        off = (own - ratio * measured).abs().clamp_max(0.1)
        return error + depth_weight * off.sum() / off.numel()


def camera_in(reference: ObjectView, scale: float, view: ObjectView, T_reference_view: np.ndarray) -> Camera:
    """The virtual camera of another view in the normalised frame of a reference view.

    Args:
        reference: The view whose normalised frame is meant.
        scale: Its metres per normalised unit.
        view: The virtual camera of the other view.
        T_reference_view: [4,4] rigid, from the other real camera's optical frame to that of the reference, metres.
    """
    R = reference.R_camera_virtual.T
    eye = R @ T_reference_view[:3, 3] / scale - np.array([0.0, 0.0, reference.distance])
    return view.camera.at(make_transform(R @ T_reference_view[:3, :3] @ view.R_camera_virtual, eye))
