"""Reading the datasets made by `gsn data --what surface` (numpy memory maps only; format: scenes/datasets/surface_dataset.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gsn_perception.geometry.errors import InputError

_ARRAYS = ("points", "inside", "queries", "displacements", "surface", "clouds", "observed", "rgb", "alpha", "depth")


class SurfaceDataset:
    """A folder of sampled surfaces, memory mapped; rows of objects that could not be built are left out.

    Attributes:
        names: Of the objects.
        shapes: box, mid, open or unknown.
        unit_from_normalised: [O,V,4,4] float64 similarity from each view's normalised frame to the object's unit frame.
        theta: [O,V] half-angles of the views' cones, radians.
        half: [O,3] half sides of the objects' boxes in the unit frame.
        completed_by: Checksum of the network that completed the clouds, or empty.

    Raises:
        InputError: the folder holds no complete dataset of surfaces.
    """

    def __init__(self, folder: Path) -> None:
        folder = Path(folder)
        try:
            header = json.loads((folder / "dataset.json").read_text())
            if header.get("kind") != "surface":
                raise ValueError("it is one of views")
            if not header["complete"]:
                raise ValueError("its build was interrupted")
            self._arrays = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in _ARRAYS}
            with np.load(folder / "cameras.npz") as cameras:
                self._rows = np.flatnonzero(cameras["valid"])
                self.unit_from_normalised = cameras["unit_from_normalised"][self._rows].astype(np.float64)
                self.theta = cameras["theta"][self._rows].astype(np.float64)
            objects = json.loads((folder / "objects.json").read_text())
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder} holds no complete dataset of surfaces ({error}); build it with `gsn data --what surface`"
            ) from error
        self.folder = folder
        self.names = [str(objects[i]["name"]) for i in self._rows]
        self.shapes = [str(objects[i]["shape"]) for i in self._rows]
        extents = np.array([objects[i]["extent"] for i in self._rows], dtype=np.float64)
        self.half = 0.5 * extents / extents.max(axis=1, keepdims=True)
        self.completed_by = str(header.get("completed_by", ""))
        self.key = str(header["key"])
        self.broken = [(str(o["name"]), str(o["error"])) for o in objects if o["error"]]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def views(self) -> int:
        """Views per object."""
        return int(self._arrays["clouds"].shape[1])

    def rows(self, name: str, index: int) -> np.ndarray:
        """The rows of one object in an array (see the format), memory mapped."""
        return self._arrays[name][self._rows[index]]

    def views_of(self, name: str, objects: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Entries [B,...] of a per-view array for objects [B] and views [B], in memory."""
        return self._arrays[name][self._rows[objects], views]
