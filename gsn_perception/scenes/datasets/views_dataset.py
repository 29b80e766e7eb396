"""The training set: ray-cast views of many objects in memory-mapped arrays.

Format (one folder; O objects, V views, S pixels; read with ``np.load(path, mmap_mode="r")``):

* ``rgb.npy`` [O,V,S,S,3] uint8, over white; ``alpha.npy`` [O,V,S,S] uint8 coverage;
* ``depth.npy`` [O,V,S,S] float16: depth along the view's z over its ``scale`` (units of its normalised frame), at pixel
  centres, 0 = background;
* ``normals.npy`` [O,V,S,S,3] int8 (unit normals x 127, camera frame, turned to the camera), where asked for;
* ``points.npy`` [O,2048,3] float32: area-uniform surface samples, world metres;
* ``cameras.npz``: ``world_from_virtual`` [O,V,4,4] float32 metres; ``theta`` [O,V] and ``scale`` [O,V] float32;
  ``valid`` [O] bool (False: the object could not be built, its rows are empty);
* ``objects.json``: list of ``{"name", "shape", "extent" (3, metres), "error" (or null)}``;
* ``dataset.json``: ``{"format", "key", "size", "views", "objects", "complete"}``, ``complete`` written last.

Each view is the object-centred virtual camera: half-field 1.15 theta, centred principal point, square pixels
(:class:`~gsn_perception.geometry.ObjectView`). A point p of view v's normalised frame lies in the world at
``R_v s_v (p + e_z / (2 sin theta_v)) + eye_v`` with R_v, eye_v from ``world_from_virtual``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.datasets.building import build
from gsn_perception.scenes.datasets.building import content_key
from gsn_perception.scenes.datasets.store import FORMAT
from gsn_perception.scenes.datasets.store import POINTS
from gsn_perception.scenes.datasets.store import DatasetSettings
from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.datasets.store import array_layout
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sources import ObjectSource
from gsn_perception.scenes.sources import source_identity
from gsn_perception.scenes.views import ViewSampling
from gsn_perception.scenes.views import hull_vertices
from gsn_perception.scenes.views import sphere_view


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
    """Render the views of ``objects`` into ``out``, or what is missing of them.

    Args:
        objects: Objects, or picklable calls that make one each (``partial(random_object, seed)``, the result of
            :func:`~gsn_perception.scenes.loader.mesh_sources`).
        out: Folder of the dataset.
        views: Views per object.
        size: Pixels.
        seed: Of views, lights and surface samples.
        workers: Processes; 0 builds in this one.
        normals: Whether normals are stored.
        sampling: How views are drawn.
        progress: Whether a bar is shown.
        resume: Whether an interrupted build of the same settings and objects is continued and a complete one reused.

    Returns:
        ``out``.

    Raises:
        InputError: there are no objects, none of them can be built, or ``out`` is not writable.
    """
    if not objects:
        raise InputError("no objects for the dataset; give a folder of meshes or a number of procedural objects")
    sampling = sampling or ViewSampling()
    settings = DatasetSettings(views=views, size=size, seed=seed, normals=normals, sampling=sampling)
    V = views
    blank = {
        "world_from_virtual": np.broadcast_to(0.0, (V, 4, 4)),
        "theta": np.broadcast_to(0.0, V),
        "scale": np.broadcast_to(0.0, V),
    }
    header = {"format": FORMAT, "size": size, "views": views}
    key = content_key(FORMAT, settings, objects)
    store = DatasetStore(Path(out), array_layout(settings, len(objects)), blank, header, key)
    work = partial(_build_object, root=store.root, settings=settings)
    return build(store, objects, work, what="views", workers=workers, progress=progress, resume=resume)


def _build_object(source: ObjectSource, index: int, root: Path, settings: DatasetSettings) -> dict[str, Any]:
    """Render one object into its rows of the arrays; the record of it."""
    try:
        item = source if isinstance(source, TexturedMesh) else source()
    except InputError as error:
        return {"name": source_identity(source), "shape": "unknown", "extent": [0.0, 0.0, 0.0], "error": str(error)}
    rng = np.random.default_rng([settings.seed, index])
    lighting = Lighting.flat() if rng.random() < settings.flat_lit else Lighting.random(rng)
    caster, hull = RayCaster([item], threads=1), hull_vertices(item.mesh.vertices)
    rows = {n: np.zeros(shape[1:], dtype) for n, (shape, dtype) in array_layout(settings, 1).items()}
    cameras: dict[str, list[Any]] = {"world_from_virtual": [], "theta": [], "scale": []}
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
    for name, values in rows.items():
        array = np.lib.format.open_memmap(root / f"{name}.npy", mode="r+")
        array[index] = values
    return {"name": item.name, "shape": item.shape, "extent": item.extent.tolist(), "error": None, **cameras}
