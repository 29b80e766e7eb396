"""Refinement of splats at test time on made-up objects: what it must raise, hold and keep."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import look_at
from gsn_perception.gsn.equivariance import roll_gaussians
from gsn_perception.gsn.refinement.corrections import seen_share
from gsn_perception.gsn.refinement.posed_view import PosedView
from gsn_perception.gsn.refinement.posed_view import camera_in
from gsn_perception.gsn.refinement.refined import Budget
from gsn_perception.gsn.refinement.refined import RefinementSettings
from gsn_perception.gsn.refinement.refined import refined_splat
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render

SIZE = 48
VIEW = ObjectView(np.eye(3), 0.2, SIZE)
FIELDS = ("means", "scales", "quats", "colors", "opacities")


def ball(n: int = 400, seed: int = 0, radius: float = 0.3) -> Gaussians:
    """Small opaque Gaussians on a sphere, with bands of colour."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    colors = 0.5 + 0.35 * np.sin(8 * directions + np.array([0, 2, 4]))
    return Gaussians(
        means=torch.from_numpy(radius * directions).float(),
        scales=torch.full((n, 3), 0.035),
        quats=torch.tensor([1.0, 0, 0, 0]).repeat(n, 1),
        colors=torch.from_numpy(colors).float(),
        opacities=torch.full((n,), 0.9),
    )


def blurred(splat: Gaussians) -> Gaussians:
    """As a network would guess it: paler and half transparent."""
    return replace(splat, colors=0.3 * splat.colors + 0.4, opacities=0.7 * splat.opacities)


def seen_from(splat: Gaussians, camera, *, depth_unit: float | None = None) -> PosedView:
    with torch.no_grad():
        out = render(splat.map(lambda t: t[None]), CameraBatch.of([camera]), background=torch.ones(3))
    alpha = out.alpha[0, 0]
    depth = None
    if depth_unit is not None:
        depth = torch.where(alpha > 0.9, depth_unit * out.depth[0, 0] / alpha.clamp_min(1e-3), 0.0)
    return PosedView(camera, out.rgb[0, 0], alpha, torch.ones_like(alpha), depth)


def psnr(splat: Gaussians, view: PosedView) -> float:
    again = seen_from(splat, view.camera)
    return float(-10 * torch.log10((again.rgb - view.rgb).square().mean()))


TRUTH = ball()
START = blurred(TRUTH)
INPUT = seen_from(TRUTH, VIEW.normalised_camera)
STEPS = Budget(steps=12)


def test_the_input_view_gains_and_the_other_sides_are_held() -> None:
    found = refined_splat(START, [INPUT], STEPS)
    free = refined_splat(START, [INPUT], STEPS, RefinementSettings(hold=0.0))
    assert found.steps == free.steps == 12
    assert psnr(found.splat, INPUT) > psnr(START, INPUT) + 2
    aside = VIEW.camera.at(look_at(np.array([VIEW.distance, 0.1, 0.0]), np.zeros(3)))
    before = seen_from(START, aside)
    assert psnr(found.splat, before) > psnr(free.splat, before) + 1  # PSNR to the start's own picture


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_never_rises(seed: int) -> None:
    """Also from a start that fits already, where every step may only make it worse."""
    for start in (blurred(ball(seed=seed)), TRUTH):
        found = refined_splat(start, [INPUT], Budget(steps=5))
        assert found.after <= found.before
    same = refined_splat(TRUTH, [INPUT], Budget(steps=5))
    for name in FIELDS:
        assert torch.equal(getattr(same.splat, name), getattr(TRUTH, name)), name


def test_gaussians_that_no_view_sees_stay_bit_by_bit() -> None:
    inside = replace(ball(60, 5, radius=0.02), scales=torch.full((60, 3), 0.01))
    start = Gaussians(*(torch.cat([getattr(START, n), getattr(inside, n)]) for n in FIELDS))
    start = replace(start, opacities=start.opacities.clone().fill_(0.97))
    seen = seen_share(start, [INPUT.camera])
    hidden = seen < 0.05
    assert hidden[400:].all()
    assert (seen[:400][start.means[:400, 2] < -0.2] > 0.2).float().mean() > 0.7  # the side towards the camera
    found = refined_splat(start, [INPUT], STEPS).splat
    for name in FIELDS:
        assert torch.equal(getattr(found, name)[hidden], getattr(start, name)[hidden]), name
        assert not torch.equal(getattr(found, name)[~hidden], getattr(start, name)[~hidden]), name


