"""The roll of a crop: moments, support plane and pose of the camera, against each other and a projected pole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import look_at
from gsn_perception.gsn.moments import moment_roll
from gsn_perception.gsn.network import roll_image
from gsn_perception.pipeline.inputs.upright import plane_roll
from gsn_perception.training.data import upright_roll


def _apart(a: float, b: float) -> float:
    return abs(math.degrees(math.atan2(math.sin(a - b), math.cos(a - b))))


def _pear(size: int = 128) -> torch.Tensor:
    """A silhouette [S,S] with its thin end up."""
    c = (np.arange(size) + 0.5) * 2 / size - 1
    y, x = np.meshgrid(c, c, indexing="ij")
    soft = [1 / (1 + np.exp((np.hypot(x, y - cy) - r) * 40)) for cy, r in ((0.2, 0.35), (-0.2, 0.2), (-0.4, 0.1))]
    return torch.from_numpy(np.max(soft, axis=0)).float()


def test_moments_undo_a_roll() -> None:
    pear = _pear()[None]
    still, anisotropy = moment_roll(pear)
    assert _apart(float(still[0]), 0.0) < 0.1
    assert anisotropy[0] > 0.2
    for angle in np.linspace(-3, 3, 13):
        turned = roll_image(torch.cat([torch.ones(1, 3, 128, 128), pear[None]], 1), torch.tensor([angle]).float())
        assert _apart(float(moment_roll(turned[:, 3])[0][0]), -angle) < 0.3


def test_a_disc_has_no_direction() -> None:
    c = (torch.arange(64) + 0.5) / 32 - 1
    disc = ((c[:, None] ** 2 + c[None] ** 2) < 0.5).float()
    assert moment_roll(disc[None])[1][0] < 0.01


@pytest.mark.parametrize("roll", [0.0, 0.7, -2.5, 3.0])
def test_three_ways_to_the_true_roll_agree(roll: float) -> None:
    """Pose of the camera, support plane, and the picture of a pole: rolled by the answer its top is on top."""
    pose = look_at(np.array([0.3, -0.2, 0.25]), np.zeros(3), roll=roll)
    angle = float(upright_roll(pose))
    camera = Camera.from_fov(0.5, 64, 64, pose)
    top, bottom = camera.project(
        (np.array([[0, 0, 0.03], [0, 0, -0.03]]) - pose[:3, 3]) @ pose[:3, :3]
    )  # pixel positions of a vertical pole
    c, s = math.cos(angle), math.sin(angle)
    turned = np.array([[c, -s], [s, c]]) @ (bottom - top)
    assert abs(turned[0]) < 0.02 * turned[1]
    rotation = pose[:3, :3].T
    plane = Plane(
        rotation @ np.array([0.0, 0, 1]), float(-(rotation @ np.array([0.0, 0, 1])) @ (-rotation @ pose[:3, 3]))
    )
    view = ObjectView(np.eye(3), 0.2, 64)
    found = plane_roll(view, plane)
    assert found is not None
    assert _apart(found, angle) < 1e-6
    assert _apart(plane_roll(view.rolled(0.4), plane) or 0.0, angle - 0.4) < 1e-6


def test_straight_down_has_no_up() -> None:
    view = ObjectView(np.eye(3), 0.2, 64)
    assert plane_roll(view, Plane(np.array([0.0, 0.0, -1.0]), 0.5)) is None
