"""The folder of a dataset: memory-mapped arrays, one JSON record per finished object, and a header written last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError

Layout = dict[str, tuple[tuple[int, ...], str]]
"""Shape (objects first) and dtype of every array by name."""
Rows = dict[str, np.ndarray]
"""One object's row of every array by name."""
Record = dict[str, Any]
"""What is stored of one finished object: name, shape, extent, error, and its columns of ``cameras.npz``."""


def empty_rows(layout: Layout) -> Rows:
    """The rows of one object, all zero."""
    return {name: np.zeros(shape[1:], dtype) for name, (shape, dtype) in layout.items()}


class DatasetStore:
    """A dataset's folder while it is built or reused.

    Args:
        root: The folder.
        layout: The arrays.
        columns: Shape per object of every column of ``cameras.npz``; objects that could not be built get zeros.
        header: Entries of ``dataset.json`` besides key and completeness.
        key: Hash of everything that decides the content; a folder with another key is overwritten.
    """

    def __init__(
        self, root: Path, layout: Layout, columns: Mapping[str, tuple[int, ...]], header: Mapping[str, Any], key: str
    ) -> None:
        self.root, self._layout, self._columns, self._head, self._key = root, layout, columns, dict(header), key
        self._count = next(iter(layout.values()))[0][0]

    @property
    def complete(self) -> bool:
        """Whether the folder holds this dataset, completely built."""
        return bool(self._header().get("complete"))

    def open(self, *, resume: bool) -> list[int]:
        """Create or reopen the arrays; returns the indices of the objects that are still missing."""
        header = self._header()
        if resume and header:
            if header["complete"]:
                return []
            done = {int(p.stem) for p in self._records.glob("*.json")}
            return [i for i in range(self._count) if i not in done]
        try:
            self._check_space()
            self._create()
        except OSError as error:
            raise InputError(
                f"cannot write the dataset to {self.root}: {error.strerror}; choose another folder"
            ) from None
        return list(range(self._count))

    def record(self, index: int, record: Record) -> None:
        """Store the record of an object that was built, or that could not be built."""
        temporary = self._records / f"{index}.tmp"
        temporary.write_text(json.dumps(record))
        temporary.replace(self._records / f"{index}.json")

    def finish(self) -> None:
        """Write ``cameras.npz`` and ``objects.json``, then mark the dataset complete."""
        records = [json.loads((self._records / f"{i}.json").read_text()) for i in range(self._count)]
        valid = np.array([r["error"] is None for r in records])
        if not valid.any():
            raise InputError(f"no object of the dataset could be built; the first one: {records[0]['error']}")
        columns: dict[str, Any] = {
            name: np.array([r.get(name, np.zeros(shape)) for r in records], dtype=np.float32)
            for name, shape in self._columns.items()
        }
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
        """The header; {} where it is missing, damaged or of another dataset."""
        try:
            header = json.loads((self.root / "dataset.json").read_text())
        except (OSError, ValueError):
            return {}
        return header if header.get("key") == self._key else {}

    def _write_header(self, *, complete: bool) -> None:
        header = {**self._head, "key": self._key, "objects": self._count, "complete": complete}
        temporary = self.root / "dataset.tmp"
        temporary.write_text(json.dumps(header))
        temporary.replace(self.root / "dataset.json")

    def _check_space(self) -> None:
        """Arrays are sparse files at first: if the disk is full later, a write to the memory map kills the process."""
        self.root.mkdir(parents=True, exist_ok=True)
        layout = self._layout.values()
        needed = sum(int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize for shape, dtype in layout)
        free = shutil.disk_usage(self.root).free
        if needed > free:
            sizes = f"{needed / 1e9:.1f} GB but {self.root} has {free / 1e9:.1f} GB free"
            raise InputError(f"the dataset needs {sizes}; choose another disk or fewer views")

    def _create(self) -> None:
        (self.root / "dataset.json").unlink(missing_ok=True)
        self._records.mkdir(exist_ok=True)
        for path in self._records.iterdir():
            path.unlink()
        for name, (shape, dtype) in self._layout.items():
            np.lib.format.open_memmap(self.root / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
        self._write_header(complete=False)
