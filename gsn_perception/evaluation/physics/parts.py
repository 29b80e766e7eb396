"""Convex decomposition of a mesh (CoACD), cached on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.evaluation.physics.solid import open_edges
from gsn_perception.evaluation.physics.solid import solid_of
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.io import atomic_write

_HOLE = 0.1  # share of the surface: smaller holes are closed first; a mesh with larger ones is a hollow wall


@dataclass(frozen=True, slots=True)
class PartSettings:
    """Accuracy of the decomposition."""

    concavity: float = 0.05
    """Largest concavity of a part, in halves of the mesh's longest side (CoACD's threshold)."""
    vertices: int = 48
    """Most vertices per part."""
    parts: int = 48
    """Most parts."""
    convex: float = 0.95
    """A mesh that fills this much of its convex hull is one part."""


def convex_parts(mesh: Mesh, folder: Path | None = None, settings: PartSettings | None = None) -> list[np.ndarray]:
    """The vertices [K,3] float64 of each convex part, in the mesh's frame, metres.

    The collision-aware decomposition of Wei et al. 2022 (CoACD). It needs faces outwards, so the mesh is oriented first.
    A nearly convex mesh becomes its hull.

    Args:
        mesh: Surface, metres; best closed.
        folder: Cache of the parts of known meshes; None: no cache.
        settings: Accuracy.

    Raises:
        InputError: the mesh has no triangles.
    """
    settings = settings or PartSettings()
    if not len(mesh.faces):
        raise InputError("the mesh has no triangles to decompose; leave it out")
    solid = solid_of(mesh)
    mesh = solid.closed if solid.lid <= _HOLE else solid.outward
    if folder is None:
        return _decompose(mesh, settings)
    key = hashlib.sha256(mesh.vertices.tobytes() + mesh.faces.tobytes() + repr(settings).encode()).hexdigest()[:24]
    path = folder / f"{key}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return [stored[name] for name in sorted(stored.files)]
    found = _decompose(mesh, settings)
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **{f"{i:03d}": part for i, part in enumerate(found)})  # type: ignore[arg-type]
    return found


def _decompose(mesh: Mesh, settings: PartSettings) -> list[np.ndarray]:
    whole = _hull(mesh)
    if whole is not None and not len(open_edges(mesh.faces)) and mesh.volume() >= settings.convex * whole.volume:
        return [whole.points[whole.vertices]]
    import coacd

    coacd.set_log_level("error")
    parts = coacd.run_coacd(
        coacd.Mesh(mesh.vertices.astype(np.float64), mesh.faces),
        threshold=settings.concavity,
        max_convex_hull=settings.parts,
        decimate=True,
        max_ch_vertex=settings.vertices,
        mcts_iterations=20,
        mcts_nodes=8,
        mcts_max_depth=2,
        resolution=600,
        preprocess_mode="off" if mesh.is_watertight() else "auto",
        seed=0,
    )
    return [np.asarray(vertices, dtype=np.float64) for vertices, _ in parts if len(vertices) >= 4]


def _hull(mesh: Mesh) -> Any:
    """The convex hull, None for a flat mesh."""
    from scipy.spatial import ConvexHull
    from scipy.spatial import QhullError

    try:
        return ConvexHull(mesh.vertices.astype(np.float64))
    except QhullError:
        return None
