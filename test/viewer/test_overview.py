"""The overview's parts, for images of all shapes, several objects, and remarks."""

import cv2
import numpy as np
import pytest
import torch
from viewer_made import PLANE
from viewer_made import UP
from viewer_made import ball
from viewer_made import grasp_from

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Remark
from gsn_perception.io import read_image
from gsn_perception.viewer.overview import Shown
from gsn_perception.viewer.overview import draw_overview
from gsn_perception.viewer.overview import fitted_size
from gsn_perception.viewer.overview import masked
from gsn_perception.viewer.overview import overview_picture


def _splat(mesh):
    count = len(mesh.vertices)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1)
    means, colors = torch.from_numpy(mesh.vertices.copy()), torch.from_numpy(mesh.colors.copy())
    return Gaussians(means, torch.full((count, 3), 0.003), quats, colors, torch.full((count,), 0.9))


def _observation(width, height, labels=(1,)):
    image = np.full((height, width, 3), 128, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    for number, label in enumerate(labels):
        x = round((0.3 + 0.3 * number) * width)
        cv2.circle(mask, (x, height // 2), round(0.12 * min(width, height)), label, -1)
    return Observation(image, Camera.from_fov(0.9, width, height), mask=mask)


def _outlined(tile):
    return np.ptp(tile.astype(int), axis=-1) > 60


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (3840, 2160), (480, 640), (1080, 1920), (2000, 200)])
def test_images_of_all_shapes_give_pictures_of_one_width_with_outlines_of_one_weight(size):
    width, height = fitted_size(size[1], size[0])
    assert width <= 484
    assert height <= 480
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)
    tile = masked(_observation(*size))
    assert tile.shape == (height, 484, 3)
    length = 2 * np.pi * 0.12 * min(width, height)
    assert 1.2 * length < _outlined(tile).sum() < 4.5 * length
    mesh = ball(subdivisions=2)
    shown = Shown.of(_splat(mesh), mesh, [grasp_from(-UP)], PLANE)
    assert overview_picture(_observation(*size), shown).shape[1] == 976


def test_outlines_of_several_objects_carry_their_labels():
    bare, two = masked(_observation(640, 480, (3,))), masked(_observation(640, 480, (3, 7)))
    colours = {tuple(c) for c in two[_outlined(two)].tolist()}
    assert len(colours) >= 2
    white = (two == 255).all(axis=-1).sum() - (bare == 255).all(axis=-1).sum()
    assert white > 200  # the tags


def test_grippers_are_inside_their_tile():
    mesh = ball(subdivisions=2)
    shown = Shown.of(_splat(mesh), mesh, [grasp_from(-UP), grasp_from([0.3, 0.1, 1.0], score=0.4)], PLANE)
    picture = overview_picture(_observation(640, 480), shown)
    for left in (488, 732):
        tile = picture[-244:-4, left : left + 240].astype(int)
        drawn = (tile[..., 1] > tile[..., 0] + 60) | ((tile[..., 0] > 180) & (tile[..., 1] < 80))
        assert drawn.sum() > 300
        assert not drawn[:, [0, 1, -2, -1]].any()
        assert not drawn[[18, 19, -2, -1]].any()


def test_remarks_stand_in_small_text_below_the_picture(tmp_path):
    mesh = ball(subdivisions=2)
    points = None
    heights = []
    for remarks in ((), (Remark("far_away", "It is far."),)):
        item = Reconstruction(2, _splat(mesh), mesh, points, np.eye(4), 1.0, 0.0, "depth", PLANE, remarks=remarks)
        draw_overview(tmp_path / "overview.png", _observation(640, 480), [item], [])
        picture = read_image(tmp_path / "overview.png")
        heights.append(len(picture))
    assert heights[1] == heights[0] + 18
    assert (picture[-18:].min(axis=-1) < 120).sum() > 50
