"""Surfaces from one view against the true ones, at the true and at the estimated scale, seen and unseen side apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
from typing import Literal

import numpy as np

from gsn_perception.evaluation.cases import SurfaceCase
from gsn_perception.evaluation.surface_scores import surface_scores
from gsn_perception.evaluation.surface_scores import truth_scores
from gsn_perception.evaluation.view_baselines import measured_hull
from gsn_perception.evaluation.view_baselines import visual_hull
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.pipeline import Reconstructor
from gsn_perception.pipeline.skinning import Sculpted

ViewInput = Literal["rgbd", "rgb", "splat"]
Rows = dict[str, list[dict[str, Any]]]
Finder = Callable[[Observation, Sculpted], Mesh]
"""From the frame and the splat with its scale to a mesh in metres, camera frame."""

TRUTH, TRUE_SCALE, ESTIMATED = "truth", "true scale", "estimated scale"


@dataclass(frozen=True, slots=True, eq=False)
class PipelineFinder:
    """A mesh method of the pipeline."""

    pipeline: Reconstructor

    def __call__(self, observation: Observation, item: Sculpted) -> Mesh:
        """Its mesh of the item."""
        settings = self.pipeline.settings
        mesh = self.pipeline.mesher(
            item, resolution=settings.mesh_resolution, max_triangles=settings.mesh_max_triangles
        )
        return mesh.transform(item.crop.view.similarity(item.scale.value))


def hull_finders(what: ViewInput) -> dict[str, Finder]:
    """The baselines that the input allows."""
    found: dict[str, Finder] = {
        "visual hull and plane": lambda frame, item: visual_hull(item.crop, item.scale, frame.support_plane)
    }
    if what == "rgbd":
        found["hull of measured points"] = lambda frame, item: measured_hull(frame)
    return found


def evaluate_views(
    cases: Iterable[SurfaceCase],
    pipeline: Reconstructor,
    finders: Mapping[str, Finder],
    what: ViewInput,
    *,
    seed: int = 0,
    samples: int,
    keep: dict[str, list[Mesh]] | None = None,
) -> Rows:
    """Scores per object of every finder at both scales, and of the truth; what is refused scores F = 0.

    Args:
        cases: Test objects with measured depth; what they rest on is told, as it is known on a table.
        pipeline: Up to the splat, the same for all.
        finders: By name.
        what: ``rgbd`` as it is; ``rgb`` without depth, the plane gives the scale; ``splat`` the network sees depth but
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
        (item, *_) = pipeline.splats(frame)
        head = {"name": case.name, "shape": case.shape}
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
    """Two rows more; the mesh at the true scale, in the object's frame."""
    began = time.perf_counter()
    try:
        if isinstance(item, Refusal):
            raise InputError(item.reason)
        mesh = find(frame, item)
    except InputError as error:
        for scale in (TRUE_SCALE, ESTIMATED):
            rows[_row(name, scale)].append({**head, "f1": 0.0, "refused": 1, "reason": str(error)})
        return None
    seconds = time.perf_counter() - began
    factor = scale_factor(item, case.centre)
    own = np.linalg.inv(case.T_camera_object)  # scored where the object's box is its own
    fixed = mesh.transform(own @ np.diag([factor, factor, factor, 1.0]))
    truth, eye = case.truth.transform(own), own[:3, 3]
    extra = {"refused": 0, "scale_ratio": 1 / factor, "seconds": seconds}
    for scale, scored in ((TRUE_SCALE, fixed), (ESTIMATED, mesh.transform(own))):
        figures = surface_scores(scored, truth, rng, samples=samples, eye=eye)
        rows[_row(name, scale)].append({**head, **figures, **extra})
    return fixed


def scale_factor(item: Sculpted, centre: np.ndarray) -> float:
    """The factor about the camera that takes the estimated scale to the true one (images are unchanged by it)."""
    place = item.crop.view.pose(item.scale.value)[:3, 3]
    return float(place @ centre / (place @ place))


def _row(name: str, scale: str) -> str:
    return f"{name}, {scale}"
