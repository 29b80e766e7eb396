"""Evaluation of surfaces reconstructed from whole clouds against the true ones."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from gsn_perception.evaluation.surfaces.cloud_methods import CloudMethod
from gsn_perception.evaluation.surfaces.scores import surface_scores
from gsn_perception.evaluation.surfaces.scores import truth_scores
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.datasets.surface_samples import unit_mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

TRUTH = "truth"
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class CloudProtocol:
    """How whole clouds are sampled; ``seed`` and the object's name determine all random numbers.

    Attributes:
        points: Per cloud, uniform by area.
        noise: Standard deviation added to each coordinate, as a share of the extent.
        rotations: Number of random rotations of each object's cloud; 0: one cloud, not rotated.
        seed: Of all random numbers.
    """

    points: int = 10_000
    noise: float = 0.0
    rotations: int = 1
    seed: int = 0

    def clouds(self, item: TexturedMesh) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Rotations [4,4] of the object at unit extent at the origin, and the rotated clouds [P,3]."""
        rng = np.random.default_rng([self.seed, zlib.crc32(item.name.encode())])
        points, _ = sample_surface(unit_mesh(item.mesh), self.points, rng)
        points = points + self.noise * rng.standard_normal(points.shape)
        for _ in range(max(self.rotations, 1)):
            turn = Rotation.random(rng=rng).as_matrix() if self.rotations else np.eye(3)
            yield make_transform(turn, np.zeros(3)), points @ turn.T


def evaluate_full(
    items: Iterable[TexturedMesh],
    methods: Mapping[str, CloudMethod],
    protocol: CloudProtocol,
    *,
    samples: int,
    keep: dict[str, list[Mesh]] | None = None,
) -> Rows:
    """Scores per object and rotation of every method, and of the truth itself; a method without a surface scores F = 0.

    Args:
        items: Test objects.
        methods: By name.
        protocol: How clouds are sampled.
        samples: Per surface.
        keep: Filled with the truth and the meshes of each object's first rotation, by the object's name.
    """
    rows: Rows = {name: [] for name in (*methods, TRUTH)}
    for item in items:
        truth = unit_mesh(item.mesh)
        for turn, (T, points) in enumerate(protocol.clouds(item)):
            rng = np.random.default_rng(protocol.seed)
            head = {"name": item.name, "shape": item.shape, "turn": turn, "extent": float(item.extent.max())}
            meshes = [truth]
            for name, method in methods.items():
                began = time.perf_counter()
                try:
                    mesh = method(points).transform(T.T)  # back, as it is a rotation
                except InputError as error:
                    rows[name].append(head | {"f1": 0.0, "refused": 1, "reason": str(error)})
                    continue
                seconds = time.perf_counter() - began
                scores = surface_scores(mesh, truth, rng, samples=samples)
                rows[name].append(head | scores | {"refused": 0, "seconds": seconds})
                meshes.append(mesh)
            rows[TRUTH].append(head | truth_scores(truth, rng, samples=samples))
            if keep is not None and turn == 0:
                keep[item.name] = meshes
    return rows
