"""Builds a dataset object by object in worker processes; resumes interrupted builds and reuses complete ones."""

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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.datasets.store import Record
from gsn_perception.scenes.datasets.store import Rows
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sources import ObjectSource
from gsn_perception.scenes.sources import source_identity
from gsn_perception.scenes.views import hull_vertices

Sampler = Callable[[TexturedMesh, int], tuple[Rows, Record]]
"""From an object and its index to its rows of the arrays and its columns of ``cameras.npz``; picklable."""
Work = Callable[[ObjectSource, int], Record]


def build(
    store: DatasetStore,
    objects: Sequence[ObjectSource],
    sample: Sampler,
    *,
    what: str,
    workers: int,
    progress: bool,
    resume: bool,
) -> Path:
    """Build the objects that a dataset still lacks.

    Args:
        store: The folder of the dataset.
        objects: The objects, in the order of the arrays' rows.
        sample: Samples one object. An object for which it raises InputError is recorded as broken.
        what: Label of the progress bar.
        workers: Number of processes; 0 builds in this process.
        progress: Whether to show a progress bar.
        resume: Whether to continue an interrupted build and to reuse a complete one.

    Returns:
        The folder.

    Raises:
        InputError: there are no objects, the folder is not writable, or no object can be built.
    """
    if not objects:
        raise InputError("no objects for the dataset; give a folder of meshes or a number of procedural objects")
    todo = store.open(resume=resume)
    work = partial(_build_object, root=store.root, sample=sample)
    found = _results(objects, todo, work, workers)
    for index, record in tqdm(found, total=len(todo), desc=f"{what} {store.root.name}", disable=not progress):
        store.record(index, record)
    if todo or not store.complete:
        store.finish()
    return store.root


def content_key(format_number: int, settings: Any, objects: Sequence[ObjectSource], *more: str) -> str:
    """A hash of everything that decides the content: settings (a dataclass) and the objects' identities."""
    values: list[Any] = [format_number, asdict(settings), [source_identity(o) for o in objects], *more]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def lit_object(item: TexturedMesh, flat_lit: float, rng: np.random.Generator) -> tuple[RayCaster, np.ndarray, Lighting]:
    """A ray caster of one object, its hull vertices [N,3], and a light: flat with probability ``flat_lit``, else random."""
    lighting = Lighting.flat() if rng.random() < flat_lit else Lighting.random(rng)
    return RayCaster([item], threads=1), hull_vertices(item.mesh.vertices), lighting


def _build_object(source: ObjectSource, index: int, root: Path, sample: Sampler) -> Record:
    """Load and sample one object, write its rows of the arrays, and return its record."""
    try:
        item = source if isinstance(source, TexturedMesh) else source()
        rows, cameras = sample(item, index)
    except InputError as error:
        return {"name": source_identity(source), "shape": "unknown", "extent": [0.0, 0.0, 0.0], "error": str(error)}
    for name, values in rows.items():
        array = np.lib.format.open_memmap(root / f"{name}.npy", mode="r+")
        array[index] = values
    return {"name": item.name, "shape": item.shape, "extent": item.extent.tolist(), "error": None, **cameras}


def _results(
    objects: Sequence[ObjectSource], todo: list[int], work: Work, workers: int
) -> Iterator[tuple[int, Record]]:
    """(index, record) of each object, in the order in which they finish."""
    if workers == 0 or len(todo) < 2:
        for index in todo:
            yield index, work(objects[index], index)
        return
    context = multiprocessing.get_context("spawn")
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context) as pool:
            waiting = {pool.submit(work, objects[i], i): i for i in todo}
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
