"""Finding up: conventions against brute force, equivariance whatever the weights."""

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
from gsn_perception.gsn.network import network_input
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.upright import Upright
from gsn_perception.gsn.upright import load_upright
from gsn_perception.gsn.upright import save_upright
from gsn_perception.gsn.upright import small_crop
from gsn_perception.io.checkpoints import shipped
from gsn_perception.pipeline.upright import plane_roll
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.raycast import RayCaster
from gsn_perception.scenes.views import hull_vertices
from gsn_perception.scenes.views import view_from
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


def test_answer_of_any_network_turns_with_the_start() -> None:
    """The mean over eight rolls commutes with eighth turns exactly, whatever the weights, up to interpolation."""
    torch.manual_seed(0)
    network = Upright(4).eval()
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6), size=128, mode="bicubic").clamp(0, 1)
    alpha = _pear()[None]
    rgb = (smooth * alpha[:, None] + 1 - alpha[:, None]).permute(0, 2, 3, 1)
    image = network_input(rgb, alpha)
    first, _ = _mean_angle(network, image)
    for turn in (math.pi / 2, math.pi, -math.pi / 2):
        again, _ = _mean_angle(network, roll_image(image, torch.tensor([turn])))
        assert _apart(again, first - turn) < 0.5


def _mean_angle(network: Upright, image: torch.Tensor) -> tuple[float, float]:
    import gsn_perception.gsn.upright as module

    polish, module._POLISH = module._POLISH, 0
    try:
        angle, length = network.roll(image)
    finally:
        module._POLISH = polish
    return float(angle[0]), float(length[0])


def test_the_shipped_network_stands_things_upright() -> None:
    """Own objects that it may have trained on, from cameras it has not: the answer turns with the camera."""
    network = load_upright(shipped("upright"))
    errors, spreads = [], []
    for seed, family in enumerate(["mug", "bottle", "carton", "shoe", "keyboard", "bowl"]):
        item = random_object(9000 + seed, family)
        direction = np.array([0.7, -0.5, 0.5])
        rolls = [0.0, 0.9, -2.2]
        found = []
        for roll in rolls:
            view = view_from(hull_vertices(item.mesh.vertices), direction, 0.2, 128, roll=roll)
            drawn = RayCaster([item]).render(view.camera)
            alpha = torch.from_numpy(drawn.alpha)[None].float()
            rgb = torch.from_numpy(drawn.rgb)[None].float() / 255
            angle = float(network.roll(network_input(rgb, alpha))[0][0])
            truth = float(upright_roll(view.camera.world_from_camera))
            errors.append(_apart(angle, truth))
            found.append(angle - truth)
        spreads += [_apart(a, found[0]) for a in found[1:]]
    assert np.median(errors) < 15
    assert np.median(spreads) < 3


def test_weights_survive_the_disk(tmp_path) -> None:
    network = Upright(4).eval()
    save_upright(tmp_path / "u.safetensors", network.state_dict(), 4, {})
    crop = torch.rand(2, 5, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(load_upright(tmp_path / "u.safetensors")(crop), network(crop), atol=2e-2, rtol=0)


def test_crops_of_odd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        small_crop(torch.rand(1, 5, 96, 96))
