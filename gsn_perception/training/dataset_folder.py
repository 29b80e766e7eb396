"""Reads what all dataset folders share: header, memory-mapped arrays, cameras and objects (scenes/datasets/store.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from typing import ClassVar

import numpy as np

from gsn_perception.geometry.errors import InputError

_NAMES = {
    "views": ("views", "gsn data"),
    "surface": ("surfaces", "gsn data --what surface"),
    "scale": ("scales", "gsn data --what scale"),
}


class DatasetFolder:
    """A complete dataset folder. Rows of objects that could not be built are left out.

    Attributes:
        folder: The folder.
        header: Content of ``dataset.json``.
        arrays: Memory-mapped arrays by name, with the rows of all objects.
        columns: Columns of ``cameras.npz`` by name, float64, with the rows of usable objects only.
        rows: [O] rows of usable objects in ``arrays``.
        names: [O] names of the objects.
        shapes: [O] box, mid, open or unknown.
        extents: [O,3] sides of the objects' boxes, metres.
        broken: Name and error of every object that could not be built.

    Raises:
        InputError: the folder holds no complete dataset of this kind.
    """

    kind: ClassVar[str]
    array_names: ClassVar[tuple[str, ...]]
    column_names: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder = Path(folder)
        try:
            self.header: dict[str, Any] = json.loads((folder / "dataset.json").read_text())
            kind = self.header.get("kind", "views")
            if kind != self.kind:
                raise ValueError(f"it is one of {_NAMES[kind][0]}" if kind in _NAMES else f"its kind is {kind!r}")
            if not self.header["complete"]:
                raise ValueError("its build was interrupted")
            self.arrays = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in self.array_names}
            with np.load(folder / "cameras.npz") as cameras:
                self.rows = np.flatnonzero(cameras["valid"])
                self.columns = {n: cameras[n][self.rows].astype(np.float64) for n in self.column_names}
            objects = json.loads((folder / "objects.json").read_text())
        except (OSError, ValueError, KeyError) as error:
            what, command = _NAMES[self.kind]
            raise InputError(
                f"{folder} holds no complete dataset of {what} ({error}); build it with `{command}`"
            ) from error
        self.names = [str(objects[i]["name"]) for i in self.rows]
        self.shapes = [str(objects[i]["shape"]) for i in self.rows]
        self.extents = np.array([objects[i]["extent"] for i in self.rows], dtype=np.float64)
        self.broken = [(str(o["name"]), str(o["error"])) for o in objects if o["error"]]

    def __len__(self) -> int:
        return len(self.names)
