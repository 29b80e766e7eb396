"""Surfaces from one view against the true ones, at true and estimated scale, observed and completed side apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from typing import Literal

import numpy as np

from gsn_perception.evaluation.surfaces.scores import surface_scores
from gsn_perception.evaluation.surfaces.scores import truth_scores
from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.evaluation.views.hulls import measured_hull
from gsn_perception.evaluation.views.hulls import visual_hull
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.sculpted import Sculpted

ViewInput = Literal["rgbd", "rgb", "splat"]
Rows = dict[str, list[dict[str, Any]]]
Finder = Callable[[Observation, Sculpted], Mesh]
"""From the frame and the splat with its scale to a mesh in metres, camera frame."""
Splats = Callable[[Observation], list[Sculpted | Refusal]]

TRUTH, TRUE_SCALE, ESTIMATED = "truth", "true scale", "estimated scale"


def hull_finders(what: ViewInput) -> dict[str, Finder]:
    """The baselines possible with the input."""
    found: dict[str, Finder] = {
        "visual hull and plane": lambda frame, item: visual_hull(item.crop, item.scale, frame.support_plane)
    }
    if what == "rgbd":
        found["hull of measured points"] = lambda frame, item: measured_hull(frame)
    return found


def evaluate_views(
    cases: Iterable[SurfaceCase],
    splats: Splats,
    finders: Mapping[str, Finder],
    what: ViewInput,
    *,
    seed: int = 0,
    samples: int,
    keep: dict[str, list[Mesh]] | None = None,
) -> Rows:
    """Scores per object of every finder at both scales, and of the truth; a refusal scores F = 0.

    A finder is called twice, with the estimated scale and with the true one.

    Args:
        cases: Test objects with measured depth; their support plane is given.
        splats: The pipeline up to the splat, the same for all.
        finders: By name.
        what: ``rgbd``: with depth; ``rgb``: without depth, the plane gives the scale; ``splat``: the network reads depth,
            the finders only its splat.
        seed: Of the samples.
        samples: Per surface.
        keep: Filled with the truth and the meshes at the true scale, object frame, by the object's name.
    """
    rows: Rows = {TRUTH: []}
    for name in finders:
        rows |= {_row(name, scale): [] for scale in (TRUE_SCALE, ESTIMATED)}
    for case in cases:
        rng = np.random.default_rng(seed)
        frame = replace(case.observation, support_plane=case.plane)
        frame = frame if what != "rgb" else replace(frame, depth=None)
        own = np.linalg.inv(case.T_camera_object)
        (item, *_) = splats(frame)
        head = {"name": case.name, "shape": case.shape, "extent": case.extent}
        truth = case.truth.transform(own)
        meshes = [truth]
        if isinstance(item, Sculpted) and what == "splat":
            item = replace(item, crop=replace(item.crop, depth=None))
        for name, find in finders.items():
            mesh = _found(rows, name, find, frame, item, case, rng, samples, head)
            meshes += [] if mesh is None else [mesh]
        rows[TRUTH].append(head | truth_scores(truth, rng, samples=samples))
        if keep is not None:
            keep[case.name] = meshes
    return rows


def _found(
    rows: Rows,
    name: str,
    find: Finder,
    frame: Observation,
    item: Sculpted | Refusal,
    case: SurfaceCase,
    rng: np.random.Generator,
    samples: int,
    head: Mapping[str, Any],
) -> Mesh | None:
    """Append a row at each scale; return the mesh at the true scale in the object's frame, None for a refusal."""
    own = np.linalg.inv(case.T_camera_object)
    truth, made = case.truth.transform(own), None
    for scale in (ESTIMATED, TRUE_SCALE):
        began = time.perf_counter()
        try:
            if isinstance(item, Refusal):
                raise InputError(item.reason)
            known = item if scale == ESTIMATED else truly_scaled(item, case.centre)
            made = find(frame, known).transform(own)
        except InputError as error:
            rows[_row(name, scale)].append({**head, "f1": 0.0, "refused": 1, "reason": str(error)})
            made = None
            continue
        seconds = time.perf_counter() - began
        figures = surface_scores(made, truth, rng, samples=samples, eye=own[:3, 3])
        extra = {"refused": 0, "scale_ratio": known.scale.value / true_scale(item, case.centre), "seconds": seconds}
        rows[_row(name, scale)].append({**head, **figures, **extra})
    return made


def true_scale(item: Sculpted, centre: np.ndarray) -> float:
    """Metres per unit that put the canonical cube as far along the view's axis as the true box centre [3]."""
    axis = item.crop.view.R_camera_virtual[:, 2]
    return float(axis @ centre) / item.crop.view.distance


def truly_scaled(item: Sculpted, centre: np.ndarray) -> Sculpted:
    """The item at its true scale: measured depth does not move, the splat does."""
    return replace(item, scale=replace(item.scale, value=true_scale(item, centre)))


def _row(name: str, scale: str) -> str:
    return f"{name}, {scale}"
