"""A table top with a procedural texture."""

from __future__ import annotations

import cv2
import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh


def random_table(rng: np.random.Generator, *, side: float = 3.0, tile: float = 0.75) -> TexturedMesh:
    """A square table top at z = 0, centred, textured with planks, cloth, stone or tiles.

    Args:
        rng: Random generator.
        side: Metres.
        tile: Metres after which the texture repeats.
    """
    h = side / 2
    corners = np.array([[-h, -h, 0], [h, -h, 0], [h, h, 0], [-h, h, 0]], dtype=np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = (corners[:, :2] / tile)[faces]
    return TexturedMesh("table", Mesh(corners, faces), uv, table_texture(rng))


def table_texture(rng: np.random.Generator, size: int = 512) -> np.ndarray:
    """[size,size,3] uint8, repeating without a seam."""
    pattern = rng.choice(["planks", "cloth", "stone", "tiles"])
    hue = np.array([rng.uniform(0.45, 0.95), rng.uniform(0.4, 0.85), rng.uniform(0.3, 0.8)])
    color = np.sort(hue)[::-1] if pattern == "planks" else hue.mean() + 0.35 * (hue - hue.mean())
    grain = {"planks": (2, 64), "cloth": (128, 128), "stone": (12, 12), "tiles": (24, 24)}[str(pattern)]
    brightness = 1 + rng.uniform(0.04, 0.12) * _noise(rng, size, grain)
    brightness += 0.02 * _noise(rng, size, (96, 96))
    rows, columns = np.mgrid[:size, :size]
    if pattern == "planks":
        board = rows * 6 // size
        brightness += 0.06 * rng.standard_normal(6)[board]
        brightness[rows % (size // 6) < 2] *= 0.7
    elif pattern == "cloth":
        count = int(rng.choice([4, 8, 16]))
        stripes = np.sin(2 * np.pi * count * columns / size) + np.sin(2 * np.pi * count * rows / size)
        brightness += 0.08 * np.sign(stripes)
    elif pattern == "tiles":
        cell = size // 4
        brightness[(rows % cell < 5) | (columns % cell < 5)] *= 0.75
    return np.clip(255 * brightness[..., None] * color, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, size: int, cells: tuple[int, int]) -> np.ndarray:
    """[size,size] smooth periodic noise of unit variance; ``cells`` is the number of knots along x and y."""
    across, down = cells
    knots = np.pad(rng.standard_normal((down, across)), 2, mode="wrap").astype(np.float32)
    scale = (size / across, size / down)
    full = cv2.resize(knots, None, fx=scale[0], fy=scale[1], interpolation=cv2.INTER_CUBIC)
    top, left = round(2 * scale[1]), round(2 * scale[0])
    return full[top : top + size, left : left + size]
