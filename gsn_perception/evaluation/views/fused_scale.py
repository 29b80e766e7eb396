"""Scale, its uncertainty and surfaces from two views of an object on a table."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.evaluation.surfaces.scores import surface_scores
from gsn_perception.evaluation.views.view_pairs import PairCase
from gsn_perception.evaluation.views.view_pairs import with_pose_error
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.sculpted import Sculpted

POSITION, ROTATION = 2.0, 0.5
"""Length of the error of a pose in millimetres, and its angle in degrees."""
_AXES = np.sqrt(3.0)  # an error of this length in any direction has 1 / sqrt(3) of it along an axis

Frames = Sequence[tuple[Observation, np.ndarray, float, float]]
"""Frames with ``T_reference_camera`` and the standard deviations of the pose per axis, metres and radians."""
Splats = Callable[[Frames], list[Sculpted | Refusal]]
Fuse = Callable[[Frames], list[Reconstruction | Refusal]]
Rows = dict[str, list[dict[str, Any]]]


def frames_of(case: PairCase, angle: float | None, *, exact: bool, plane: bool, depth: bool, seed: int) -> Frames:
    """The second view at ``angle`` degrees (None: none) and the reference view, which is the last.

    Args:
        case: The object.
        angle: Of the second view, degrees.
        exact: Whether the pose has no error.
        plane: Whether the support plane is known.
        depth: Whether depth is used.
        seed: Of the pose's error.
    """
    reference = replace(case.reference, support_plane=case.plane if plane else None)
    frames: list[tuple[Observation, np.ndarray, float, float]] = []
    if angle is not None:
        seen, pose = case.others[angle]
        rng = np.random.default_rng([seed, zlib.crc32(case.name.encode()), round(10 * angle)])
        pose = pose if exact else with_pose_error(pose, POSITION, ROTATION, rng)
        errors = (0.0, 0.0) if exact else (POSITION / 1000 / _AXES, float(np.deg2rad(ROTATION)) / _AXES)
        frames.append((seen, pose, *errors))
    frames.append((reference, np.eye(4), 0.0, 0.0))
    return [(o if depth else replace(o, depth=None), pose, a, b) for o, pose, a, b in frames]


def evaluate_fused_scale(cases: Iterable[PairCase], splats: Splats, fuse: Fuse | None, *, seed: int = 0) -> Rows:
    """Rows by setting: colour alone with and without plane, exact and inexact poses; with ``fuse`` also surfaces.

    Returns:
        ``ratio``: estimated over true scale, where the true scale puts the canonical cube as far along the view's axis as
        the true box centre; ``sigma``: of its logarithm.
    """
    rows: Rows = {}
    for case in cases:
        settings: list[tuple[str, float | None, bool, bool]] = [("plane alone", None, True, True)]
        for angle in case.others:
            for exact in (True, False):
                for plane in (False, True):
                    poses = "exact" if exact else f"{POSITION:g} mm {ROTATION:g} deg"
                    name = f"{angle:g} deg, {poses}" + (", plane" if plane else "")
                    settings.append((name, angle, exact, plane))
        for name, second, exact, plane in settings:
            frames = frames_of(case, second, exact=exact, plane=plane, depth=False, seed=seed)
            (item,) = splats(frames)
            rows.setdefault(name, []).append({"name": case.name, "shape": case.shape, **_scale_row(item, case)})
        if fuse is not None:
            for name, row in _surface_rows(case, fuse, seed):
                rows.setdefault(name, []).append({"name": case.name, "shape": case.shape, **row})
    return rows


def _scale_row(item: Sculpted | Refusal, case: PairCase) -> dict[str, Any]:
    if isinstance(item, Refusal):
        return {"refused": 1.0, "reason": item.reason, "remarks": " ".join(r.code for r in item.remarks)}
    view = item.crop.view
    ratio = item.scale.value * view.distance / float(view.R_camera_virtual[:, 2] @ case.centre)
    remarks = " ".join(remark.code for remark in item.remarks)
    sigma = item.scale.sigma / item.scale.value
    return {"refused": 0.0, "ratio": ratio, "sigma": sigma, "source": item.scale.source, "remarks": remarks}


def _surface_rows(case: PairCase, fuse: Fuse, seed: int) -> list[tuple[str, dict[str, Any]]]:
    settings: list[tuple[str, float | None, bool, bool, bool]] = [
        ("surface, colour and plane, one view", None, True, True, False),
        ("surface, depth, one view", None, True, False, True),
    ]
    for angle in case.others:
        settings.append((f"surface, colour and plane, {angle:g} deg", angle, False, True, False))
        settings.append((f"surface, depth, {angle:g} deg", angle, False, False, True))
    found = []
    for name, second, exact, plane, depth in settings:
        (item,) = fuse(frames_of(case, second, exact=exact, plane=plane, depth=depth, seed=seed))
        if isinstance(item, Refusal):
            found.append((name, {"refused": 1.0, "reason": item.reason}))
        else:
            scores = surface_scores(item.mesh, case.truth, np.random.default_rng(seed), samples=20_000)
            found.append((name, {"refused": 0.0, **scores, "remarks": " ".join(r.code for r in item.remarks)}))
    return found


def scale_summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Median and 90 % quantile of the scale's error, shares within one and two sigma, or the means of surface scores."""
    refused = float(np.mean([row["refused"] for row in rows]))
    known = [row for row in rows if not row["refused"]]
    out = {"objects": float(len(rows)), "refused": refused}
    logs = np.array([np.log(row["ratio"]) for row in known if "ratio" in row])
    if len(logs):
        apart = np.abs(logs) / np.array([row["sigma"] for row in known])
        errors = np.abs(np.exp(logs) - 1)
        out |= {
            "median": float(np.median(errors)),
            "q90": float(np.quantile(errors, 0.9)),
            "bias": float(np.median(logs)),
        }
        out |= {"one_sigma": float((apart <= 1).mean()), "two_sigma": float((apart <= 2).mean())}
    for key in ("chamfer", "f1", "iou"):
        values = [row[key] for row in known if key in row]
        if values:
            out[key] = float(np.mean(values))
    return out
