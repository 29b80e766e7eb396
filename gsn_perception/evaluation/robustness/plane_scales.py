"""Error of the scale from one colour image and the support plane, over several views of each object."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.evaluation.robustness.size_hints import Splats
from gsn_perception.evaluation.robustness.size_hints import longest_distance
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.evaluation.views.protocol import box_centre
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.evaluation.views.protocol import true_scale
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

ELEVATION = (15.0, 65.0)
"""Range of the camera's elevation above the object, degrees."""
ROLL = 15.0
"""Largest roll of the camera, degrees."""
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, eq=False)
class PlaneCase:
    """An object on a plane seen by a colour camera, in its optical frame, metres.

    Attributes:
        name: The object's.
        shape: box, mid, open or unknown.
        observation: Colour, mask (label 1) and a plane that may err.
        depth: [H,W] true depth of the object, NaN elsewhere.
        centre: [3] of the true box.
        longest: Largest distance between two points of the object.
        elevation: Of the camera above the object, degrees.
    """

    name: str
    shape: str
    observation: Observation
    depth: np.ndarray
    centre: np.ndarray
    longest: float
    elevation: float


def plane_cases(item: TexturedMesh, views: int, error: tuple[float, float], seed: int = 0) -> Iterator[PlaneCase]:
    """Views of an object from 15 to 65 degrees, the camera rolled by up to 15 degrees.

    Args:
        item: Resting on z = 0.
        views: Their number.
        error: Standard deviations of the plane: distance in metres, direction in degrees per axis.
        seed: Of views and errors.
    """
    caster = RayCaster([item])
    longest = longest_distance(item.mesh.vertices)
    for index in range(views):
        rng = np.random.default_rng([seed, index, zlib.crc32(item.name.encode())])
        for _ in range(_ATTEMPTS):
            start = draw_viewpoint(item, rng, Protocol(elevation=ELEVATION))
            start = start.rolled(item, np.deg2rad(rng.uniform(-ROLL, ROLL)))
            view = caster.render(start.camera)
            if not _cut(view.labels > 0):
                break
        pose = start.camera_from_object
        normal = pose[:3, 2]
        centre = transform_points(pose, box_centre(item))
        plane = erring_plane(Plane(normal, -float(normal @ pose[:3, 3])), error, rng)
        observation = Observation(view.rgb, start.camera.at(np.eye(4)), view.labels, support_plane=plane)
        up = -float(normal @ centre) / float(np.linalg.norm(centre))
        elevation = float(np.rad2deg(np.arcsin(np.clip(up, -1, 1))))
        yield PlaneCase(item.name, item.shape, observation, view.depth, centre, longest, elevation)


def _cut(mask: np.ndarray) -> bool:
    """Whether a mask [H,W] touches the image border."""
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def erring_plane(plane: Plane, error: tuple[float, float], rng: np.random.Generator) -> Plane:
    """The plane turned about the camera and moved, by draws with the standard deviations ``error`` (metres, degrees)."""
    offset, tilt = error
    turn = np.deg2rad(tilt) * rng.standard_normal(2)
    sideways = minimal_rotation_to(plane.normal) @ np.array([*turn, 0.0])
    return Plane(plane.normal + sideways, plane.offset + offset * float(rng.standard_normal()))


def evaluate_plane_scales(
    cases: Iterable[PlaneCase], methods: Mapping[str, Splats], hinted: Mapping[str, Splats] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Rows by method.

    Args:
        cases: Objects on planes.
        methods: The pipeline up to the scale, by name.
        hinted: The same, with the true longest distance as size hint beside the plane.

    Returns:
        ``ratio``: estimated over true scale (that of the box centre); ``error``: |ratio - 1|; ``mm``: the same along the
        view at the object's distance; ``side``: error relative to the scale that puts the visible side at its true depth;
        ``within_1``, ``within_2``: whether the logarithm of the ratio is within one and two standard deviations.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (*methods, *(hinted or {}))}
    for case in cases:
        for name, splats in methods.items():
            rows[name].append(_row(case, case.observation, splats))
        for name, splats in (hinted or {}).items():
            rows[name].append(_row(case, replace(case.observation, size_hint=case.longest), splats))
    return rows


def _row(case: PlaneCase, observation: Observation, splats: Splats) -> dict[str, Any]:
    (item,) = splats(observation)
    head = {"name": case.name, "shape": case.shape, "elevation": case.elevation}
    if isinstance(item, Refusal):
        return head | {"refused": 1.0, "reason": item.reason}
    view, scale = item.crop.view, item.scale
    ratio = scale.value / true_scale(view, case.centre)
    sigma = scale.sigma / scale.value
    wrong = abs(math.log(ratio))
    measured = view.warp_depth(np.where(observation.mask == 1, case.depth, np.nan), observation.camera)
    side = scale_from_depth(item.seen.depth, item.seen.alpha, measured, item.crop.alpha).value
    return head | {
        "refused": 0.0,
        "ratio": ratio,
        "sigma": sigma,
        "error": abs(ratio - 1),
        "mm": 1000 * abs(ratio - 1) * float(np.linalg.norm(case.centre)),
        "side": abs(scale.value / side - 1),
        "within_1": float(wrong <= sigma),
        "within_2": float(wrong <= 2 * sigma),
    }


def scale_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Median and 90 % quantile of the errors, shares within one and two standard deviations, share refused."""
    known = [row for row in rows if "error" in row]
    figures = {"views": float(len(rows)), "refused": float(np.mean([row["refused"] for row in rows]))}
    if not known:
        return figures

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in known])

    return figures | {
        "median": float(np.median(column("error"))),
        "error_90": float(np.quantile(column("error"), 0.9)),
        "median_mm": float(np.median(column("mm"))),
        "side": float(np.median(column("side"))),
        "side_90": float(np.quantile(column("side"), 0.9)),
        "sigma": float(np.median(column("sigma"))),
        "within_1": float(column("within_1").mean()),
        "within_2": float(column("within_2").mean()),
    }
