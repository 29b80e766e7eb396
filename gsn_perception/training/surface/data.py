"""Reads datasets of sampled surfaces made by `gsn data --what surface` (format: scenes/datasets/surface_dataset.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsn_perception.training.dataset_folder import DatasetFolder


class SurfaceDataset(DatasetFolder):
    """A folder of sampled surfaces, memory mapped.

    Attributes:
        unit_from_normalised: [O,V,4,4] float64 similarity from each view's normalised frame to the object's unit frame.
        theta: [O,V] half-angles of the views' cones, radians.
        half: [O,3] half sides of the objects' boxes in the unit frame.
        completed_by: Checksum of the network that completed the clouds, or empty.
        key: Hash of the content.

    Raises:
        InputError: the folder holds no complete dataset of surfaces.
    """

    kind = "surface"
    array_names = (
        "points", "inside", "queries", "displacements", "surface", "clouds", "observed", "rgb", "alpha", "depth",
    )  # fmt: skip
    column_names = ("unit_from_normalised", "theta")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.unit_from_normalised, self.theta = (self.columns[n] for n in self.column_names)
        self.half = 0.5 * self.extents / self.extents.max(axis=1, keepdims=True)
        self.completed_by = str(self.header.get("completed_by", ""))
        self.key = str(self.header["key"])

    @property
    def views(self) -> int:
        """Views per object."""
        return int(self.arrays["clouds"].shape[1])

    def row(self, name: str, index: int) -> np.ndarray:
        """The row of one object in an array (see the format), memory mapped."""
        return self.arrays[name][self.rows[index]]

    def views_of(self, name: str, objects: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Entries [B,...] of a per-view array for objects [B] and views [B], in memory."""
        return self.arrays[name][self.rows[objects], views]
