"""Slow, plain answers to geometric queries, to hold compiled ones against."""

from __future__ import annotations

import numpy as np


def ray_hits(triangles, origins, directions):
    """Distances [N,F] along rays to triangles [F,3,3] (Moeller and Trumbore 1997), inf without a hit."""
    a, u, v = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    out = np.full((len(origins), len(triangles)), np.inf)
    for n, (origin, way) in enumerate(zip(origins, directions, strict=True)):
        p = np.cross(way, v)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = 1 / (u * p).sum(axis=1)
            s = ((origin - a) * p).sum(axis=1) * scale
            q = np.cross(origin - a, u)
            t = (way * q).sum(axis=1) * scale
            far = (v * q).sum(axis=1) * scale
            hit = (s >= 0) & (t >= 0) & (s + t <= 1) & (far >= 0)
        out[n, hit] = far[hit]
    return out


def soup(count, size, seed):
    """Random triangles [N,3,3] of about a size, in a ball of about 1."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 1, 3)) * 0.5 + rng.normal(size=(count, 3, 3)) * size
