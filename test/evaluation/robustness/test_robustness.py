"""Rolls, occluders and colours: conventions against brute force, figures on answers that are known."""

import math

import numpy as np
import pytest
import torch

from gsn_perception.evaluation.robustness.hue import chroma
from gsn_perception.evaluation.robustness.hue import chroma_figures
from gsn_perception.evaluation.robustness.hue import correlation
from gsn_perception.evaluation.robustness.hue import evaluate_hue
from gsn_perception.evaluation.robustness.hue import moments
from gsn_perception.evaluation.robustness.occlusion import OCCLUDER
from gsn_perception.evaluation.robustness.occlusion import curve
from gsn_perception.evaluation.robustness.occlusion import evaluate_occlusion
from gsn_perception.evaluation.robustness.occlusion import occlude
from gsn_perception.evaluation.robustness.quarter_turns import quarter_average
from gsn_perception.evaluation.robustness.rolls import RollCase
from gsn_perception.evaluation.robustness.rolls import evaluate_rolls
from gsn_perception.evaluation.robustness.rolls import range_of_mean
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.gsn import GSN
from gsn_perception.gsn import named_config
from gsn_perception.gsn.equivariance import extended_chamfer_distance
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.network import roll_image


def splat(points, colors, sigma=0.03):
    n = len(points)
    return Gaussians(
        means=torch.from_numpy(np.float32(points)),
        scales=torch.full((n, 3), sigma),
        quats=torch.tensor([1.0, 0, 0, 0]).expand(n, 4).contiguous(),
        colors=torch.tensor(colors).expand(n, 3).contiguous(),
        opacities=torch.full((n,), 0.9),
    )


def stick(angle):
    along = np.linspace(-0.4, 0.4, 120)[:, None] * [math.cos(angle), math.sin(angle), 0]
    return splat(along, (0.2, 0.3, 0.8))


def of_mask(observation):
    return ObjectView.of_mask(observation.mask == 1, observation.camera, 64)


@pytest.fixture(scope="module")
def roll_case(box, protocol):
    return RollCase.of(box, protocol)


def test_a_rolled_camera_sees_the_whole_object_and_its_cone(roll_case, box, protocol):
    still = roll_case.observe(0.0)
    for angle in (0.5, 2.0, 4.0):
        seen = roll_case.observe(angle)
        mask = seen.mask > 0
        assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()
        assert mask.sum() == pytest.approx((still.mask > 0).sum(), rel=0.02)
        a, b = of_mask(still), of_mask(seen)
        assert b.theta == pytest.approx(a.theta, abs=2e-3)
        base = roll_case.item.mesh.vertices[0] * [1, 1, 0] + [0, 0, roll_case.item.mesh.vertices[:, 2].min()]
        pose = roll_case.start.rolled(roll_case.item, angle).camera.camera_from_world
        plane = seen.support_plane
        assert plane.normal @ (pose[:3, :3] @ base + pose[:3, 3]) + plane.offset == pytest.approx(0, abs=1e-6)
        assert plane.offset > 0  # the camera is on the object's side
        c, s = math.cos(angle), math.sin(angle)  # the rolled camera's axes in the camera's
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        np.testing.assert_allclose(turn @ b.R_camera_virtual[:, 2], a.R_camera_virtual[:, 2], atol=3e-3)


def test_an_answer_that_rolls_along_agrees_and_a_fixed_one_does_not(roll_case):
    angles = iter(2 * math.pi * np.arange(6) / 6)

    def along(observation, label):  # what the camera turns, the content turns back
        return of_mask(observation), stick(0.4 - next(angles))

    rows = evaluate_rolls(
        [roll_case], {"along": along, "fixed": lambda o, _: (of_mask(o), stick(0.4))}, lambda _: 0.5, count=6
    )
    (good,), (bad,) = rows["along"], rows["fixed"]
    assert good["agree"] > 30
    assert bad["agree"] < 15
    assert good["agree_worst"] <= good["agree"]
    assert len(good["by_angle"]) == 6
    assert good["truth_range"] < 0.3
    assert bad["truth_range"] > good["truth_range"]
    assert not good["round"]


def test_the_range_of_the_mean_averages_over_objects_first():
    rows = [{"by_angle": [10.0, 12.0]}, {"by_angle": [12.0, 10.0]}]
    assert range_of_mean(rows) == pytest.approx(0.0)
    assert range_of_mean(rows[:1]) == pytest.approx(2.0)


