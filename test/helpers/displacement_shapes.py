"""Exact displacement fields of simple surfaces."""

import numpy as np

CENTRE = np.array([0.013, -0.007, 0.021])


class Counted:
    """A field that remembers what it was asked."""

    def __init__(self, field):
        self.field, self.asked = field, []

    def __call__(self, points):
        self.asked.append(points)
        return self.field(points)


def sphere(points):
    """Radius 0.4 about CENTRE."""
    p = points.astype(np.float64) - CENTRE
    return (p * (0.4 / np.maximum(np.linalg.norm(p, axis=1, keepdims=True), 1e-12) - 1)).astype(np.float32)


def bowl(points):
    """The lower half of that sphere, a sheet with a rim."""
    p = points.astype(np.float64) - CENTRE
    around = np.linalg.norm(p[:, :2], axis=1, keepdims=True)
    rim = np.hstack([0.4 * p[:, :2] / np.maximum(around, 1e-12), np.zeros((len(p), 1))])
    return np.where(p[:, 2:] < 0, sphere(points), rim - p).astype(np.float32)


def sheets(gap):
    """Two squares of side 0.6, parallel, ``gap`` apart."""

    def field(points):
        p = points.astype(np.float64)
        nearest = np.hstack([np.clip(p[:, :2], -0.3, 0.3), np.where(p[:, 2:] > 0, gap / 2, -gap / 2)])
        return (nearest - p).astype(np.float32)

    return field


def box(half, turn):
    """A box of half sides [3], turned by a rotation [3,3]."""

    def field(points):
        p = points.astype(np.float64) @ turn
        nearest = np.clip(p, -half, half)
        inside = (np.abs(p) < half).all(axis=1)
        axis = (half - np.abs(p)).argmin(axis=1)
        row = np.arange(len(p))
        face = p.copy()
        face[row, axis] = np.copysign(half[axis], p[row, axis])
        return ((np.where(inside[:, None], face, nearest) - p) @ turn.T).astype(np.float32)

    return field
