"""The dataset that trains surface networks: sampled surfaces and views in memory-mapped arrays (`gsn data --what surface`).

Format (one folder; O objects, V views; U, Q, C and P samples; read with ``np.load(path, mmap_mode="r")``). The unit
frame of an object has its box centred at the origin and its longest side 1; the normalised frame is a view's.

* ``points.npy`` [O,U,3] float16, unit frame: first half uniform in +-0.55, second half near the surface;
  ``inside.npy`` [O,U] bool, by the generalised winding number;
* ``queries.npy``, ``displacements.npy`` [O,Q,3] float16, unit frame: near-surface points and the vectors to their
  exact nearest surface points;
* ``surface.npy`` [O,C,3] float32, ``surface_normals.npy`` [O,C,3] int8 (x 127): area-uniform surface points, unit frame;
* ``clouds.npy`` [O,V,P,3] float16, normalised frame, evenly spaced, as is any prefix: points that a depth camera measured
  and, if a network completed the views, centres of its Gaussians; ``observed.npy`` [O,V,P] bool marks measured ones;
* ``rgb.npy`` [O,V,S,S,3] uint8 over white, ``alpha.npy`` [O,V,S,S] uint8, ``depth.npy`` [O,V,S,S] float16: the crop;
  depth along its z as measured, normalised units, 0 = unknown;
* ``cameras.npz``: ``unit_from_normalised`` [O,V,4,4], ``theta`` [O,V], ``with_depth`` [O,V], ``valid`` [O];
* ``objects.json``, ``dataset.json`` as those of views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from pathlib import Path

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.scenes.datasets.building import build
from gsn_perception.scenes.datasets.building import content_key
from gsn_perception.scenes.datasets.building import lit_object
from gsn_perception.scenes.datasets.shots import Complete
from gsn_perception.scenes.datasets.shots import Shot
from gsn_perception.scenes.datasets.shots import ShotSettings
from gsn_perception.scenes.datasets.shots import take_shot
from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.datasets.store import Layout
from gsn_perception.scenes.datasets.store import Record
from gsn_perception.scenes.datasets.store import Rows
from gsn_perception.scenes.datasets.store import empty_rows
from gsn_perception.scenes.datasets.surface_samples import SampleCounts
from gsn_perception.scenes.datasets.surface_samples import displacement_samples
from gsn_perception.scenes.datasets.surface_samples import occupancy_samples
from gsn_perception.scenes.datasets.surface_samples import surface_cloud
from gsn_perception.scenes.datasets.surface_samples import unit_frame
from gsn_perception.scenes.datasets.surface_samples import unit_mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sources import ObjectSource

FORMAT = 2
KIND = "surface"


@dataclass(frozen=True, slots=True)
class SurfaceSettings:
    """Settings that determine a dataset's content, besides its objects.

    Attributes:
        views: Views per object.
        seed: Seed of samples, views and lights.
        flat_lit: Share of objects rendered with flat light (the albedo); the others have one random lamp each.
        counts: Samples per object.
        shots: Settings of the views.
    """

    views: int = 6
    seed: int = 0
    flat_lit: float = 1 / 3
    counts: SampleCounts = field(default_factory=SampleCounts)
    shots: ShotSettings = field(default_factory=ShotSettings)


def surface_layout(settings: SurfaceSettings, count: int) -> Layout:
    """Shape and dtype of each array of a dataset of ``count`` objects."""
    counts, V, S, P = settings.counts, settings.views, settings.shots.size, settings.shots.cloud
    U = counts.uniform + counts.near
    return {
        "points": ((count, U, 3), "float16"),
        "inside": ((count, U), "bool"),
        "queries": ((count, counts.displaced, 3), "float16"),
        "displacements": ((count, counts.displaced, 3), "float16"),
        "surface": ((count, counts.cloud, 3), "float32"),
        "surface_normals": ((count, counts.cloud, 3), "int8"),
        "clouds": ((count, V, P, 3), "float16"),
        "observed": ((count, V, P), "bool"),
        "rgb": ((count, V, S, S, 3), "uint8"),
        "alpha": ((count, V, S, S), "uint8"),
        "depth": ((count, V, S, S), "float16"),
    }


def build_surface_dataset(
    objects: Sequence[ObjectSource],
    out: Path,
    *,
    settings: SurfaceSettings | None = None,
    complete: Complete | None = None,
    completed_by: str = "",
    workers: int = 2,
    progress: bool = True,
    resume: bool = True,
) -> Path:
    """Sample ``objects`` into ``out``; an interrupted build is continued.

    Args:
        objects: Objects, or picklable calls that each make one.
        out: Folder of the dataset.
        settings: Counts, views, seed.
        complete: Picklable call that completes an observation with a network; without it clouds are partial.
        completed_by: Identity of that network, e.g. the checksum of its weights.
        workers: Number of processes; 0 builds in this process.
        progress: Whether to show a progress bar.
        resume: Whether an interrupted build of the same settings and objects is continued and a complete one reused.

    Returns:
        ``out``.

    Raises:
        InputError: there are no objects, none of them can be built, or ``out`` is not writable.
    """
    settings = settings or SurfaceSettings()
    V = settings.views
    columns = {"unit_from_normalised": (V, 4, 4), "theta": (V,), "with_depth": (V,)}
    header = {"format": FORMAT, "kind": KIND, "views": V, "completed_by": completed_by}
    key = content_key(FORMAT, settings, objects, KIND, completed_by)
    store = DatasetStore(Path(out), surface_layout(settings, len(objects)), columns, header, key)
    sample = partial(_sample, settings=settings, complete=complete)
    return build(store, objects, sample, what="surfaces", workers=workers, progress=progress, resume=resume)


def _sample(
    item: TexturedMesh, index: int, settings: SurfaceSettings, complete: Complete | None
) -> tuple[Rows, Record]:
    """Sample one object and its views: its rows of the arrays and its columns of ``cameras.npz``."""
    rng = np.random.default_rng([settings.seed, index])
    rows = _surface_rows(item, settings, rng)
    shots = _shots(item, settings, rng, complete)
    for v, shot in enumerate(shots):
        rows["clouds"][v], rows["observed"][v] = shot.cloud.points, shot.cloud.observed
        rows["rgb"][v] = np.round(shot.crop.rgb * 255)
        rows["alpha"][v] = np.round(shot.crop.alpha * 255)
        if shot.with_depth and shot.crop.depth is not None:
            rows["depth"][v] = np.nan_to_num(shot.crop.depth / shot.scale)
    unit_from_world = np.linalg.inv(unit_frame(item.mesh))
    cameras = {
        "unit_from_normalised": [(unit_from_world @ s.world_from_normalised).tolist() for s in shots],
        "theta": [s.crop.view.theta for s in shots],
        "with_depth": [float(s.with_depth) for s in shots],
    }
    return rows, cameras


def _surface_rows(item: TexturedMesh, settings: SurfaceSettings, rng: np.random.Generator) -> Rows:
    """The rows with the samples of the object's surface filled in; those of its views are zero."""
    rows = empty_rows(surface_layout(settings, 1))
    mesh = unit_mesh(item.mesh)
    if not mesh.areas().any():
        raise InputError(f"object {item.name!r} has no surface; leave it out")
    rows["points"], rows["inside"] = occupancy_samples(mesh, settings.counts, rng)
    rows["queries"], rows["displacements"] = displacement_samples(mesh, settings.counts, rng)
    rows["surface"], rows["surface_normals"] = surface_cloud(mesh, settings.counts.cloud, rng)
    return rows


def _shots(
    item: TexturedMesh, settings: SurfaceSettings, rng: np.random.Generator, complete: Complete | None
) -> list[Shot]:
    caster, hull, lighting = lit_object(item, settings.flat_lit, rng)
    return [take_shot(caster, hull, rng, settings.shots, lighting, complete) for _ in range(settings.views)]
