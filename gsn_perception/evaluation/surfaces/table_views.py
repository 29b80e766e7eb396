"""Objects on a table under steep cameras: does the mesh end at the table, and is its volume right?"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from gsn_perception.evaluation.reports.tables import summarise
from gsn_perception.evaluation.surfaces.scores import surface_scores
from gsn_perception.evaluation.views.hulls import measured_hull
from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.transforms import look_at
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.tabletop import TabletopScene
from gsn_perception.surface.fields.winding_number import WindingNumber
from gsn_perception.surface.watertight.strictly_closed import strictly_closed

Rows = dict[str, list[dict[str, Any]]]
Reconstruct = Callable[[Observation], list[Reconstruction | Refusal]]

NEAR_TABLE = 0.005
"""Largest distance between the mesh's lowest point and the table of a mesh that stands on it, metres."""
FLAT = 0.2
"""Objects whose height is below this share of their length are flat."""

_NEAREST = 0.5  # metres
_CONE = np.sin(np.deg2rad(14.0))  # largest half-angle of the object's bounding sphere
_GATE = 50_000  # sample points for volumes


@dataclass(frozen=True, slots=True, eq=False)
class TableCase:
    """An object on a table, in the camera's optical frame, metres.

    Attributes:
        name: The object's.
        shape: box, mid, open or unknown.
        elevation: Of the camera above the table, seen from the object, degrees.
        observation: Colour, mask (label 1) and measured depth; no support plane.
        truth: The true surface.
        plane: The table.
    """

    name: str
    shape: str
    elevation: float
    observation: Observation
    truth: Mesh
    plane: Plane

    @property
    def height(self) -> float:
        """Of the object above the table, metres."""
        return float(self.plane.height(self.truth.vertices.astype(np.float64)).max())

    @property
    def flat(self) -> bool:
        """Whether it is flat in its pose on the table."""
        return self.height < FLAT * longest_side(self.truth, self.plane)


def longest_side(mesh: Mesh, plane: Plane) -> float:
    """Approximate largest distance between two vertices along the table, metres: from the vertex farthest from the mean."""
    points = mesh.vertices.astype(np.float64)
    flat = points - plane.height(points)[:, None] * plane.normal
    middle = flat.mean(axis=0)
    far = flat[np.argmax(np.linalg.norm(flat - middle, axis=1))]
    return float(np.linalg.norm(flat - far, axis=1).max())


def table_case(item: TexturedMesh, elevation: float, *, seed: int = 0) -> TableCase:
    """The object on its own z = 0, seen by an RGB-D camera from ``elevation`` degrees."""
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode()), round(10 * elevation)])
    item = item.recentred()
    scene = TabletopScene((PlacedObject(item, np.eye(4), 1),), random_table(rng), Lighting.random(rng))
    radius = 0.5 * float(np.linalg.norm(item.extent))
    distance = max(_NEAREST, radius / _CONE)
    up, azimuth = np.deg2rad(elevation), rng.uniform(-np.pi, np.pi)
    towards = np.array([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)])
    camera = Camera.from_fov(1.0, 640, 480, look_at(scene.centre + distance * towards, scene.centre))
    seen = scene.observe(camera, sensor=DepthSensor(), seed=int(rng.integers(1 << 31)))
    observation = replace(seen, support_plane=None, camera=Camera(camera.K, camera.width, camera.height))
    return TableCase(item.name, item.shape, elevation, observation, scene.mesh(1, camera), scene.support_plane(camera))


def evaluate_table(
    cases: Iterable[TableCase], reconstruct: Reconstruct, *, seed: int = 0, samples: int = 20_000
) -> Rows:
    """Rows of the reconstruction and of the hull of measured points, by method."""
    rows: Rows = {"reconstruction": [], "hull of measured points": []}
    for case in cases:
        rng = np.random.default_rng(seed)
        head = {"name": case.name, "shape": case.shape, "elevation": case.elevation, "flat": float(case.flat)}
        began = time.perf_counter()
        (item, *_) = reconstruct(case.observation)
        seconds = time.perf_counter() - began
        if isinstance(item, Refusal):
            rows["reconstruction"].append({**head, "refused": 1, "reason": item.reason})
        else:
            figures = table_scores(item.mesh, case, rng, samples=samples)
            codes = [remark.code for remark in item.remarks]
            extra = {"refused": 0, "seconds": seconds, "remarked": float(bool(codes)), "remarks": " ".join(codes)}
            rows["reconstruction"].append({**head, **figures, **extra})
        try:
            hull = measured_hull(case.observation)
            rows["hull of measured points"].append(
                {**head, "refused": 0, **table_scores(hull, case, rng, samples=samples)}
            )
        except InputError as error:
            rows["hull of measured points"].append({**head, "refused": 1, "reason": str(error)})
    return rows


def table_scores(mesh: Mesh, case: TableCase, rng: np.random.Generator, *, samples: int) -> dict[str, float]:
    """Lowest point, volume and surface metrics of a mesh."""
    lowest = float(case.plane.height(mesh.vertices.astype(np.float64)).min())
    factor = abs(mesh.volume()) / max(enclosed_volume(case.truth, rng), 1e-12)
    figures = surface_scores(mesh, case.truth, rng, samples=samples)
    return {
        "lowest_mm": 1000 * lowest,
        "on_table": float(abs(lowest) <= NEAR_TABLE),
        "strict": float(strictly_closed(mesh)),
        "volume": factor,
        "volume_factor": max(factor, 1 / max(factor, 1e-6)),
        **figures,
    }


def enclosed_volume(mesh: Mesh, rng: np.random.Generator) -> float:
    """Volume in cubic metres; for meshes with holes by winding numbers."""
    if mesh.is_watertight():
        return abs(mesh.volume())
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    inside = WindingNumber(mesh)(rng.uniform(low, high, (_GATE, 3))) > 0.5
    return float(inside.mean() * np.prod(high - low))


def summaries(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over all, by elevation, by shape class and of flat objects; ``volume_factor`` is the median."""
    groups = {"all": list(rows)}
    groups |= {f"{e:g} deg": [r for r in rows if r["elevation"] == e] for e in sorted({r["elevation"] for r in rows})}
    groups |= {shape: [r for r in rows if r["shape"] == shape] for shape in sorted({r["shape"] for r in rows})}
    groups["flat"] = [r for r in rows if r["flat"]]
    groups |= {f"flat, {s}": [r for r in groups["flat"] if r["shape"] == s] for s in sorted({r["shape"] for r in rows})}
    return {name: _summary(group) for name, group in groups.items() if group}


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    factors = [row["volume_factor"] for row in rows if "volume_factor" in row]
    means = summarise(rows)["all"]
    return means | {"volume_factor": float(np.median(factors))} if factors else means