def test_the_quarter_average_turns_with_quarter_turns():
    torch.manual_seed(0)
    network = GSN(named_config("tiny")).eval()
    for parameter in network.sculptor.parameters():
        torch.nn.init.normal_(parameter, std=0.1)  # far from the lattice
    smooth = torch.nn.functional.interpolate(torch.rand(1, 7, 8, 8), size=64, mode="bilinear")
    image, theta = smooth, torch.tensor([0.2])
    still = quarter_average(network, image, theta)
    for k in (1, 2, 3):
        angle = torch.tensor([0.5 * math.pi * k])
        turned = roll_image(image, angle)  # at quarter turns no pixel is interpolated
        again = quarter_average(network, turned, theta)
        wanted = roll_gaussians(still.map(lambda t: t[None]), angle)
        gap = extended_chamfer_distance(again.map(lambda t: t[None]), wanted)
        plain = network(turned, theta), roll_gaussians(network(image, theta), angle)
        assert gap < 1e-6
        assert extended_chamfer_distance(*plain) > 100 * gap


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_an_occluder_hides_the_share_from_one_side(ball_case, share):
    before = ball_case.observation
    seen = occlude(before, share, 0.7, np.random.default_rng(0))
    own, was = seen.mask == 1, before.mask == 1
    hidden = was & (seen.mask == OCCLUDER)
    assert (own | hidden).sum() == was.sum()
    assert hidden.sum() == round(share * was.sum())
    y, x = np.nonzero(was)
    along = {(a, b): math.cos(0.7) * b + math.sin(0.7) * a for a, b in zip(y, x, strict=True)}
    assert (
        max(along[p] for p in zip(*np.nonzero(own), strict=True))
        <= min(along[p] for p in zip(*np.nonzero(hidden), strict=True)) + 1e-9
    )
    changed = (seen.image != before.image).any(-1)
    assert not changed[seen.mask != OCCLUDER].any()
    assert (seen.mask == OCCLUDER).sum() > 1.2 * hidden.sum()  # it also stands beside the object


def test_occlusion_is_scored_per_share_against_the_whole_object(ball_case):
    rng = np.random.default_rng(0)
    p = rng.standard_normal((800, 3))
    ball = splat(0.44 * p / np.linalg.norm(p, axis=1, keepdims=True), (0.17, 0.43, 0.69))
    ways = {"seen": lambda o, _, whole: (of_mask(o), ball), "whole": lambda o, _, whole: (whole, ball)}
    rows = evaluate_occlusion([ball_case], ways, shares=(0.0, 0.5))
    assert curve(rows["whole"])[0.5] == pytest.approx(curve(rows["whole"])[0.0])
    assert curve(rows["seen"])[0.5] < curve(rows["seen"])[0.0] - 1  # the cone of half a ball is another one


def test_chroma_is_that_of_bt601():
    import cv2

    rgb = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    theirs = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    np.testing.assert_allclose(chroma(rgb)[..., 0], theirs[..., 2] - 0.5, atol=2e-3)
    np.testing.assert_allclose(chroma(rgb)[..., 1], theirs[..., 1] - 0.5, atol=2e-3)


def test_the_correlation_is_pearsons_with_equal_objects():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(500, 2)) + [0.3, -0.2]
    guess = 0.5 * truth + rng.normal(size=(500, 2)) * 0.4
    stacked = [np.concatenate([x[:, 0] - x[:, 0].mean(), x[:, 1] - x[:, 1].mean()]) for x in (guess, truth)]
    assert correlation([moments(guess, truth)]) == pytest.approx(np.corrcoef(*stacked)[0, 1])
    doubled = [moments(np.repeat(guess, 3, 0), np.repeat(truth, 3, 0)), moments(-truth, truth)]
    assert correlation(doubled) == pytest.approx(correlation([moments(guess, truth), moments(-truth, truth)]))
    assert correlation([moments(np.zeros((9, 2)), truth[:9])]) == 0
    assert math.isnan(correlation([moments(np.zeros((0, 2)), np.zeros((0, 2)))]))


def test_hue_of_a_right_and_of_an_opposite_answer(ball_case, box_case):
    def answer(colors):
        def sculptor(observation, label):
            p = np.random.default_rng(0).standard_normal((1500, 3))
            return of_mask(observation), splat(0.44 * p / np.linalg.norm(p, axis=1, keepdims=True), next(colors))

        return sculptor

    rows = evaluate_hue([ball_case, box_case], answer(iter([(0.2, 0.5, 0.8), (0.8, 0.5, 0.2)])))
    assert rows[0]["input_psnr"] > 15
    (right,), (wrong,) = rows[:1], rows[1:]
    assert right["visible"][0] > 0 > right["visible"][1]  # blue: Cb above, Cr below grey
    assert wrong["visible"][0] < 0 < wrong["visible"][1]
    assert chroma_figures(rows)["chroma_visible"] < 0.3
