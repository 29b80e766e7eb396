"""Reads datasets of views on a table made by `gsn data --what scale` (format: scenes/datasets/scale_dataset.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsn_perception.training.dataset_folder import DatasetFolder


class ScaleDataset(DatasetFolder):
    """A folder of views on a table with their splats, memory mapped.

    Attributes:
        theta: [O,V] half-angles of the views' cones, radians.
        normal: [O,V,3] normals of the table in the crops' camera frames.
        height: [O,V] height of the camera above it, true normalised units.
        opaque: [O,V] number of opaque Gaussians.
        surface: [O,V] scale by the visible side over the true scale.

    Raises:
        InputError: the folder holds no complete dataset of scales.
    """

    kind = "scale"
    array_names = ("rgb", "alpha", "splat_depth", "splat_alpha", "lowest")
    column_names = ("theta", "normal", "height", "opaque", "surface")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.theta, self.normal, self.height, self.opaque, self.surface = (self.columns[n] for n in self.column_names)
        self.size = int(self.header["size"])

    @property
    def views(self) -> int:
        """Views per object."""
        return int(self.arrays["rgb"].shape[1])

    def of(self, name: str, objects: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Entries [B,...] of an array for objects [B] and views [B], in memory."""
        return self.arrays[name][self.rows[objects], views]
