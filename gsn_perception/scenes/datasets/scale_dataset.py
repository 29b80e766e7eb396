"""The dataset that trains the scale network: views of objects on a table with their splats (`gsn data --what scale`).

Format (one folder; O objects, V views, S pixels, K points; read with ``np.load(path, mmap_mode="r")``). Lengths are in
normalised units of the view with the true scale; nothing is in metres:

* ``rgb.npy`` [O,V,S,S,3] uint8 over white, ``alpha.npy`` [O,V,S,S] uint8: the upright crop;
* ``splat_depth.npy`` [O,V,S,S] float16: rendered depth of the splat over its opacity, minus the view's distance; 0 where
  the opacity is below 5 %; ``splat_alpha.npy`` [O,V,S,S] uint8: that opacity;
* ``lowest.npy`` [O,V,K,3] float16: opaque Gaussians nearest to the plane, in order, normalised frame;
* ``cameras.npz``: ``theta`` [O,V]; ``normal`` [O,V,3], ``height`` [O,V]: the plane in the crop's camera frame;
  ``opaque`` [O,V]: number of opaque Gaussians; ``surface`` [O,V]: scale by the visible side over the true scale;
  ``valid`` [O];
* ``objects.json``, ``dataset.json`` as those of views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.spatial import QhullError

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.datasets.building import build
from gsn_perception.scenes.datasets.building import content_key
from gsn_perception.scenes.datasets.scale_views import Infer
from gsn_perception.scenes.datasets.scale_views import ScaleShot
from gsn_perception.scenes.datasets.scale_views import ScaleViewSettings
from gsn_perception.scenes.datasets.scale_views import finished_shot
from gsn_perception.scenes.datasets.scale_views import frame_shot
from gsn_perception.scenes.datasets.scale_views import upright_crop
from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.datasets.store import Layout
from gsn_perception.scenes.datasets.store import Record
from gsn_perception.scenes.datasets.store import Rows
from gsn_perception.scenes.datasets.store import empty_rows
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes.stable_pose import random_settle
from gsn_perception.scenes.sources import ObjectSource
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.views import hull_vertices

FORMAT = 1
KIND = "scale"
LOWEST = 256
"""Stored points of a splat; 5 % of its Gaussians are fewer."""
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """Settings that determine a dataset's content, besides its objects.

    Attributes:
        views: Views per object.
        seed: Seed of tables, views and lights.
        shots: Settings of the views.
    """

    views: int = 12
    seed: int = 0
    shots: ScaleViewSettings = field(default_factory=ScaleViewSettings)


def scale_layout(settings: ScaleSettings, count: int) -> Layout:
    """Shape and dtype of each array of a dataset of ``count`` objects."""
    V, S = settings.views, settings.shots.size
    image = (count, V, S, S)
    return {
        "rgb": ((*image, 3), "uint8"),
        "alpha": (image, "uint8"),
        "splat_depth": (image, "float16"),
        "splat_alpha": (image, "uint8"),
        "lowest": ((count, V, LOWEST, 3), "float16"),
    }


def build_scale_dataset(
    objects: Sequence[ObjectSource],
    out: Path,
    infer: Infer,
    *,
    inferred_by: str,
    settings: ScaleSettings | None = None,
    workers: int = 2,
    progress: bool = True,
    resume: bool = True,
) -> Path:
    """Sample ``objects`` into ``out``; an interrupted build is continued.

    Args:
        objects: Objects, or picklable calls that each make one; each rests on z = 0.
        out: Folder of the dataset.
        infer: Picklable call that makes the splats of crops.
        inferred_by: Identity of that network, e.g. the checksum of its weights.
        settings: Views and seed.
        workers: Number of processes; 0 builds in this process.
        progress: Whether to show a progress bar.
        resume: Whether an interrupted build of the same settings and objects is continued and a complete one reused.

    Returns:
        ``out``.

    Raises:
        InputError: there are no objects, none of them can be built, or ``out`` is not writable.
    """
    settings = settings or ScaleSettings()
    V = settings.views
    columns = {"theta": (V,), "normal": (V, 3), "height": (V,), "opaque": (V,), "surface": (V,)}
    header = {"format": FORMAT, "kind": KIND, "views": V, "size": settings.shots.size, "inferred_by": inferred_by}
    key = content_key(FORMAT, settings, objects, KIND, inferred_by)
    store = DatasetStore(Path(out), scale_layout(settings, len(objects)), columns, header, key)
    sample = partial(_sample, settings=settings, infer=infer)
    return build(store, objects, sample, what="scale", workers=workers, progress=progress, resume=resume)


def _sample(item: TexturedMesh, index: int, settings: ScaleSettings, infer: Infer) -> tuple[Rows, Record]:
    """The views of one object: its rows of the arrays and its columns of ``cameras.npz``."""
    rng = np.random.default_rng([settings.seed, index])
    laid = round(settings.shots.settled * settings.views)
    shots = _shots(item, settings.views - laid, rng, settings.shots, infer)
    shots += _shots(_settled(item, rng), laid, rng, settings.shots, infer)
    rows = empty_rows(scale_layout(settings, 1))
    for v, shot in enumerate(shots):
        covered = shot.seen.alpha > 0.05
        depth = np.where(covered, shot.seen.depth / np.maximum(shot.seen.alpha, 0.05) - shot.crop.view.distance, 0)
        rows["rgb"][v] = np.round(shot.crop.rgb * 255)
        rows["alpha"][v] = np.round(shot.crop.alpha * 255)
        rows["splat_depth"][v] = np.clip(depth, -2, 2)
        rows["splat_alpha"][v] = np.round(np.clip(shot.seen.alpha, 0, 1) * 255)
        rows["lowest"][v] = shot.lowest
    cameras = {
        "theta": [s.crop.view.theta for s in shots],
        "normal": [s.plane.normal.tolist() for s in shots],
        "height": [s.plane.offset for s in shots],
        "opaque": [float(s.opaque) for s in shots],
        "surface": [s.surface for s in shots],
    }
    return rows, cameras


def _shots(
    item: TexturedMesh, count: int, rng: np.random.Generator, settings: ScaleViewSettings, infer: Infer
) -> list[ScaleShot]:
    """Views of the object in its pose on one table.

    Raises:
        InputError: several views in a row can't be used.
    """
    if count == 0:
        return []
    hull = hull_vertices(item.mesh.vertices)
    caster = RayCaster([PlacedObject(item, np.eye(4), 1), PlacedObject(random_table(rng), np.eye(4), 0)], threads=1)
    lighting = Lighting.random(rng)
    shots: list[ScaleShot] = []
    failed = 0
    while len(shots) < count:
        try:
            observation, plane, centre = frame_shot(caster, hull, rng, settings, lighting)
            crop = upright_crop(observation, plane, rng, settings)
            (splat,) = infer([replace(crop, depth=None)])
            shots.append(finished_shot(crop, splat, plane, centre, LOWEST))
            failed = 0
        except InputError:
            failed += 1
            if failed == _ATTEMPTS:
                raise
    return shots


def _settled(item: TexturedMesh, rng: np.random.Generator) -> TexturedMesh:
    """The object in another stable pose on z = 0; in its own where none can be computed."""
    try:
        turn = random_settle(item.mesh, rng)
    except QhullError:
        return item
    return item.transform(make_transform(turn, np.zeros(3))).recentred()
