"""Cases and figures of the scale from a support plane."""

from types import SimpleNamespace

import numpy as np
import pytest

from gsn_perception.evaluation.robustness.plane_scales import ELEVATION
from gsn_perception.evaluation.robustness.plane_scales import erring_plane
from gsn_perception.evaluation.robustness.plane_scales import evaluate_plane_scales
from gsn_perception.evaluation.robustness.plane_scales import plane_cases
from gsn_perception.evaluation.robustness.plane_scales import scale_figures
from gsn_perception.evaluation.views.protocol import true_scale
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.scale import Scale


def test_the_object_stands_on_the_plane_in_every_view(box) -> None:
    cases = list(plane_cases(box, 4, (0.0, 0.0)))
    assert len(cases) == 4
    rolls = []
    for case in cases:
        plane = case.observation.support_plane
        assert plane is not None
        assert plane.height(case.centre) == pytest.approx(0.07, abs=1e-6)  # half of its height
        assert ELEVATION[0] - 1 <= case.elevation <= ELEVATION[1] + 1
        assert case.longest == pytest.approx(np.linalg.norm([0.10, 0.06, 0.14]), rel=1e-6)
        assert (np.isfinite(case.depth) == (case.observation.mask > 0)).all()
        camera = case.observation.camera
        points = camera.pixel_rays() * case.depth[..., None]
        assert plane.height(points[np.isfinite(case.depth)].astype(np.float64)).min() > -1e-4
        rolls.append(np.arctan2(plane.normal[0], -plane.normal[1]))
    assert np.ptp(rolls) > np.deg2rad(3)
    again = next(plane_cases(box, 1, (0.0, 0.0)))
    assert np.array_equal(again.observation.image, cases[0].observation.image)


def test_planes_err_by_the_given_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    plane = Plane(np.array([0.1, -0.8, -0.6]), 0.5)
    found = [erring_plane(plane, (0.002, 0.5), rng) for _ in range(2000)]
    assert np.std([f.offset for f in found]) == pytest.approx(0.002, rel=0.1)
    turned = [np.arccos(min(f.normal @ plane.normal, 1.0)) for f in found]
    assert np.sqrt(np.mean(np.square(turned)) / 2) == pytest.approx(np.deg2rad(0.5), rel=0.1)
    exact = erring_plane(plane, (0.0, 0.0), rng)
    assert exact.offset == pytest.approx(plane.offset)
    assert np.allclose(exact.normal, plane.normal)


def test_figures_of_an_estimate_that_is_three_per_cent_off(box) -> None:
    def splats(observation):
        view = ObjectView.of_mask(observation.mask > 0, observation.camera, 64)
        true = true_scale(view, case.centre)
        depth = view.warp_depth(np.where(observation.mask > 0, case.depth, np.nan), observation.camera)
        known = np.isfinite(depth)
        seen = SimpleNamespace(depth=np.where(known, depth / true, 0), alpha=known.astype(np.float32))
        crop = SimpleNamespace(view=view, alpha=seen.alpha)
        wrong = 1.03 if observation.size_hint is None else 1.01
        return [SimpleNamespace(crop=crop, seen=seen, scale=Scale(wrong * true, 0.02 * true, "support_plane"))]

    case = next(plane_cases(box, 1, (0.0, 0.0)))
    refused = lambda observation: [Refusal(1, "no")]  # noqa: E731
    rows = evaluate_plane_scales([case], {"off": splats, "none": refused}, {"hinted": splats})
    figures = scale_figures(rows["off"])
    assert figures["median"] == pytest.approx(0.03)
    assert figures["side"] == pytest.approx(0.03, abs=1e-3)
    assert figures["median_mm"] == pytest.approx(30 * np.linalg.norm(case.centre))
    assert (figures["within_1"], figures["within_2"], figures["refused"]) == (0.0, 1.0, 0.0)
    assert scale_figures(rows["hinted"])["median"] == pytest.approx(0.01)
    assert scale_figures(rows["none"]) == {"views": 1.0, "refused": 1.0}
