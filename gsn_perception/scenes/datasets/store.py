"""The folder of a dataset: arrays of fixed size, one small record per finished object, a header completed last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.scenes.views import ViewSampling

FORMAT = 1
POINTS = 2048
Layout = dict[str, tuple[tuple[int, ...], str]]


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


def array_layout(settings: DatasetSettings, count: int) -> Layout:
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


class DatasetStore:
    """A dataset's folder while it is built or reused.

    Args:
        root: The folder.
        layout: Shape (objects first) and dtype of every array.
        blank: What ``cameras.npz`` holds in the row of an object that could not be built; its keys are the columns.
        header: What ``dataset.json`` says besides key and completeness.
        key: Hash of everything that decides the content; a folder with another key is overwritten.
    """

    def __init__(
        self, root: Path, layout: Layout, blank: Mapping[str, np.ndarray], header: Mapping[str, Any], key: str
    ) -> None:
        self.root, self._layout, self._blank, self._head, self._key = root, layout, blank, dict(header), key
        self._count = next(iter(layout.values()))[0][0]

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
            self._check_space()
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
        columns: dict[str, Any] = {
            k: np.array([r.get(k, b) for r in records], dtype=np.float32) for k, b in self._blank.items()
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
        """The header, {} where it is missing, damaged or another dataset's."""
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
        """The arrays are sparse at first: running out of disk later would kill the process without a word."""
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
