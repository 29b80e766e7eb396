"""Fit of the level of the splat's solid to objects with known meshes, so that volumes are right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.surface.solid.settings import SolidSettings
from gsn_perception.surface.solid.solid_field import SolidField
from gsn_perception.surface.solid.solid_field import unit_splat

_RANGE = 0.8


def fit_level(
    pairs: Iterable[tuple[Gaussians, Mesh]], settings: SolidSettings | None = None, *, resolution: int = 48
) -> SolidSettings:
    """The settings with the level at which the median volume is right.

    Args:
        pairs: Splats and the true closed meshes in the same frame and units, of ``train`` or ``dev``.
        settings: The other settings.
        resolution: Cells along the longest side for measuring volumes.

    Returns:
        ``settings`` with ``level`` replaced: the median over the pairs of the level that gives each its true volume.

    Raises:
        InputError: no pair was given, or a mesh is not closed.
    """
    settings = SolidSettings() if settings is None else settings
    levels = [volume_level(splat, mesh, settings, resolution=resolution) for splat, mesh in pairs]
    if not levels:
        raise InputError("no pair of splat and mesh to fit the level on; give at least one")
    return replace(settings, level=float(np.median(levels)))


def volume_level(gaussians: Gaussians, mesh: Mesh, settings: SolidSettings, *, resolution: int = 48) -> float:
    """The level, a share of the extent, at which the carved solid of one splat has the volume of ``mesh``.

    Limited to four fifths of ``settings.truncation``; carving has no distances beyond it.

    Raises:
        InputError: the mesh is not closed.
    """
    truth = mesh.volume()
    if truth <= 0 or not mesh.is_watertight():
        raise InputError("the level is fitted on closed meshes with faces outwards; repair the mesh or leave it out")
    splat = unit_splat(gaussians, settings)
    cell = (1.0 + 2.0 * settings.margin) / resolution
    half = splat.half + settings.margin
    field = SolidField(splat, replace(settings, level=0.0), cell=cell)
    axes = [np.arange(-h + 0.5 * cell, h, cell) for h in half]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    carved = np.sort(field.carved(points))[::-1]
    wanted = round(truth / splat.extent**3 / cell**3)
    limit = _RANGE * settings.truncation
    return float(np.clip(-carved[min(wanted, len(carved) - 1)], -limit, limit))
