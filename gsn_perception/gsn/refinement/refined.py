"""Refinement of a splat at test time: a few gradient steps against the views that it was made from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.gsn.refinement.corrections import Corrections
from gsn_perception.gsn.refinement.corrections import seen_share
from gsn_perception.gsn.refinement.held_views import HeldViews
from gsn_perception.gsn.refinement.posed_view import PosedView
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render


@dataclass(frozen=True, slots=True)
class Budget:
    """How long refinement may take; the first limit that is reached ends it.

    Attributes:
        seconds: Wall clock; no step begins that would end later if it took as long as the one before. Looking at the
            views for the first time takes about as long as two steps, also where no step follows.
        steps: Number of steps.
    """

    seconds: float = float("inf")
    steps: int = 60


@dataclass(frozen=True, slots=True)
class RefinementSettings:
    """Weights of the loss; lengths are in normalised units."""

    hold: float = 4.0
    """Weight of the change of the views that no camera had, relative to the squared error of one given view."""
    more_views: float = 0.03
    """Factor on ``hold`` for every further given view: views from several sides show the shape, and guesses may give way."""
    held_views: int = 8
    """Directions that are held, one of them per step."""
    held_coarser: int = 2
    """Pixels of a given view per pixel of a held view, along a side."""
    silhouette: float = 0.1
    """Weight of the squared error of the silhouette, relative to that of colour."""
    depth: float = 0.1
    """Weight of the absolute error of depth, where there is depth."""


@dataclass(frozen=True, slots=True, eq=False)
class Refinement:
    """The result.

    Attributes:
        splat: The best splat found; the start itself if no step was better.
        before: Loss of the start.
        after: Loss of ``splat``, never above ``before``.
        steps: Steps made.
    """

    splat: Gaussians
    before: float
    after: float
    steps: int


def refined_splat(
    splat: Gaussians, views: Sequence[PosedView], budget: Budget, settings: RefinementSettings | None = None
) -> Refinement:
    """A splat moved towards what cameras saw of the object, held where none of them saw it.

    Every Gaussian's mean, scale, rotation, colour and opacity is corrected in proportion to the share of it that the views
    see; Gaussians that no view sees stay bit by bit. Renders from directions between the views are held at those of the
    start. The path is the same for any budget, which only ends it.

    Args:
        splat: [N] normalised frame, on the CPU; also one made under ``torch.inference_mode``.
        views: All of one image size; the first one's direction is the centre of the held views.
        budget: When to stop. Zero seconds or steps return the splat as it is.
        settings: Weights of the loss.

    Raises:
        InputError: there is no view, or the views differ in size.
    """
    if not views:
        raise InputError("refinement needs at least one view of the object")
    began = time.perf_counter()
    with torch.inference_mode(mode=False), torch.enable_grad():
        start = splat.map(lambda t: t.detach().clone())
        loss = _Loss(start, views, settings or RefinementSettings())
        if budget.steps < 1 or budget.seconds <= 0 or not len(splat):
            return Refinement(splat, float("nan"), float("nan"), 0)
        return _descended(loss, start, views, budget, began)


def _descended(loss: _Loss, start: Gaussians, views: Sequence[PosedView], budget: Budget, began: float) -> Refinement:
    corrections = Corrections(start, seen_share(start, [view.camera for view in views]))
    before = best = float("inf")
    kept = corrections.values
    step, last, tick = 0, 0.0, time.perf_counter()
    while True:
        values = corrections.values.requires_grad_(True)
        value, error = loss(corrections.applied(values), step)
        if step == 0:
            before = error
        if error < best:
            best, kept = error, values.detach()
        if step == budget.steps or time.perf_counter() - began + last > budget.seconds:  # no time for another one
            break
        (gradient,) = torch.autograd.grad(value, values)
        with torch.no_grad():
            corrections.step(torch.nan_to_num(gradient))
        step += 1
        last, tick = time.perf_counter() - tick, time.perf_counter()
    with torch.no_grad():
        return Refinement(corrections.applied(kept) if best < before else start, before, best, step)


class _Loss:
    """Mean misfit of the views and change of the held views; one held view is rendered per step."""

    def __init__(self, start: Gaussians, views: Sequence[PosedView], settings: RefinementSettings) -> None:
        self._views, self._settings = views, settings
        self._cameras = CameraBatch.of([view.camera for view in views])
        self._hold = settings.hold * settings.more_views ** (len(views) - 1)
        self._held = HeldViews(start, [view.camera for view in views], settings.held_views, settings.held_coarser)
        self._changes: dict[int, float] = {}  # last known, by held view

    def __call__(self, splat: Gaussians, step: int) -> tuple[Tensor, float]:
        """What is differentiated at a step, and the measured loss, with the last known changes of all held views."""
        batch = splat.map(lambda t: t[None])
        out = render(batch, self._cameras, background=torch.ones(3))
        images = zip(self._views, out.rgb[0], out.alpha[0], out.depth[0], strict=True)
        silhouette, depth = self._settings.silhouette, self._settings.depth
        loss = torch.stack([view.misfit(rgb, alpha, z, silhouette, depth) for view, rgb, alpha, z in images]).mean()
        error = float(loss.detach())
        if step > 0 and self._hold > 0 and len(self._held):  # the start has no change and no gradient of it
            index = (step - 1) % len(self._held)
            change = self._held.change(batch, index, silhouette)
            self._changes[index] = float(change.detach())
            loss = loss + self._hold * change
            error += self._hold * sum(self._changes.values()) / len(self._changes)
        return loss, error
