"""Datasets built object by object over processes: interrupted builds go on, complete ones are reused."""

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
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gsn_perception.scenes.datasets.store import DatasetStore
from gsn_perception.scenes.sources import ObjectSource
from gsn_perception.scenes.sources import source_identity

Record = dict[str, Any]
Work = Callable[[ObjectSource, int], Record]


def build(
    store: DatasetStore,
    objects: Sequence[ObjectSource],
    work: Work,
    *,
    what: str,
    workers: int,
    progress: bool,
    resume: bool,
) -> Path:
    """Build what is missing of a dataset.

    Args:
        store: Its folder.
        objects: What it is made of.
        work: Writes one object's rows (source, index) and returns its record; picklable.
        what: Word of the progress bar.
        workers: Processes; 0 builds in this one.
        progress: Whether a bar is shown.
        resume: Whether an interrupted build is continued and a complete one reused.

    Returns:
        The folder.

    Raises:
        InputError: the folder is not writable, or no object can be built.
    """
    todo = store.open(resume=resume)
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


def _results(
    objects: Sequence[ObjectSource], todo: list[int], work: Work, workers: int
) -> Iterator[tuple[int, Record]]:
    """(index, record) of each object as it is done."""
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
