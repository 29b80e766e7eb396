"""Novel-view baselines without a network: the input on a flat card, and a white image; both read only the input view."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation

_SUPERSAMPLE = 2
_HALF_PIXEL = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])


def white_images(targets: Sequence[Camera]) -> tuple[np.ndarray, np.ndarray]:
    """All-white images [V,H,W,3] with empty alpha [V,H,W]."""
    shape = (len(targets), targets[0].height, targets[0].width)
    return np.ones((*shape, 3), dtype=np.float32), np.zeros(shape, dtype=np.float32)


def card_images(
    observation: Observation, mask: np.ndarray, scale: float, targets: Sequence[Camera]
) -> tuple[np.ndarray, np.ndarray]:
    """The masked input pasted on a card through the object's centre that faces the input camera.

    The card is a plane, so each target sees it through one homography; from behind it is mirrored.

    Args:
        observation: The input view.
        mask: [H,W] bool, the true mask.
        scale: Metres per normalised unit (places the card).
        targets: Cameras whose world is the observation's camera frame.

    Returns:
        Images over white [V,H,W,3] and alpha [V,H,W], float32.
    """
    view = ObjectView.of_mask(mask, observation.camera, 256)
    rgba = np.dstack([observation.image / 255.0 * mask[..., None], mask])
    card = view.warp(rgba, observation.camera)  # premultiplied
    drawn = np.stack([_draw(card, _card_homography(view, scale, target), target) for target in targets])
    alpha = drawn[..., 3]
    return drawn[..., :3] + (1 - alpha)[..., None], alpha


def _card_homography(view: ObjectView, scale: float, target: Camera) -> np.ndarray:
    """[3,3] from crop pixels, lifted to the plane z = s d of the virtual camera, to target pixels."""
    lift = scale * view.distance * view.R_camera_virtual @ np.linalg.inv(view.camera.K)
    T = target.camera_from_world
    moved = T[:3, :3] @ lift
    moved[:, 2] += T[:3, 3]
    return target.K @ moved


def _draw(card: np.ndarray, homography: np.ndarray, target: Camera) -> np.ndarray:
    """[H,W,4] premultiplied; empty where the card is seen exactly edge on."""
    fine = np.linalg.inv(_HALF_PIXEL) @ np.diag([_SUPERSAMPLE, _SUPERSAMPLE, 1.0]) @ homography @ _HALF_PIXEL
    if abs(np.linalg.det(fine / np.linalg.norm(fine))) < 1e-12:
        return np.zeros((target.height, target.width, 4), dtype=np.float32)
    size = (target.width * _SUPERSAMPLE, target.height * _SUPERSAMPLE)
    drawn = cv2.warpPerspective(card, fine, size, flags=cv2.INTER_LINEAR)
    return cv2.resize(drawn, (target.width, target.height), interpolation=cv2.INTER_AREA)
