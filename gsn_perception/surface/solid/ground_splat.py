"""Splats that end on their support plane: the guessed lower side is warped to the plane, as that of the mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.surface.solid.ground_warp import GroundWarp
from gsn_perception.surface.solid.grounded_shape import ObjectSupport

_OPAQUE = 0.3
_END = 0.02  # quantile of the opaque Gaussians' heights, taken as the end of the splat
_MOST = 2.5  # largest stretch: Gaussians stretched farther are long rods, not a surface; they are only cut
_LEAST_SCALE = 1e-6


def grounded_splat(splat: Gaussians, support: ObjectSupport) -> Gaussians:
    """The splat with its part below the lowest seen point warped to the plane, and without Gaussians below the plane.

    Means follow the map of :class:`~gsn_perception.surface.solid.ground_warp.GroundWarp`. Covariances follow its slope, so
    that a stretched side has no gaps (the first order of the map, as in EWA splatting). A side that would be stretched too
    far keeps its guessed position.

    Args:
        splat: Unbatched, in the frame and units of ``support``.
        support: The plane and what was seen above it.
    """
    means = splat.means.double().numpy()
    height = support.plane.height(means)
    opaque = (splat.opacities > _OPAQUE).numpy()
    if not opaque.any():
        return splat
    end = float(np.quantile(height[opaque], _END))
    ground = GroundWarp.of(support.plane, support.lowest_seen if support.stands else 0.0, end)
    if ground.stretch > _MOST:
        ground = GroundWarp.of(support.plane, 0.0, end)
    moved = ground.to_real(means)
    kept = ground.height(moved) >= 0
    if not kept.any():
        return splat
    slope = ground.slope(height)
    changed = kept & (np.abs(slope - 1) > 1e-6)
    scales, quats = splat.scales.clone(), splat.quats.clone()
    if changed.any():
        rows = torch.from_numpy(changed)
        stretched = _stretched(splat.select(rows).covariances().double().numpy(), support.plane.normal, slope[changed])
        scales[rows], quats[rows] = (torch.from_numpy(part).to(scales) for part in stretched)
    made = replace(splat, means=torch.from_numpy(moved).to(splat.means), scales=scales, quats=quats)
    return made.select(torch.from_numpy(kept))


def _stretched(covariances: np.ndarray, normal: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scales [N,3] and quaternions [N,4] (wxyz) of covariances [N,3,3] stretched along a normal [3] by slopes [N]."""
    J = np.eye(3) + (slope - 1)[:, None, None] * np.outer(normal, normal)
    values, vectors = np.linalg.eigh(J @ covariances @ J.swapaxes(1, 2))
    vectors[np.linalg.det(vectors) < 0, :, 0] *= -1
    return np.sqrt(np.maximum(values, _LEAST_SCALE**2)), quat_from_matrix(vectors)
