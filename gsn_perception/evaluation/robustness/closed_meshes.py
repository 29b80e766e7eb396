"""Share of strictly closed meshes, by Open3D's ``is_watertight`` and by the pipeline's own test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.evaluation.surfaces.geometry import Reconstruct
from gsn_perception.evaluation.views.cases import SurfaceCase
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Refusal
from gsn_perception.surface.watertight.strictly_closed import strictly_closed

_HINT = 0.15  # metres; without depth the scale does not matter here


def evaluate_closed(cases: Iterable[SurfaceCase], reconstruct: Reconstruct) -> dict[str, list[dict[str, Any]]]:
    """Rows by input, one per case: ``open3d`` and ``strict`` are 1 where the mesh passes; ``faces``: number of faces."""
    rows: dict[str, list[dict[str, Any]]] = {"with depth": [], "colour": []}
    for case in cases:
        blind = replace(case.observation, depth=None, size_hint=_HINT)
        for who, observation in (("with depth", case.observation), ("colour", blind)):
            (result,) = reconstruct(observation)
            head = {"name": case.name, "shape": case.shape, "refused": float(isinstance(result, Refusal))}
            if isinstance(result, Refusal):
                rows[who].append(head | {"reason": result.reason})
            else:
                figures = {"open3d": open3d_watertight(result.mesh), "strict": float(strictly_closed(result.mesh))}
                rows[who].append(head | figures | {"faces": len(result.mesh.faces)})
    return rows


def open3d_watertight(mesh: Mesh) -> float:
    """1 where Open3D calls the mesh watertight: edge-manifold, vertex-manifold, not self-intersecting."""
    import open3d

    vertices = open3d.utility.Vector3dVector(mesh.vertices.astype(np.float64))
    return float(open3d.geometry.TriangleMesh(vertices, open3d.utility.Vector3iVector(mesh.faces)).is_watertight())
