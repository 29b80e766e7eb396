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

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.scenes.lighting import Lighting
from gsn_perception.scenes.raycast import RayCaster
from gsn_perception.scenes.sampling import sample_surface
from gsn_perception.scenes.textured_mesh import TexturedMesh
from gsn_perception.scenes.views import ViewSampling
from gsn_perception.scenes.views import hull_vertices
from gsn_perception.scenes.views import sphere_view

FORMAT = 1
POINTS = 2048
ObjectSource = TexturedMesh | Callable[[], TexturedMesh]


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """What decides a dataset's content besides its objects.

    Attributes:
        views: Views per object.
        size: Pixels.
        seed: Of views, lights and surface samples.
        flat_lit: Part of the objects that show their albedo as it is; the others have one random lamp each.
        supersample: Samples per pixel and axis.
        normals: Whether normals are stored.
        sampling: How views are drawn.
    """

    views: int = 24
    size: int = 128
    seed: int = 0
    flat_lit: float = 1 / 3
    supersample: int = 2
    normals: bool = False
    sampling: ViewSampling = field(default_factory=ViewSampling)


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
    store = _Store(Path(out), settings, len(objects), _key(settings, objects))
    todo = store.open(resume=resume)
    results = _results(objects, todo, store.root, settings, workers)
    for index, record in tqdm(results, total=len(todo), desc=f"views {store.root.name}", disable=not progress):
        store.record(index, record)
    if todo or not store.complete:
        store.finish()
    return store.root


class _Store:
    """The folder: arrays of fixed size, one small record per finished object, a header that is completed last."""

    def __init__(self, root: Path, settings: DatasetSettings, count: int, key: str) -> None:
        self.root, self._settings, self._count, self._key = root, settings, count, key

    @property
    def complete(self) -> bool:
        """Whether the folder holds this very dataset, whole."""
        return bool(self._header().get("complete"))

    def open(self, *, resume: bool) -> list[int]:
        """Make or reopen the arrays; the indices of the objects that are still missing."""
        header = self._header()
        if resume and header:
            if header["complete"]:
                return []
            done = {int(p.stem) for p in self._records.glob("*.json")}
            return [i for i in range(self._count) if i not in done]
        try:
            self._create()
        except OSError as error:
            raise InputError(
                f"cannot write the dataset to {self.root}: {error.strerror}; choose another folder"
            ) from None
        return list(range(self._count))

    def record(self, index: int, record: dict[str, Any]) -> None:
        """Note that an object is done (or why it could not be built)."""
        temporary = self._records / f"{index}.tmp"
        temporary.write_text(json.dumps(record))
        temporary.replace(self._records / f"{index}.json")

    def finish(self) -> None:
        """Write ``cameras.npz`` and ``objects.json``, then mark the dataset complete."""
        records = [json.loads((self._records / f"{i}.json").read_text()) for i in range(self._count)]
        valid = np.array([r["error"] is None for r in records])
        if not valid.any():
            raise InputError(f"no object of the dataset could be built; the first one: {records[0]['error']}")
        V = self._settings.views
        blank = {"world_from_virtual": np.zeros((V, 4, 4)), "theta": np.zeros(V), "scale": np.zeros(V)}
        columns = {k: np.array([r.get(k, b) for r in records], dtype=np.float32) for k, b in blank.items()}
        np.savez(self.root / "cameras.npz", valid=valid, **columns)
        listed = [{k: r[k] for k in ("name", "shape", "extent", "error")} for r in records]
        (self.root / "objects.json").write_text(json.dumps(listed, indent=1))
        self._write_header(complete=True)
        for path in self._records.iterdir():
            path.unlink()
        self._records.rmdir()

    @property
    def _records(self) -> Path:
        return self.root / "records"

    def _header(self) -> dict[str, Any]:
        """The header, {} where it is missing, damaged or another dataset's."""
        try:
            header = json.loads((self.root / "dataset.json").read_text())
        except (OSError, ValueError):
            return {}
        return header if header.get("key") == self._key else {}

    def _write_header(self, *, complete: bool) -> None:
        s = self._settings
        header = {"format": FORMAT, "key": self._key, "size": s.size, "views": s.views, "objects": self._count}
        temporary = self.root / "dataset.tmp"
        temporary.write_text(json.dumps({**header, "complete": complete}))
        temporary.replace(self.root / "dataset.json")

    def _create(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "dataset.json").unlink(missing_ok=True)
        self._records.mkdir(exist_ok=True)
        for path in self._records.iterdir():
            path.unlink()
        for name, (shape, dtype) in array_layout(self._settings, self._count).items():
            np.lib.format.open_memmap(self.root / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
        self._write_header(complete=False)


def array_layout(settings: DatasetSettings, count: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of each memory-mapped array of a dataset of ``count`` objects."""
    image = (count, settings.views, settings.size, settings.size)
    layout: dict[str, tuple[tuple[int, ...], str]] = {
        "rgb": ((*image, 3), "uint8"),
        "alpha": (image, "uint8"),
        "depth": (image, "float16"),
        "points": ((count, POINTS, 3), "float32"),
    }
    if settings.normals:
        layout["normals"] = ((*image, 3), "int8")
    return layout


def _results(
    objects: Sequence[ObjectSource], todo: list[int], root: Path, settings: DatasetSettings, workers: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(index, record) of each object as it is done."""
    if workers == 0 or len(todo) < 2:
        for index in todo:
            yield index, _build_object(objects[index], index, root, settings)
        return
    context = multiprocessing.get_context("spawn")
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context) as pool:
            waiting = {pool.submit(_build_object, objects[i], i, root, settings): i for i in todo}
            try:
                for future in as_completed(waiting):
                    yield waiting[future], future.result()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads


def _build_object(source: ObjectSource, index: int, root: Path, settings: DatasetSettings) -> dict[str, Any]:
    """Render one object into its rows of the arrays; the record of it."""
    try:
        item = source if isinstance(source, TexturedMesh) else source()
    except InputError as error:
        return {"name": _identity(source), "shape": "unknown", "extent": [0.0, 0.0, 0.0], "error": str(error)}
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
        array.flush()
    return {"name": item.name, "shape": item.shape, "extent": item.extent.tolist(), "error": None, **cameras}


def _key(settings: DatasetSettings, objects: Sequence[ObjectSource]) -> str:
    """A hash of everything that decides the content."""
    text = json.dumps([FORMAT, asdict(settings), [_identity(o) for o in objects]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _identity(source: ObjectSource) -> str:
    """What tells one source from another: name and geometry, or the call with its arguments."""
    if isinstance(source, TexturedMesh):
        digest = hashlib.sha256(source.mesh.vertices.tobytes() + source.mesh.faces.tobytes())
        digest.update(b"" if source.texture is None else source.texture.tobytes())
        return f"{source.name}:{digest.hexdigest()[:16]}"
    if isinstance(source, partial):
        args = [_argument(a) for a in source.args] + [f"{k}={v}" for k, v in sorted(source.keywords.items())]
        return f"{source.func.__module__}.{source.func.__qualname__}({', '.join(args)})"
    return f"{source.__module__}.{source.__qualname__}"


def _argument(value: Any) -> str:
    """An argument as text; of a file its last names and size, so that a moved folder stays the same dataset."""
    if isinstance(value, Path):
        size = value.stat().st_size if value.is_file() else -1
        return "/".join([*value.parts[-2:], str(size)])
    return repr(value)
