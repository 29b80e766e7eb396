"""The dataset that trains a GSN: ray-cast views of many objects in memory-mapped arrays (`gsn data`).

Format (one folder; O objects, V views, S pixels; read with ``np.load(path, mmap_mode="r")``):

* ``rgb.npy`` [O,V,S,S,3] uint8, over white; ``alpha.npy`` [O,V,S,S] uint8 coverage;
* ``depth.npy`` [O,V,S,S] float16: depth along the view's z over its ``scale`` (units of its normalised frame), at pixel
  centres, 0 = background;
* ``normals.npy`` [O,V,S,S,3] int8 (unit normals x 127, camera frame, towards the camera), optional;
* ``points.npy`` [O,2048,3] float32: area-uniform surface samples, world metres;
* ``cameras.npz``: ``world_from_virtual`` [O,V,4,4] float32 metres; ``theta`` [O,V] and ``scale`` [O,V] float32;
  ``valid`` [O] bool (False: the object could not be built, its rows are 0);
* ``objects.json``: list of ``{"name", "shape", "extent" (3, metres), "error" (or null)}``;
* ``dataset.json``: ``{"format", "key", "size", "views", "objects", "complete"}``, ``complete`` written last.

Each view is the object-centred virtual camera: half-field 1.15 theta, centred principal point, square pixels
(:class:`~gsn_perception.geometry.ObjectView`). A point p of view v's normalised frame lies in the world at
``R_v s_v (p + e_z / (2 sin theta_v)) + eye_v`` with R_v, eye_v from ``world_from_virtual``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from pathlib import Path

import numpy as np

from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.datasets.building import build
from gsn_perception.scenes.datasets.building import content_key
from gsn_perception.scenes.datasets.building import lit_object
from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.datasets.store import Layout
from gsn_perception.scenes.datasets.store import Record
from gsn_perception.scenes.datasets.store import Rows
from gsn_perception.scenes.datasets.store import empty_rows
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sources import ObjectSource
from gsn_perception.scenes.views import ViewSampling
from gsn_perception.scenes.views import sphere_view

FORMAT = 1
POINTS = 2048
"""Surface samples per object."""


@dataclass(frozen=True, slots=True)
class ViewsSettings:
    """Settings that determine a dataset's content, besides its objects.

    Attributes:
        views: Views per object.
        size: Pixels.
        seed: Seed of views, lights and surface samples.
        flat_lit: Share of objects rendered with flat light (the albedo); the others have one random lamp each.
        supersample: Samples per pixel and axis.
        normals: Whether normals are stored.
        sampling: Distribution of the views.
    """

    views: int = 24
    size: int = 128
    seed: int = 0
    flat_lit: float = 1 / 3
    supersample: int = 2
    normals: bool = False
    sampling: ViewSampling = field(default_factory=ViewSampling)


def views_layout(settings: ViewsSettings, count: int) -> Layout:
    """Shape and dtype of each memory-mapped array of a dataset of ``count`` objects."""
    image = (count, settings.views, settings.size, settings.size)
    layout: Layout = {
        "rgb": ((*image, 3), "uint8"),
        "alpha": (image, "uint8"),
        "depth": (image, "float16"),
        "points": ((count, POINTS, 3), "float32"),
    }
    if settings.normals:
        layout["normals"] = ((*image, 3), "int8")
    return layout


def build_dataset(
    objects: Sequence[ObjectSource],
    out: Path,
    *,
    views: int = 24,
    size: int = 128,
    seed: int = 0,
    workers: int = 2,
    normals: bool = False,
    sampling: ViewSampling | None = None,
    progress: bool = True,
    resume: bool = True,
) -> Path:
    """Render the views of ``objects`` into ``out``; an interrupted build is continued.

    Args:
        objects: Objects, or picklable calls that each make one (``partial(random_object, seed)``, the result of
            :func:`~gsn_perception.scenes.loader.mesh_sources`).
        out: Folder of the dataset.
        views: Views per object.
        size: Pixels.
        seed: Seed of views, lights and surface samples.
        workers: Number of processes; 0 builds in this process.
        normals: Whether to store normals.
        sampling: Distribution of the views.
        progress: Whether to show a progress bar.
        resume: Whether an interrupted build of the same settings and objects is continued and a complete one reused.

    Returns:
        ``out``.

    Raises:
        InputError: there are no objects, none of them can be built, or ``out`` is not writable.
    """
    sampling = sampling or ViewSampling()
    settings = ViewsSettings(views=views, size=size, seed=seed, normals=normals, sampling=sampling)
    columns = {"world_from_virtual": (views, 4, 4), "theta": (views,), "scale": (views,)}
    header = {"format": FORMAT, "size": size, "views": views}
    key = content_key(FORMAT, settings, objects)
    store = DatasetStore(Path(out), views_layout(settings, len(objects)), columns, header, key)
    sample = partial(_sample, settings=settings)
    return build(store, objects, sample, what="views", workers=workers, progress=progress, resume=resume)


def _sample(item: TexturedMesh, index: int, settings: ViewsSettings) -> tuple[Rows, Record]:
    """Render the views of one object: its rows of the arrays and its columns of ``cameras.npz``."""
    rng = np.random.default_rng([settings.seed, index])
    caster, hull, lighting = lit_object(item, settings.flat_lit, rng)
    rows = empty_rows(views_layout(settings, 1))
    cameras: Record = {"world_from_virtual": [], "theta": [], "scale": []}
    for v in range(settings.views):
        view = sphere_view(rng, hull, settings.size, settings.sampling)
        image = caster.render(view.camera, lighting=lighting, supersample=settings.supersample)
        rows["rgb"][v] = image.rgb
        rows["alpha"][v] = np.round(image.alpha * 255)
        rows["depth"][v] = np.nan_to_num(image.depth / view.scale)
        if settings.normals:
            rows["normals"][v] = np.round(image.normals * 127)
        cameras["world_from_virtual"].append(view.camera.world_from_camera.tolist())
        cameras["theta"].append(view.theta)
        cameras["scale"].append(view.scale)
    rows["points"][:], _ = sample_surface(item.mesh, POINTS, rng)
    return rows, cameras
