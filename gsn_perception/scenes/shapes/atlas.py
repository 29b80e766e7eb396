"""Texture atlases and coordinates: bands along a loft, a wrap around z, six sides of a cube, vertex colours."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textures import product_print
from gsn_perception.scenes.looks.textures import random_color
from gsn_perception.scenes.looks.textures import random_pattern
from gsn_perception.scenes.looks.textures import to_bytes

CELL = 128
"""Side in texels of one cell of a cube atlas."""

_SWATCHES = 8  # solid colours along the top eighth of a wrapped atlas


def banded_texture(rng: np.random.Generator, marks: list[float], styles: list[str], size: int = 256) -> np.ndarray:
    """[size,size,3] uint8 texture for a loft: one horizontal band per part.

    Args:
        rng: Random generator.
        marks: Increasing v (0 at the bottom, 1 at the top) of the borders between bands; one fewer than styles.
        styles: Per band, from the bottom: a kind of ``random_pattern``, "print" or "any"; equal names share one pattern.
        size: Rows and columns.
    """
    image = np.zeros((size, size, 3))
    edges = [0, *(round(m * size) for m in marks), size]
    shared: dict[str, np.ndarray] = {}
    for style, low, high in zip(styles, edges[:-1], edges[1:], strict=True):
        if style == "print":
            band = product_print(rng, max(high - low, 2), size)[: high - low]
        else:
            kind = None if style.startswith("any") else style.split(":")[0]
            if style not in shared:
                shared[style] = random_pattern(rng, size, size, kind)
            band = shared[style][size - high : size - low]
        image[size - high : size - low] = band
    return to_bytes(image)


def wrapped_texture(rng: np.random.Generator, style: str, swatches: int, size: int = 256) -> np.ndarray:
    """[size,size,3] uint8: a wrapping print below, solid colours (swatches) of the other parts in the top eighth."""
    strip = size // _SWATCHES
    image = np.zeros((size, size, 3))
    for i in range(min(swatches, _SWATCHES)):
        image[:strip, i * strip : (i + 1) * strip] = random_color(rng)
    body = (
        product_print(rng, size - strip, size)
        if style == "print"
        else random_pattern(rng, size - strip, size, style or None)
    )
    image[strip:] = body
    return to_bytes(image)


def wrapped_uv(mesh: Mesh, part: np.ndarray) -> np.ndarray:
    """[F,3,2] texture coordinates into ``wrapped_texture``: part 0 around the z axis, part k > 0 the swatch k - 1.

    Args:
        mesh: Upright mesh about the z axis.
        part: [F] which part each face belongs to.
    """
    corners = mesh.triangles.astype(np.float64)  # [F, 3, 3]
    low, high = mesh.vertices[:, 2].min(), mesh.vertices[:, 2].max()
    u = np.arctan2(corners[..., 1], corners[..., 0]) / (2 * np.pi)
    u -= np.round(u - u[:, :1])  # unwrap across the seam; the texture repeats
    v = (corners[..., 2] - low) / max(high - low, 1e-9) * (1 - 1 / _SWATCHES - 0.01) + 0.005
    uv = np.stack([u, v], -1)
    swatch = part > 0
    uv[swatch, :, 0] = ((part[swatch] - 1) % _SWATCHES + 0.5)[:, None] / _SWATCHES
    uv[swatch, :, 1] = 1 - 0.5 / _SWATCHES
    return uv.astype(np.float32)


def cube_texture(rng: np.random.Generator, styles: list[str]) -> np.ndarray:
    """[2 CELL,3 CELL,3] uint8: cells for the sides +x -x +y over -y +z -z; equal styles but "print" share one image."""
    shared: dict[str, np.ndarray] = {}
    cells = []
    for style in styles:
        if style == "print":
            cells.append(product_print(rng, CELL, CELL))
            continue
        if style not in shared:
            kind = None if style.startswith("any") else style.split(":")[0]
            shared[style] = random_pattern(rng, CELL, CELL, kind)
        cells.append(shared[style])
    return to_bytes(np.concatenate([np.concatenate(cells[:3], axis=1), np.concatenate(cells[3:], axis=1)]))


def cube_uv(mesh: Mesh) -> np.ndarray:
    """[F,3,2] texture coordinates into ``cube_texture``: every face is projected along its main axis, prints are upright."""
    normals = mesh.face_normals()
    axis = np.abs(normals).argmax(axis=1)
    sign = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] >= 0
    low, size = mesh.vertices.min(axis=0), np.ptp(mesh.vertices, axis=0)
    q = (mesh.triangles - low) / np.maximum(size, 1e-9)  # [F, 3, 3] in [0, 1]
    across = np.where((axis == 0)[:, None], q[..., 1], q[..., 0])
    upward = np.where((axis == 2)[:, None], q[..., 1], q[..., 2])
    mirrored = np.where(axis == 1, sign, ~sign)  # viewed from outside, left and right are swapped on these sides
    across = np.where(mirrored[:, None], 1 - across, across)
    cell = axis * 2 + ~sign
    margin = 1.0 / CELL
    u = (cell % 3)[:, None] / 3 + (margin + (1 - 2 * margin) * across) / 3
    v = np.where(cell < 3, 0.5, 0.0)[:, None] + (margin + (1 - 2 * margin) * upward) / 2
    return np.stack([u, v], -1).astype(np.float32)


def solid_noise(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """[N] smooth noise in [-1, 1] at points [N,3] of about unit size: a sum of plane waves."""
    waves = rng.normal(0, 1, (8, 3)) * rng.uniform(2, 14, (8, 1))
    return np.sin(points @ waves.T + rng.uniform(0, 2 * np.pi, 8)).mean(axis=1) * 1.6


def vertex_colors(rng: np.random.Generator, vertices: np.ndarray, part: np.ndarray) -> np.ndarray:
    """[V,3] vertex colours: each part is plain, mottled, striped or graded.

    Args:
        rng: Random generator.
        vertices: [V,3] about unit size.
        part: [V] which part each vertex belongs to.
    """
    out = np.zeros((len(vertices), 3))
    for name in range(int(part.max()) + 1):
        a, b = random_color(rng), random_color(rng)
        kind = rng.choice(4, p=[0.5, 0.2, 0.15, 0.15])
        noise = solid_noise(rng, vertices)
        axis = vertices[:, rng.integers(3)]
        if kind == 0:
            mix, b = 0.12 * noise, a * 0.6
        elif kind == 1:
            mix = np.clip(0.5 + noise, 0, 1)
        elif kind == 2:
            mix = np.clip(0.5 + 4 * np.sin(axis * rng.uniform(8, 25)), 0, 1)
        else:
            mix = (axis - axis.min()) / max(np.ptp(axis), 1e-9)
        out = np.where((part == name)[:, None], a + (b - a) * mix[:, None], out)
    return np.clip(out, 0, 1).astype(np.float32)