def test_a_budget_ends_the_path_and_does_not_change_it() -> None:
    losses = [refined_splat(START, [INPUT], Budget(steps=n)) for n in (1, 3, 9)]
    assert [r.steps for r in losses] == [1, 3, 9]
    assert len({r.before for r in losses}) == 1
    assert losses[0].after > losses[1].after > losses[2].after
    again = refined_splat(START, [INPUT], Budget(steps=3)).splat
    assert torch.equal(again.means, losses[1].splat.means)
    nothing = refined_splat(START, [INPUT], Budget(seconds=0.0))
    assert nothing.splat is START
    assert nothing.steps == 0
    hurried = refined_splat(START, [INPUT], Budget(seconds=1e-9))  # it is over after the first look
    assert hurried.steps == 0
    assert torch.equal(hurried.splat.means, START.means)


def test_time_is_looked_at_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that gains a second whenever it is read: three readings per step."""
    now = count(0.0)
    clock = SimpleNamespace(perf_counter=lambda: next(now))
    monkeypatch.setattr("gsn_perception.gsn.refinement.refined.time", clock)
    assert refined_splat(START, [INPUT], Budget(seconds=12.0)).steps == 3  # the fourth would end after the limit


def test_depth_needs_no_unit_and_moves_the_surface() -> None:
    start = replace(START, means=START.means * torch.tensor([1.0, 1.0, 0.6]))
    settings = RefinementSettings(depth=1.0)
    metres, millimetres = (
        refined_splat(start, [seen_from(TRUTH, INPUT.camera, depth_unit=unit)], STEPS, settings).splat
        for unit in (0.25, 250.0)
    )
    assert (metres.means - millimetres.means).abs().mean() < 1e-5  # rounding turns the sign of a few small errors
    without = refined_splat(start, [INPUT], STEPS, settings).splat
    front = TRUTH.means[:, 2] < -0.2
    errors = [(s.means - TRUTH.means)[front, 2].std() for s in (start, without, metres)]
    assert errors[2] < 0.95 * min(errors[:2])


def test_two_views_sharpen_both() -> None:
    eye = VIEW.distance * np.array([np.sin(2.0), 0.0, -np.cos(2.0)])
    other = seen_from(TRUTH, VIEW.camera.at(look_at(eye, np.zeros(3))))
    one, two = (refined_splat(START, views, STEPS).splat for views in ([INPUT], [INPUT, other]))
    assert psnr(two, other) > psnr(one, other) + 1.5
    assert psnr(two, INPUT) > psnr(START, INPUT) + 1.5


def test_a_camera_beside_the_first_sees_the_same_point() -> None:
    """Pixels of a point through two real cameras agree with those through their virtual cameras in one normalised frame."""
    scale = 0.2
    reference = ObjectView.of_rays(np.array([[0.1, 0.0, 1.0], [0.2, 0.05, 1.0], [0.15, -0.1, 1.0]]), SIZE)
    view = ObjectView.of_rays(np.array([[-0.1, 0.1, 1.0], [0.0, 0.05, 1.0]]), SIZE)
    T = look_at(np.array([0.3, 0.1, 0.2]), np.array([0.2, 0.05, 0.9]), roll=0.3)
    normalised = np.array([0.05, -0.1, 0.2])
    metric = reference.similarity(scale) @ np.append(normalised, 1)
    beside = (invert(T) @ metric)[:3] @ view.R_camera_virtual
    camera = camera_in(reference, scale, view, T)
    own = (camera.camera_from_world @ np.append(normalised, 1))[:3]
    np.testing.assert_allclose(view.camera.project(own[None]), view.camera.project(beside[None]), atol=1e-9)
    np.testing.assert_allclose(own * scale, beside, atol=1e-12)


def test_a_quarter_turn_of_the_camera_turns_the_result() -> None:
    angle = torch.tensor([torch.pi / 2])
    turned = roll_gaussians(START.map(lambda t: t[None]), angle)[0]
    view = replace(INPUT, rgb=torch.rot90(INPUT.rgb, -1, (0, 1)), cover=torch.rot90(INPUT.cover, -1, (0, 1)))
    assert psnr(turned, view) == pytest.approx(psnr(START, INPUT), abs=0.05)
    straight = roll_gaussians(refined_splat(START, [INPUT], STEPS).splat.map(lambda t: t[None]), angle)[0]
    rolled = refined_splat(turned, [view], STEPS).splat
    assert psnr(rolled, seen_from(straight, view.camera)) > 40


def test_inference_tensors_and_gradients_switched_off() -> None:
    with torch.inference_mode():
        start = START.map(lambda t: t.clone())
        found = refined_splat(start, [INPUT], Budget(steps=2))
    assert found.after < found.before
    assert not found.splat.means.requires_grad


def test_no_view_is_refused() -> None:
    with pytest.raises(InputError, match="at least one view"):
        refined_splat(START, [], STEPS)
