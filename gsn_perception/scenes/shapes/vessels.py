"""Procedural solids of revolution: bottles, jars, bowls, vases, plates, lids, cans; and mugs with handles."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes import sdf
from gsn_perception.scenes.shapes.atlas import banded_texture
from gsn_perception.scenes.shapes.atlas import wrapped_texture
from gsn_perception.scenes.shapes.atlas import wrapped_uv
from gsn_perception.scenes.shapes.loft import circle
from gsn_perception.scenes.shapes.loft import loft
from gsn_perception.scenes.shapes.marching import sdf_mesh

Profile = list[tuple[float, float]]
"""(radius, height) from the axis at the bottom to the axis at the top or inside; the points on the axis are omitted."""


def lathe(name: str, parts: list[Profile], styles: list[str], rng: np.random.Generator) -> TexturedMesh:
    """A solid of revolution; consecutive parts of the profile have their own styles."""
    profile = np.array([point for part in parts for point in part])
    rings = np.stack([np.column_stack([circle(r), np.full(48, z)]) for r, z in profile])
    mesh, uv = loft(rings)
    reach = np.vstack([[0, profile[0, 1]], profile, [0, profile[-1, 1]]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(reach, axis=0), axis=1))])
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return TexturedMesh(name, mesh, uv, banded_texture(rng, [float(along[e] / along[-1]) for e in ends], styles))


def bottle(rng: np.random.Generator) -> TexturedMesh:
    """A filled bottle: body with a label, shoulder, neck and cap."""
    radius, body = rng.uniform(0.13, 0.3), rng.uniform(0.45, 0.75)
    neck, cap = radius * rng.uniform(0.25, 0.6), rng.uniform(0.05, 0.16)
    shoulder = rng.uniform(0.1, 0.25)
    waist = radius * rng.uniform(0.75, 1.0) if rng.uniform() < 0.3 else radius
    heights = np.linspace(0.03, body, 12)
    wall = PchipInterpolator([0.03, body / 2, body], [radius, waist, radius])(heights)
    rise = np.linspace(0, 1, 9)[1:]
    blend = 0.5 - 0.5 * np.cos(np.pi * rise) if rng.uniform() < 0.6 else rise**2
    low, high = sorted(rng.choice(np.arange(1, 11), 2, replace=False))
    top = body + shoulder + cap
    wide = neck * rng.uniform(1.02, 1.3)
    walls = list(zip(wall, heights, strict=True))
    neck_end = body + shoulder + rng.uniform(0.0, 0.08)
    shoulders = [(radius + (neck - radius) * b, body + shoulder * s) for b, s in zip(blend, rise, strict=True)]
    parts = [
        [(radius * 0.9, 0.0), *walls[: low + 1]],
        walls[low + 1 : high + 1],
        [*walls[high + 1 :], *shoulders, (neck, neck_end + 1e-3)],
        [(wide, neck_end + 2e-3), (wide, top + 0.03), (wide * 0.9, top + 0.04)],
    ]
    return lathe("bottle", parts, ["any:body", "print", "any:body", "any:cap"], rng)


def jar(rng: np.random.Generator) -> TexturedMesh:
    """A jar or tub with a screwed lid."""
    radius, height = rng.uniform(0.25, 0.5), rng.uniform(0.4, 0.9)
    lid, over = rng.uniform(0.08, 0.2), rng.uniform(0.85, 1.06)
    taper = rng.uniform(0.85, 1.15) if rng.uniform() < 0.4 else 1.0
    bevel = rng.uniform(0.01, 0.05)
    foot, head = radius * taper, radius * min(over, 1.0) * 0.98
    wide = radius * over
    parts: list[Profile] = [
        [(foot - bevel, 0.0), (foot, bevel), (foot + 0.1 * (radius - foot), height * 0.1)],
        [(radius + 0.1 * (foot - radius), height * 0.9)],
        [(radius, height - bevel), (head, height)],
        [(wide, height + 1e-3), (wide, height + lid - 0.02), (wide - 0.02, height + lid), (wide * 0.8, height + lid)],
    ]
    return lathe("jar", parts, ["any:body", "print", "any:body", "any:lid"], rng)


def can(rng: np.random.Generator) -> TexturedMesh:
    """A tin or drink can with recessed ends, or a plain tube or ball-like pot."""
    radius, height = rng.uniform(0.2, 0.5), rng.uniform(0.25, 1.0)
    rim, dent = rng.uniform(0.01, 0.03), rng.uniform(0.005, 0.03)
    parts: list[Profile] = [
        [(radius - 2 * rim, dent), (radius - 1.5 * rim, 0.0), (radius - rim / 2, 0.0), (radius, rim)],
        [(radius, height - rim)],
        [(radius - rim / 2, height), (radius - 1.5 * rim, height), (radius - 2 * rim, height - dent)],
    ]
    return lathe("can", parts, ["plain:metal", "print", "plain:metal"], rng)


def vase(rng: np.random.Generator) -> TexturedMesh:
    """A vase, goblet or lamp foot with a random smooth wall, hollow to a random depth."""
    knots = int(rng.integers(3, 6))
    heights = np.linspace(0.0, 1.0, knots)
    radii = rng.uniform(0.1, 0.4, knots)
    radii[0], radii[-1] = rng.uniform(0.15, 0.35), rng.uniform(0.12, 0.4)
    z = np.linspace(0, 1, 22)
    wall = PchipInterpolator(heights, radii)(z)
    thick, deep = rng.uniform(0.02, 0.05), rng.uniform(0.1, 0.9)
    down = z[z > deep][::-1]
    hollow = np.maximum(PchipInterpolator(heights, radii)(down) - thick, 0.02)
    cut = int(rng.integers(4, 18))
    outer = list(zip(wall, z, strict=True))
    inner = [(r, h) for r, h in zip(hollow, down, strict=True)]
    parts = [outer[:cut], outer[cut:], [*inner, (inner[-1][0] * 0.5, deep - 0.02)]]
    return lathe("vase", parts, ["any:a", rng.choice(["any:a", "any:b", "print"]), "plain:a"], rng)


def bowl(rng: np.random.Generator) -> TexturedMesh:
    """A bowl: round, conical or steep, on a small foot, with a wall of even thickness."""
    depth, thick = rng.uniform(0.2, 0.6), rng.uniform(0.015, 0.04)
    foot, power = rng.uniform(0.15, 0.35), rng.uniform(0.35, 1.0)
    return _dish(rng, "bowl", foot, 0.5, depth, power, thick)


def plate(rng: np.random.Generator) -> TexturedMesh:
    """A plate, saucer or pan without handle."""
    return _dish(rng, "plate", rng.uniform(0.25, 0.4), 0.5, rng.uniform(0.05, 0.15), rng.uniform(0.5, 2.0), 0.02)


def _dish(
    rng: np.random.Generator, name: str, foot: float, radius: float, depth: float, power: float, thick: float
) -> TexturedMesh:
    s = np.linspace(0, 1, 14)
    r, z = foot + (radius - foot) * s, depth * s ** (1 / power) if power < 1 else depth * s**power
    tangent = np.stack([np.gradient(r), np.gradient(z)], 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    inside = np.stack([r - thick * tangent[:, 1], z + thick * tangent[:, 0]], 1)[::-1]
    rim = (r[-1] - thick * 0.3 * tangent[-1, 1] + 0.3 * thick * tangent[-1, 0], z[-1] + 0.5 * thick)
    base = [(foot * 0.8, 0.02), (foot * 0.85, 0.0), (foot, 0.0)] if rng.uniform() < 0.5 else []
    lifted = 0.03 if base else 0.0
    outer = [(float(a), float(b) + lifted) for a, b in zip(r, z, strict=True)]
    inner = [(max(float(a), 0.03), float(b) + lifted) for a, b in inside]
    parts = [[*base, *outer], [(rim[0], rim[1] + lifted), *inner[:7]], inner[7:]]
    style = rng.choice(["any:a", "any:b", "print"], 2)
    return lathe(name, parts, ["any:a", str(style[0]), str(style[1])], rng)


def glass(rng: np.random.Generator) -> TexturedMesh:
    """A cup or tumbler without handle, straight or conical, with a real wall."""
    foot, radius, height = rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.42), rng.uniform(0.5, 1.0)
    thick, floor = rng.uniform(0.02, 0.05), rng.uniform(0.03, 0.1)
    slope = (radius - foot) / height
    parts: list[Profile] = [
        [(foot * 0.92, 0.0), (foot, 0.02)],
        [(radius - 0.15 * slope * height, height * 0.85), (radius, height)],
        [(radius - thick / 2, height + thick / 3), (radius - thick, height)],
        [(foot + slope * floor - thick, floor), (0.6 * foot, floor)],
    ]
    return lathe("glass", parts, ["any:a", "print" if rng.uniform() < 0.5 else "any:a", "any:b", "plain:in"], rng)


def lid(rng: np.random.Generator) -> TexturedMesh:
    """A pot lid or stopper: a dome with a knob, hollow below or flat."""
    dome, knob = rng.uniform(0.05, 0.2), rng.uniform(0.06, 0.14)
    neck, rise = knob * rng.uniform(0.4, 0.9), rng.uniform(0.06, 0.16)
    s = np.linspace(0, 1, 8)[:-1]
    top = [
        (0.5 * np.cos(a * np.pi / 2) + neck * (1 - np.cos(a * np.pi / 2)), 0.05 + dome * np.sin(a * np.pi / 2))
        for a in s
    ]
    z = 0.05 + dome
    under: Profile = [(0.3, 0.05 + 0.5 * dome), (0.46, 0.0), (0.5, 0.0)] if rng.uniform() < 0.6 else [(0.5, 0.0)]
    knobs = [(knob, z + rise * 0.5), (knob, z + rise * 0.85), (knob * 0.7, z + rise)]
    return lathe("lid", [[*under, *top], [(neck, z), (neck, z + rise * 0.3), *knobs]], ["any:a", "any:b"], rng)


def mug(rng: np.random.Generator) -> TexturedMesh:
    """A mug or pitcher: a hollow body with a handle, sometimes with a spout."""
    tall = rng.uniform(0.7, 1.6)
    foot, top = rng.uniform(0.34, 0.5), rng.uniform(0.38, 0.5)
    belly = max(foot, top) * rng.uniform(1.0, 1.3) if rng.uniform() < 0.4 else (foot + top) / 2
    thick = rng.uniform(0.045, 0.07)
    z = np.linspace(0, tall, 9)
    wall = PchipInterpolator([0, tall * 0.45, tall], [foot, belly, top])(z)
    outer = np.vstack([[0, 0], np.stack([wall, z], 1), [0, tall]])
    inner_z = np.linspace(1.5 * thick, tall + 0.2, 9)
    inner_wall = np.interp(inner_z, z, wall) - thick
    cavity = np.vstack([[0, inner_z[0]], np.stack([inner_wall, inner_z], 1), [0, inner_z[-1]]])
    path = _handle(rng, z, wall, tall)
    pipe = rng.uniform(0.045, 0.085)
    body, handle = sdf.revolved(outer), sdf.tube(path, pipe)
    solid = sdf.blend(0.06, body, handle)
    holes = [sdf.revolved(cavity)]
    if rng.uniform() < 0.3:  # a spout opposite the handle
        lip = sdf.capsule((-top * 0.8, 0.0, tall * 0.75), (-top * 1.35, 0.0, tall * 1.0), 0.14)
        solid = sdf.blend(0.05, solid, sdf.intersection(lip, sdf.box((0, 0, tall / 2), (9, 9, tall / 2))))
        holes.append(sdf.capsule((-top * 0.7, 0.0, tall * 0.85), (-top * 1.5, 0.0, tall * 1.15), 0.1))
    whole = sdf.difference(solid, *holes)
    reach = float(wall.max())
    low, high = [-top * 1.35 - 0.25, -reach - 0.1, -0.1], [float(path[:, 0].max()) + 0.15, reach + 0.1, tall + 0.1]
    mesh = sdf_mesh(whole, np.array(low), np.array(high), cells=84)
    center = mesh.triangles.mean(axis=1)
    inside = -holes[0](center) > -0.02
    part = np.where(inside, 1, np.where(handle(center) < body(center), 2, 0))
    style = "print" if rng.uniform() < 0.5 else ""
    return TexturedMesh("mug", mesh, wrapped_uv(mesh, part), wrapped_texture(rng, style, 2))


def _handle(rng: np.random.Generator, z: np.ndarray, wall: np.ndarray, tall: float) -> np.ndarray:
    """[P,3] an arc or a square grip from the wall's lower to its upper part, in the plane y = 0."""
    low, high = tall * rng.uniform(0.12, 0.35), tall * rng.uniform(0.65, 0.88)
    out = rng.uniform(0.22, 0.45)
    s = np.linspace(0, np.pi, 11)
    bulge = np.sin(s) if rng.uniform() < 0.7 else np.minimum(1.6 * np.sin(s), 1)
    height = low + (high - low) * (1 - np.cos(s)) / 2
    return np.stack([np.interp(height, z, wall) - 0.02 + out * bulge, 0 * s, height], 1)
