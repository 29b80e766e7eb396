"""Object augmentation: variants of given objects, stretched, tapered, bent, twisted, laid down, recoloured.

A few hundred scans have realistic textures but too few shapes. A variant keeps the texture of its scan on a new shape.
Every deformation is a smooth one-to-one map, so that a watertight mesh stays watertight.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.looks.textured_mesh import shape_class
from gsn_perception.scenes.shapes.stable_pose import random_settle
from gsn_perception.scenes.sources import ObjectSource

_STRETCH = 0.35  # standard deviation of the logarithm of the three stretches, at most _LIMIT of them
_LIMIT = 0.7
_ROUND = 0.5  # probability that both horizontal stretches are equal, so that round objects stay round
_CHANCES = {"taper": 0.25, "bend": 0.1, "twist": 0.1, "swell": 0.25}
_LAID_DOWN = 0.25
_REPAINTED = 0.6
_LUMA = np.array([0.299, 0.587, 0.114])


def variant(source: ObjectSource, seed: int) -> TexturedMesh:
    """A new object made from ``source``; the same arguments give the same object.

    Args:
        source: An object, or a call that makes one.
        seed: Any number >= 0; each gives another variant.

    Returns:
        An object that is watertight if the given one is, with the same longest side within 20 %, resting on z = 0.

    Raises:
        InputError: the source can't be made.
    """
    item = source if isinstance(source, TexturedMesh) else source()
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    points = deformed(item.mesh.vertices.astype(np.float64), rng)
    mesh = replace(item.mesh, vertices=points.astype(np.float32), normals=None)
    mesh = _posed(mesh, rng)
    size = np.ptp(item.mesh.vertices, axis=0).max() * rng.uniform(0.8, 1.2) / np.ptp(mesh.vertices, axis=0).max()
    mesh = replace(mesh, vertices=mesh.vertices * np.float32(size))
    painted = repainted(replace(item, mesh=mesh), rng) if rng.random() < _REPAINTED else replace(item, mesh=mesh)
    return replace(painted, name=f"{item.name}~{seed}", shape=shape_class(mesh)).recentred()


def deformed(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points [N,3] moved by a random smooth one-to-one map, relative to their box."""
    centre, half = (points.max(axis=0) + points.min(axis=0)) / 2, np.ptp(points, axis=0) / 2
    half = np.maximum(half, 1e-3 * half.max())
    x = (points - centre) / half  # [-1, 1]
    axis = int(rng.choice(3, p=(0.1, 0.1, 0.8)))  # the axis of most objects is vertical
    across = [i for i in range(3) if i != axis]
    for name, chance in _CHANCES.items():
        if rng.random() < chance:
            x = _MAPS[name](x, axis, across, half, rng)
    stretch = np.clip(rng.normal(0, _STRETCH, 3), -_LIMIT, _LIMIT)
    if rng.random() < _ROUND:
        stretch[1] = stretch[0]
    return x * half * np.exp(stretch)


def _taper(x: np.ndarray, axis: int, across: list[int], half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = x.copy()
    out[:, across] *= 1 + rng.uniform(-0.35, 0.35) * x[:, axis, None]
    return out


def _swell(x: np.ndarray, axis: int, across: list[int], half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cross-sections scaled by a wave along the axis."""
    out = x.copy()
    wave = np.sin(rng.uniform(1.0, 2.5) * x[:, axis] + rng.uniform(0, 2 * np.pi))
    out[:, across] *= 1 + rng.uniform(0.05, 0.25) * wave[:, None]
    return out


def _twist(x: np.ndarray, axis: int, across: list[int], half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotated about the axis in proportion to the position along it; a rotation in metres, not in units of the box."""
    out, angle = x.copy(), rng.uniform(-0.5, 0.5) * x[:, axis]
    p, q = (x[:, i] * half[i] for i in across)
    out[:, across[0]] = (np.cos(angle) * p - np.sin(angle) * q) / half[across[0]]
    out[:, across[1]] = (np.sin(angle) * p + np.cos(angle) * q) / half[across[1]]
    return out


def _bend(x: np.ndarray, axis: int, across: list[int], half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The axis bent to a parabola: a shear, one-to-one for any strength."""
    out, side = x.copy(), int(rng.choice(across))
    out[:, side] += rng.uniform(-0.35, 0.35) * half[axis] / half[side] * (x[:, axis] ** 2 - 0.5)
    return out


_MAPS = {"taper": _taper, "bend": _bend, "twist": _twist, "swell": _swell}


def _posed(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """In the given pose or a random stable pose, rotated about z."""
    turn = rotation_about_z(rng.uniform(0, 2 * np.pi))
    if rng.random() < _LAID_DOWN:
        turn = turn @ random_settle(mesh, rng)
    return mesh.transform(make_transform(turn, np.zeros(3)))


def repainted(item: TexturedMesh, rng: np.random.Generator) -> TexturedMesh:
    """Hue, saturation, contrast and brightness changed at random, the same everywhere; sometimes inverted."""
    matrix, gamma = _hue(rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.4)), np.exp(rng.normal(0, 0.3))
    negative = rng.random() < 0.1

    def paint(colors: np.ndarray) -> np.ndarray:
        out = np.clip(colors @ matrix.T, 0, 1) ** gamma
        return 1 - out if negative else out

    if item.texture is not None:
        return replace(item, texture=np.round(255 * paint(item.texture / np.float32(255))).astype(np.uint8))
    if item.mesh.colors is not None:
        return replace(item, mesh=replace(item.mesh, colors=paint(item.mesh.colors).astype(np.float32)))
    return item


def _hue(angle: float, saturation: float) -> np.ndarray:
    """[3,3] rotation of RGB about the grey axis, then chroma scaled about the luma."""
    u = np.full(3, 1 / np.sqrt(3))
    K = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    turn = np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K
    grey = np.outer(np.ones(3), _LUMA)
    return ((1 - saturation) * grey + saturation * np.eye(3)) @ turn
