"""Procedural box-like objects: cartons, books, trays, keyboards, profiles."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes.atlas import cube_texture
from gsn_perception.scenes.shapes.atlas import cube_uv
from gsn_perception.scenes.shapes.loft import extrude
from gsn_perception.scenes.shapes.loft import loft
from gsn_perception.scenes.shapes.loft import relief
from gsn_perception.scenes.shapes.loft import rounded_rectangle


def rounded_block(half_x: float, half_y: float, height: float, corner: float, bevel: float) -> Mesh:
    """A box with rounded upright edges and bevelled or rounded rims."""
    angle = np.linspace(0, np.pi / 2, 2 if bevel < 0.03 * height else 5)
    inset = bevel * (1 - np.sin(angle))
    level = bevel * (1 - np.cos(angle))
    steps = [*zip(inset, level, strict=True), *zip(inset[::-1], height - level[::-1], strict=True)]
    return loft(_rectangles(half_x, half_y, corner, steps))[0]


def _rectangles(half_x: float, half_y: float, corner: float, steps: list[tuple[float, float]]) -> np.ndarray:
    """[P,n,3] rounded rectangles, each with an inset and a height."""
    rings = []
    for inset, z in steps:
        ring = rounded_rectangle(half_x - inset, half_y - inset, corner - inset)
        rings.append(np.column_stack([ring, np.full(len(ring), z)]))
    return np.stack(rings)


def _cubed(name: str, mesh: Mesh, rng: np.random.Generator, styles: list[str]) -> TexturedMesh:
    return TexturedMesh(name, mesh, cube_uv(mesh), cube_texture(rng, styles))


def carton(rng: np.random.Generator) -> TexturedMesh:
    """A carton of any proportions with prints on some sides."""
    x, y, z = rng.uniform(0.15, 1.0, 3) if rng.uniform() < 0.7 else rng.uniform([0.4, 0.3, 0.06], [1.0, 0.9, 0.3])
    bevel = 0.004 if rng.uniform() < 0.8 else rng.uniform(0.01, 0.05) * min(x, y, z)
    mesh = rounded_block(x / 2, y / 2, z, bevel, bevel)
    busy = rng.uniform() < 0.75
    styles = ["print" if busy and rng.uniform() < 0.8 else "any:side" for _ in range(6)]
    return _cubed("carton", mesh, rng, styles)


def rounded_box(rng: np.random.Generator) -> TexturedMesh:
    """Soap, a phone, a power bank, a lunch box: a block with clearly rounded edges."""
    x, y, z = rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.6)
    corner = rng.uniform(0.1, 1.0) * min(x, y) / 2
    mesh = rounded_block(x / 2, y / 2, z, corner, rng.uniform(0.05, 0.9) * min(corner, z / 2))
    styles = ["any:a"] * 4 + ["print" if rng.uniform() < 0.5 else "any:b", "any:a"]
    return _cubed("rounded_box", mesh, rng, styles)


def milk_carton(rng: np.random.Generator) -> TexturedMesh:
    """A carton with a gable top and its upright fin."""
    half, tall = rng.uniform(0.18, 0.28), rng.uniform(0.5, 0.8)
    gable, fin = rng.uniform(0.12, 0.22), rng.uniform(0.05, 0.1)
    deep = half * rng.uniform(0.8, 1.2)
    steps = [(half, deep, 0.0), (half, deep, tall), (half, 0.012, tall + gable), (half, 0.01, tall + gable + fin)]
    rings = [np.column_stack([rounded_rectangle(a, b, 0.002, 2), np.full(8, z)]) for a, b, z in steps]
    return _cubed("milk_carton", loft(np.stack(rings))[0], rng, ["print"] * 4 + ["any:a", "any:a"])


def book(rng: np.random.Generator) -> TexturedMesh:
    """A hardcover book: two boards and a spine that project beyond the pages."""
    x, y, z = rng.uniform(0.5, 0.8), rng.uniform(0.7, 1.0), rng.uniform(0.06, 0.25)
    board, inset = rng.uniform(0.012, 0.03), rng.uniform(0.015, 0.04)
    outline = [(0, 0), (x, 0), (x, board), (x - inset, board), (x - inset, z - board), (x, z - board), (x, z), (0, z)]
    mesh = extrude(np.array(outline), y)
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # the outline's second axis becomes up
    mesh = Mesh(mesh.vertices @ turn.T, mesh.faces)
    return _cubed("book", mesh, rng, ["plain:pages", "print", "any:pages", "any:pages", "print", "print"])


def tray(rng: np.random.Generator) -> TexturedMesh:
    """A tray, drawer, casserole or crate: rectangular to round corners, walls of even thickness, perhaps flared."""
    x, y, depth = rng.uniform(0.35, 0.5), rng.uniform(0.2, 0.5), rng.uniform(0.06, 0.6)
    thick, flare = rng.uniform(0.015, 0.05), rng.uniform(0, 0.3) * min(depth, 0.35)
    corner = rng.uniform(0.02, 1.0) ** 2 * min(x, y)
    lip = rng.uniform(0.02, 0.06) if rng.uniform() < 0.4 else 0.0
    floor = min(thick * rng.uniform(1.0, 1.6), 0.35 * depth)
    steps = [(flare + 0.01, 0.0), (flare, 0.01)]
    if lip:
        steps += [(0.0, depth - 0.02), (-lip, depth - 0.018), (-lip, depth)]
    else:
        steps += [(0.0, depth)]
    steps += [(thick, depth), (thick + flare * (1 - floor / depth), floor)]
    mesh = loft(_rectangles(x, y, max(corner, flare + thick + 0.02), steps))[0]
    side = "print" if rng.uniform() < 0.4 else "any:a"
    return _cubed("tray", mesh, rng, [side, side, side, side, "any:b" if rng.uniform() < 0.5 else "any:a", "any:a"])


def keyboard(rng: np.random.Generator) -> TexturedMesh:
    """A flat device: a slab with rows of keys, studs or hollows."""
    columns, rows = int(rng.integers(3, 13)), int(rng.integers(2, 6))
    per = max(3, min(7, int(80 / columns), int(40 / rows)))
    nx, ny = columns * per + 3, rows * per + 3
    slab, step = rng.uniform(0.05, 0.2), rng.uniform(0.02, 0.06) * rng.choice([-1, 1], p=[0.3, 0.7])
    heights = np.full((nx, ny), slab)
    gap = 1 if per < 6 else 2
    for i in range(columns):
        for j in range(rows):
            if rng.uniform() < 0.95:
                a, b = 2 + i * per, 2 + j * per
                heights[a : a + per - gap, b : b + per - gap] += step
    aspect = np.clip(rows / columns * rng.uniform(0.8, 1.4), 0.2, 1.0)
    return _cubed("keyboard", relief(heights, 1.0, float(aspect)), rng, ["any:a"] * 4 + ["print", "plain:b"])


def profile(rng: np.random.Generator) -> TexturedMesh:
    """A bar of L, T, U, H, Z or plus cross-section; lying, or standing when short."""
    outline = _section(
        str(rng.choice(["L", "T", "U", "H", "Z", "plus"])), rng.uniform(0.6, 1.0), rng.uniform(0.08, 0.3)
    )
    mesh = extrude(outline, rng.uniform(0.2, 1.6))
    if rng.uniform() < 0.6:  # lay the bar down
        mesh = Mesh(mesh.vertices @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T, mesh.faces)
    styles = ["any:a"] * 6 if rng.uniform() < 0.6 else ["any:a", "any:a", "any:b", "any:b", "print", "any:c"]
    return _cubed("profile", mesh, rng, styles)


def _section(kind: str, w: float, t: float) -> np.ndarray:
    """[P,2] the outline of a cross-section of width w, height 1 and flange thickness t, counter-clockwise."""
    a, b, m = 0.5 * w - 0.5 * t, 0.5 * w + 0.5 * t, 1 - t
    n, o, r = 0.5 - t / 2, 0.5 + t / 2, w - t
    outlines = {
        "L": [(0, 0), (w, 0), (w, t), (t, t), (t, 1), (0, 1)],
        "T": [(a, 0), (b, 0), (b, m), (w, m), (w, 1), (0, 1), (0, m), (a, m)],
        "U": [(0, 0), (w, 0), (w, 1), (r, 1), (r, t), (t, t), (t, 1), (0, 1)],
        "H": [(0, 0), (t, 0), (t, n), (r, n), (r, 0), (w, 0), (w, 1), (r, 1), (r, o), (t, o), (t, 1), (0, 1)],
        "Z": [(0, 0), (b, 0), (b, m), (w, m), (w, 1), (a, 1), (a, t), (0, t)],
        "plus": [(a, 0), (b, 0), (b, n), (w, n), (w, o), (b, o), (b, 1), (a, 1), (a, o), (0, o), (0, n), (a, n)],
    }
    return np.array(outlines[kind])
