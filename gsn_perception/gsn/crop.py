"""The object-centred crop of one object: colour, mask, unknown regions and depth in the virtual camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.gsn.layers.depth_input import relative_depth
from gsn_perception.gsn.network import network_input


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One object seen by its virtual camera; everything outside the inscribed circle is background.

    Attributes:
        view: The virtual camera.
        rgb: [S,S,3] float32 in [0, 1], on white.
        alpha: [S,S] coverage by the object in [0, 1].
        unknown: [S,S] coverage by regions that may hide a part of the object: beyond the image border, or behind another
            object. Only regions that touch the object count.
        depth: [S,S] metres along the virtual z, NaN unknown; None without depth.
    """

    view: ObjectView
    rgb: np.ndarray
    alpha: np.ndarray
    unknown: np.ndarray
    depth: np.ndarray | None

    @classmethod
    def of(cls, observation: Observation, mask: np.ndarray, size: int, view: ObjectView | None = None) -> Crop:
        """The crop of the object of ``mask`` [H,W] bool; the view is that of the mask unless another one is given.

        Raises:
            InputError: the mask is empty, or too wide for a pinhole crop.
        """
        view = ObjectView.of_mask(mask, observation.camera, size) if view is None else view
        window = view.window(observation.camera)
        camera = observation.camera.windowed(*window)
        inside, image = mask[window], observation.image[window]
        # premultiplied, so that no background colour enters at the silhouette
        weight = inside.astype(np.float32)[..., None]
        coloured = np.clip(view.warp(np.concatenate([image * (weight / 255), weight], axis=2), camera), 0, 1)
        circle = view.inscribed_circle().astype(np.float32)
        alpha = coloured[..., 3] * circle
        others = _occluders(observation, mask)[window]
        unknown = np.zeros_like(alpha)
        if others.any() or not view.lies_inside(observation.camera):
            # 1 where the image shows object or background, less behind another object or beyond the border
            visible = np.clip(view.warp(1 - others.astype(np.float32), camera), 0, 1)
            unknown = _touching((1 - visible) * (1 - alpha) * circle, alpha)
        rgb = np.clip(coloured[..., :3] * circle[..., None] + (1 - alpha[..., None]), 0, 1)
        depth = None if observation.depth is None else view.warp_depth(observation.depth[window], camera)
        return cls(view, rgb.astype(np.float32), alpha, unknown.astype(np.float32), depth)

    def core(self) -> np.ndarray:
        """[S,S] bool: the object without the pixels at its outline, where depth mixes with the background."""
        return np.asarray(cv2.erode((self.alpha > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)

    def tensors(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The network's arguments: image [1,7,S,S] and cone half-angle [1]."""
        rgb, alpha, unknown = (torch.from_numpy(a)[None].to(device) for a in (self.rgb, self.alpha, self.unknown))
        theta = torch.tensor([self.view.theta], dtype=torch.float32, device=device)
        depth = None
        if self.depth is not None:
            depth = relative_depth(torch.from_numpy(self.depth)[None].to(device), alpha, theta)
        return network_input(rgb, alpha, unknown, depth), theta


def _touching(unknown: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Unknown regions [S,S] that come within two pixels of the object."""
    if not unknown.any():
        return unknown
    count, labels = cv2.connectedComponents((unknown > 0.02).astype(np.uint8))
    beside = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    touching = np.zeros(count, dtype=bool)
    touching[labels[beside]] = True
    touching[0] = False  # label 0: known pixels
    return np.where(touching[labels], unknown, 0).astype(np.float32)


def _occluders(observation: Observation, mask: np.ndarray) -> np.ndarray:
    """Pixels [H,W] of other objects that may hide this one: with depth only those in front of it."""
    if observation.mask is None:
        return np.zeros_like(mask)
    others = (observation.mask > 0) & ~mask
    if observation.depth is None or not others.any():
        return others
    own = observation.depth[mask]
    own = own[np.isfinite(own)]
    if not len(own):
        return others
    return others & ~(observation.depth > np.median(own))
