import numpy as np
import pytest
import torch

from gsn_perception.evaluation.views.novel_views import evaluate_gsn
from gsn_perception.evaluation.views.novel_views import render_targets
from gsn_perception.evaluation.views.novel_views import splat_figures
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView


def splat(points, colour, sigma=0.03, opacity=0.95):
    n = len(points)
    return Gaussians(
        means=torch.from_numpy(np.float32(points)),
        scales=torch.full((n, 3), sigma),
        quats=torch.tensor([1.0, 0, 0, 0]).expand(n, 4).contiguous(),
        colors=torch.tensor(colour).expand(n, 3).contiguous(),
        opacities=torch.full((n,), opacity),
    )


def ball_points(radius=0.44):
    rng = np.random.default_rng(0)
    p = rng.standard_normal((1500, 3))
    return radius * p / np.linalg.norm(p, axis=1, keepdims=True)


def with_view(points, colour):
    def sculptor(observation, label):
        view = ObjectView.of_mask(observation.mask == label, observation.camera, 64)
        return view, splat(points, colour)

    return sculptor


def test_a_ball_answered_by_a_ball_beats_every_baseline(ball_case):
    shade = (0.17, 0.43, 0.69)
    scores = evaluate_gsn([ball_case], with_view(ball_points(), shade))
    (gsn,), (card,), (white,) = scores.rows["gsn"], scores.rows["card"], scores.rows["white"]
    assert gsn["psnr"] > max(card["psnr"], white["psnr"]) + 5
    assert gsn["iou"] > 0.9
    assert gsn["input_iou"] > 0.9
    assert gsn["input_psnr"] > 17
    assert white["iou"] == 0
    assert gsn["shape"] == "mid"
    assert gsn["roll_psnr"] > 30  # a ball does not change when the camera rolls
    assert len(scores.tiles["ball"]) == 1 + 2 * 4


def test_other_sculptors_get_rows_of_their_own(ball_case):
    ball, stick = (with_view(p, (0.1, 0.1, 0.1)) for p in (ball_points(), np.linspace([-0.4, 0, 0], [0.4, 0, 0], 200)))
    scores = evaluate_gsn([ball_case], ball, others={"same": ball, "stick": stick})
    (gsn,), (same,), (worse,) = scores.rows["gsn"], scores.rows["same"], scores.rows["stick"]
    assert all(same[key] == gsn[key] for key in ("psnr", "iou", "input_psnr"))
    assert worse["psnr"] < gsn["psnr"] - 1


def test_an_answer_fixed_in_the_image_is_not_equivariant(ball_case):
    stick = np.linspace([-0.4, 0, 0], [0.4, 0, 0], 200)
    (row,) = evaluate_gsn([ball_case], with_view(stick, (0.1, 0.1, 0.1))).rows["gsn"]
    (ball,) = evaluate_gsn([ball_case], with_view(ball_points(), (0.1, 0.1, 0.1))).rows["gsn"]
    assert row["roll_psnr"] < 25
    assert row["ecd"] > 10 * ball["ecd"]


def test_dead_and_needles_are_counted():
    g = splat(ball_points(), (0.5, 0.5, 0.5))
    opacities, scales = g.opacities.clone(), g.scales.clone()
    opacities[:150] = 0.003
    scales[:300, 0] = 1.0
    figures = splat_figures(Gaussians(g.means, scales, g.quats, g.colors, opacities))
    assert figures == {"dead": pytest.approx(0.1), "needles": pytest.approx(0.2)}


def test_the_true_scale_makes_size_errors_invisible(ball_case):
    """Targets see the splat where the truth is: its centre projects to theirs."""
    view, g = with_view(ball_points(0.1), (0.0, 0.0, 0.0))(ball_case.observation, 1)
    _, alpha = render_targets(g, view, ball_case)
    for cover, truth in zip(alpha, ball_case.truth_masks, strict=True):
        a, b = (np.argwhere(m).mean(axis=0) for m in (cover > 0.5, truth))
        assert np.linalg.norm(a - b) < 2
