"""Confidence is judged as brute force would; the fitted rule is the one that made the data."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.robustness.confidence import JudgedSplat
from gsn_perception.evaluation.robustness.confidence import confidence_figures
from gsn_perception.evaluation.robustness.confidence import fit_rule
from gsn_perception.evaluation.robustness.confidence import judged_splats
from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.evaluation.views.protocol import true_scale
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.gsn.visibility import VisibilityModel


def judged(behind, seen, error=None, measured=False, name="x"):
    n = len(behind)
    error = np.zeros(n) if error is None else error
    return JudgedSplat(name, behind, np.full(n, measured), seen, seen, error)


def test_a_point_is_seen_where_nothing_lies_before_it():
    vertices = np.array([[-1, -1, 2], [1, -1, 2], [1, 1, 2], [-1, 1, 2.0]])
    wall = np.concatenate([vertices, vertices * [0.5, 0.5, 1] + [0, 0, 1]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    surface = Surface(Mesh(wall, faces))
    points = np.array([[0.1, 0.2, 2.0], [0.1, 0.2, 3.0], [0.1, 0.2, 2.04], [3.0, 0.0, 2.0]])
    assert surface.seen_from(np.zeros(3), points, 0.05).tolist() == [True, False, True, True]
    np.testing.assert_allclose(surface.nearest_points(points[:2]), points[:2], atol=1e-5)


def test_the_rule_falls_from_seen_to_completed():
    rule = VisibilityModel(middle=0.1, width=0.02, measured_middle=0.0, measured_width=0.01)
    behind = np.array([-np.inf, -0.5, 0.1, 0.12, 0.9])
    found = rule(behind, np.zeros(5, dtype=bool))
    np.testing.assert_allclose(found, 1 / (1 + np.exp((behind - 0.1) / 0.02)), atol=1e-8)
    assert rule(np.zeros(1), np.ones(1, dtype=bool)) == pytest.approx(0.5)
    assert VisibilityModel.fitted({"seen": {"middle": 0.2}}).middle == 0.2
    assert VisibilityModel.fitted({}) == VisibilityModel()
    for bad in ({"seen": {"width": 0}}, {"seen": {"unheard": 1}}, {"seen": 3}, {"seen": {"width": "wide"}}):
        with pytest.raises(InputError, match="confidence rule"):
            VisibilityModel.fitted(bad)


def test_the_rule_that_made_the_labels_is_found():
    rng = np.random.default_rng(0)
    truth = VisibilityModel(middle=0.08, width=0.03, measured_middle=0.02, measured_width=0.01)
    splats = []
    for measured in (False, True):
        for n in (3000, 300):
            behind = rng.uniform(-0.1, 0.3, n)
            chance = truth(behind, np.full(n, measured))
            splats.append(judged(behind, rng.random(n) < chance, measured=measured))
    found = fit_rule(splats)
    assert found.middle == pytest.approx(truth.middle, abs=0.01)
    assert found.width == pytest.approx(truth.width, rel=0.25)
    assert found.measured_middle == pytest.approx(truth.measured_middle, abs=0.005)
    assert found.measured_width == pytest.approx(truth.measured_width, rel=0.25)
    only = fit_rule([splats[0]])
    assert only.measured_middle == VisibilityModel().measured_middle


def test_figures_of_an_honest_and_of_a_dishonest_splat():
    behind = np.linspace(-0.05, 0.4, 500)
    honest = judged(behind, behind < 0.1, error=0.1 + behind)
    figures = confidence_figures([honest], VisibilityModel(middle=0.1, width=0.1))
    assert figures["auroc"] == 1
    assert figures["monotone"] == 1
    assert figures["error 1"] == pytest.approx(100 * (0.1 + behind[:100].mean()))
    assert figures["curve"][0][0] < figures["curve"][-1][0]
    liar = replace(honest, seen=~honest.seen, error=honest.error[::-1])
    upside_down = confidence_figures([liar], VisibilityModel(middle=0.1, width=0.1))
    assert upside_down["auroc"] == 0
    assert upside_down["monotone"] == 0
    with pytest.raises(InputError, match="no object"):
        confidence_figures([], VisibilityModel())


@pytest.mark.parametrize("blind", [True, False])
def test_a_ball_whose_far_half_is_completed(ball, protocol, blind):
    """Centres on the true sphere: those on the near side are seen, by the angle between normal and ray."""
    case = surface_case(ball, protocol)
    rng = np.random.default_rng(0)
    p = rng.standard_normal((2500, 3))
    p /= np.linalg.norm(p, axis=1, keepdims=True)

    def sculptor(observation, label):
        view = ObjectView.of_mask(observation.mask == label, observation.camera, 64)
        radius = 0.05 / true_scale(view, case.centre)
        n = len(p)
        return view, Gaussians(
            torch.from_numpy(np.float32(radius * p)),
            torch.full((n, 3), 0.02),
            torch.tensor([1.0, 0, 0, 0]).expand(n, 4).contiguous(),
            torch.full((n, 3), 0.5),
            torch.full((n,), 0.9),
        )

    (found,) = judged_splats([case], sculptor, blind=blind)
    assert found.measured.any() != blind
    view, splat = sculptor(case.observation, 1)
    rays = splat.means.numpy() + [0, 0, view.distance]
    cosine = -(p * rays).sum(1) / np.linalg.norm(rays, axis=1)
    clear = np.abs(cosine) > 0.35
    assert (found.seen == (cosine > 0))[clear].mean() > 0.97
    assert found.error.mean() < 0.05
    assert confidence_figures([found], VisibilityModel(0.1, 0.1, 0.1, 0.1))["auroc"] > 0.93
