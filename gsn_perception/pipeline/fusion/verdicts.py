"""Which views are used for an object, the scale by them together with other knowledge, and the remarks on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Remark
from gsn_perception.gsn.scale import Scale
from gsn_perception.pipeline.fusion.view_scale import LARGEST_GAP
from gsn_perception.pipeline.fusion.view_scale import LARGEST_MISFIT
from gsn_perception.pipeline.fusion.view_scale import Estimate
from gsn_perception.pipeline.fusion.view_scale import combined

_SIGMAS = 3.0  # of two numbers that contradict each other
_FACTOR = 0.12  # of the scale: smaller differences are no contradiction


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The scale of an object and the views that agree with it.

    Attributes:
        scale: Of all that agrees; None where no view fixes it.
        used: Indices into the estimates.
        remarks: On views that are not used.
    """

    scale: Scale | None
    used: tuple[int, ...]
    remarks: tuple[Remark, ...]


def judge(
    label: int, numbers: Sequence[int], estimates: Sequence[Estimate | None], prior: Scale | None, distance: float
) -> Verdict:
    """Use the views that agree with their own silhouettes, with each other and with what is known.

    Args:
        label: Of the object, for the remarks.
        numbers: Of the views, for the remarks.
        estimates: One per view; None: no parallax.
        prior: By the reference view alone: support plane or size hint; None: unknown.
        distance: Of the reference view's object view, normalised units.
    """
    remarks: list[Remark] = []
    usable: list[int] = []
    for k, entry in enumerate(estimates):
        if entry is None:
            continue
        if entry.misfit > LARGEST_MISFIT or entry.gap > LARGEST_GAP:
            text = (
                f"view {numbers[k]} does not show object {label} where its pose says, at any distance; it was not used for "
                "this object: check the pose, its time stamp, and that nothing moved between the views"
            )
            remarks.append(Remark("view_contradicts_pose", text))
        else:
            usable.append(k)
    usable = _agreeing(label, numbers, estimates, usable, remarks)
    chosen = [entry for k in usable if (entry := estimates[k]) is not None]
    if not chosen:
        return Verdict(None, tuple(usable), tuple(remarks))
    by_views = combined(chosen, distance)
    if prior is None:
        return Verdict(by_views, tuple(usable), tuple(remarks))
    apart = abs(np.log(by_views.value / prior.value))
    if apart > max(_SIGMAS * np.hypot(_spread(by_views), _spread(prior)), _FACTOR):
        known = "the support plane" if prior.source == "support_plane" else "the size hint"
        text = (
            f"the camera's motion puts object {label} at {by_views.value * distance:.2f} m and {known} at "
            f"{prior.value * distance:.2f} m; the other views were not used: check the poses, {known}, and that nothing moved"
        )
        remarks.append(Remark("views_contradict_scale", text))
        return Verdict(None, (), tuple(remarks))
    return Verdict(_joined(by_views, prior), tuple(usable), tuple(remarks))


def _agreeing(
    label: int,
    numbers: Sequence[int],
    estimates: Sequence[Estimate | None],
    usable: list[int],
    remarks: list[Remark],
) -> list[int]:
    """The views whose distances agree with the weighted median of all; two that disagree are both left out."""
    found = [(k, entry) for k in usable if (entry := estimates[k]) is not None]
    if len(found) < 2:
        return usable
    logs, sigmas = np.array([e.log_distance for _, e in found]), np.array([e.sigma for _, e in found])
    order = np.argsort(logs)
    weights = np.cumsum(sigmas[order] ** -2.0)
    middle = order[int(np.searchsorted(weights, 0.5 * weights[-1]))]
    limit = np.maximum(_SIGMAS * np.hypot(sigmas, sigmas[middle]), _FACTOR)
    bad = np.abs(logs - logs[middle]) > limit
    if len(found) == 2 and bad.any():
        bad[:] = True
    for (k, entry), out in zip(found, bad, strict=True):
        if out:
            text = (
                f"view {numbers[k]} puts object {label} at {np.exp(entry.log_distance):.2f} m, other views at another distance;"
                " it was not used for this object: check its pose, and that nothing moved"
            )
            remarks.append(Remark("view_contradicts_views", text))
    return [k for (k, _), out in zip(found, bad, strict=True) if not out]


def _spread(scale: Scale) -> float:
    """Standard deviation of the log scale."""
    return scale.sigma / scale.value


def _joined(by_views: Scale, prior: Scale) -> Scale:
    """Both by their uncertainties."""
    spreads = np.array([_spread(by_views), _spread(prior)])
    weights = spreads**-2 / np.sum(spreads**-2)
    value = float(np.exp(weights @ np.log([by_views.value, prior.value])))
    return Scale(value, value * float(np.sum(spreads**-2) ** -0.5), "views")
