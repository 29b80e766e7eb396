"""The solid of a splat as a signed field, by space carving with rendered depth (a filled solid, not a shell).

Gaussians lie on the surface, so a level set of their occupancy is two walls with a void between. Here a point is outside
only if it is in the free space of a virtual camera around the splat, by the splat's rendered median depth (a visual hull
with concavities); all other points are inside. Parts too thin for carving get the occupancy of their Gaussians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import cv2
import numpy as np
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry.gaussians import quat_to_matrix
from gsn_perception.geometry.gaussians import stack
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render
from gsn_perception.surface.fields.carver import Carver
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.fields.depth_views import surrounding_cameras
from gsn_perception.surface.fields.field import GaussianField
from gsn_perception.surface.solid.settings import SolidSettings

_OCCUPIED = 0.5
_OCCUPIED_SIGMAS = float(np.sqrt(2.0 * np.log(1.0 / _OCCUPIED)))


@dataclass(frozen=True, slots=True, eq=False)
class UnitSplat:
    """A cleaned splat in the unit frame: its box is centred at the origin and its longest side is 1.

    Attributes:
        gaussians: Opaque Gaussians without floaters.
        T_splat_unit: [4,4] similarity back to the splat's original frame.
        half: [3] half sides of the box.
    """

    gaussians: Gaussians
    T_splat_unit: np.ndarray
    half: np.ndarray

    @property
    def extent(self) -> float:
        """The longest side of the box in units of the splat."""
        return float(self.T_splat_unit[0, 0])

    def to_unit(self, view: DepthView) -> DepthView:
        """A depth view of the splat's frame in the unit frame (depth scales with it)."""
        return DepthView(self.camera_in_unit(view.camera), view.depth / np.float32(self.extent))

    def camera_in_unit(self, camera: Camera) -> Camera:
        """A camera of the splat's frame in the unit frame, its pose kept rigid."""
        pose = camera.world_from_camera
        centre = (pose[:3, 3] - self.T_splat_unit[:3, 3]) / self.extent
        return camera.at(make_transform(pose[:3, :3], centre))


def unit_splat(gaussians: Gaussians, settings: SolidSettings) -> UnitSplat:
    """Drop transparent Gaussians and floaters, then bring the splat to the unit frame.

    Raises:
        InputError: the splat is batched, contains NaN, or has no opaque content.
    """
    if gaussians.opacities.dim() != 1:
        raise InputError("a solid is made of one splat; index the batch first")
    gaussians = gaussians.detach().to("cpu", torch.float32)
    finite = torch.isfinite(gaussians.means).all(-1) & torch.isfinite(gaussians.scales).all(-1)
    gaussians = gaussians.select(finite & (gaussians.opacities >= settings.min_opacity))
    if len(gaussians) < 4:
        raise InputError(
            f"the splat has no opaque content ({len(gaussians)} Gaussians reach an opacity of {settings.min_opacity}); "
            "check the mask and the image, or use other weights"
        )
    gaussians = gaussians.select(torch.from_numpy(_inliers(gaussians.means.numpy(), settings.isolation)))
    means = gaussians.means.numpy().astype(np.float64)
    spread = np.sqrt(np.einsum("nii->ni", gaussians.covariances().numpy().astype(np.float64)))
    reach = np.minimum(spread, np.median(spread, axis=0) * 3.0)
    lower, upper = (means - reach).min(axis=0), (means + reach).max(axis=0)
    extent = float((upper - lower).max())
    T = make_transform(np.eye(3), 0.5 * (lower + upper), extent)
    return UnitSplat(gaussians.transform(np.linalg.inv(T)), T, 0.5 * (upper - lower) / extent)


def _inliers(means: np.ndarray, isolation: float) -> np.ndarray:
    """[N] bool: Gaussians whose mean distance to their neighbours is not far above the median of the splat."""
    k = min(6, len(means) - 1)
    from scipy.spatial import cKDTree

    distance = cKDTree(means).query(means, k + 1)[0][:, 1:].mean(axis=1)
    return distance <= isolation * np.median(distance) + 1e-12


class SolidField:
    """Signed distances in the unit frame: positive inside the solid.

    Args:
        splat: From :func:`unit_splat`.
        settings: See :class:`SolidSettings`.
        cell: Side of the cells with which the field will be sampled, unit frame; thin parts get this thickness.
        observed: Measured depth in the unit frame, one more camera that carves.
        own: The splat's depth in that camera; rendered if needed and not given.
        silhouette: [H,W] bool, the pixels of ``observed`` that show the object, measured or not.
        others: Free space and surfaces that further cameras saw, of the same image size as ``observed``.
    """

    def __init__(
        self,
        splat: UnitSplat,
        settings: SolidSettings,
        *,
        cell: float,
        observed: DepthView | None = None,
        own: DepthView | None = None,
        silhouette: np.ndarray | None = None,
        others: Sequence[DepthView] = (),
    ) -> None:
        self._settings = settings
        cameras = surrounding_cameras(settings.cameras, splat.gaussians.means.numpy(), settings.camera_size)
        views = depth_views(splat.gaussians, cameras, settings)
        self._carver = Carver(views, truncation=settings.truncation, whole=True)
        self._observed: Carver | None = None
        self._front: Carver | None = None
        self._behind: Carver | None = None
        if observed is not None:
            self._observed = Carver([observed, *others], truncation=settings.truncation, whole=False)
            own = depth_views(splat.gaussians, [observed.camera], settings)[0] if own is None else own
            front, behind = _observed_layer(observed, own, silhouette, settings)
            self._front = Carver([front], truncation=settings.truncation, whole=False)
            self._behind = Carver([behind], truncation=0.5, whole=False)
        self._thin: GaussianField | None = None
        self._floor = 0.75 * cell / _OCCUPIED_SIGMAS
        thin = self._thin_gaussians(splat.gaussians, cell)
        if thin is not None:
            self._thin = GaussianField(thin)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Signed distances [P] at points [P,3]."""
        value = self._carver(points, votes=self._settings.votes) + np.float32(self._settings.level)
        if self._thin is not None:
            squared = -2.0 * np.log(np.maximum(self._thin(points), 1e-6))
            value = np.maximum(value, self._floor * (_OCCUPIED_SIGMAS - np.sqrt(np.maximum(squared, 0.0))))
        if self._observed is not None and self._front is not None and self._behind is not None:
            # fill between the measured surface and the splat's own: the surface is where the camera measured it
            overlap = np.float32(self._settings.fill_overlap)
            value = np.maximum(value, np.minimum(self._front(points), overlap - self._behind(points)))
            value = np.minimum(value, self._observed(points) + np.float32(self._settings.observed_tolerance))
        return value.astype(np.float32)

    def carved(self, points: np.ndarray) -> np.ndarray:
        """Signed distances [P] by carving with the splat's own depth, level 0."""
        return self._carver(points, votes=self._settings.votes)

    def _thin_gaussians(self, gaussians: Gaussians, cell: float) -> Gaussians | None:
        """Opaque Gaussians near the carved solid that carving removed, thickened to what the grid can represent."""
        gaussians = gaussians.select(gaussians.opacities >= self._settings.thin_opacity)
        if not len(gaussians):
            return None
        rotation = quat_to_matrix(gaussians.quats).numpy()
        shortest = gaussians.scales.numpy().argmin(axis=1)
        normal = np.take_along_axis(rotation, shortest[:, None, None], axis=2)[:, :, 0]  # [N,3]
        steps = np.array([-1.0, -0.5, 0.0, 0.5, 1.0], dtype=np.float32) * np.float32(cell)
        probes = gaussians.means.numpy()[:, None] + steps[:, None] * normal[:, None]  # [N,5,3]
        value = (self.carved(probes.reshape(-1, 3)) + self._settings.level).reshape(-1, len(steps))
        lost = (value.max(axis=1) <= 0.0) & (value.max(axis=1) > -self._settings.thin_reach * cell)
        if not lost.any():
            return None
        thin = gaussians.select(torch.from_numpy(lost))
        return replace(
            thin,
            scales=thin.scales.clamp(min=self._floor, max=4.0 * self._floor),
            opacities=torch.full_like(thin.opacities, 0.99),
        )


def depth_views(gaussians: Gaussians, cameras: list[Camera], settings: SolidSettings) -> list[DepthView]:
    """Median depth of an unbatched splat in every camera (all of one size)."""
    opacities = 1.0 - (1.0 - gaussians.opacities.clamp(max=0.999)) ** settings.opacity_gain
    splat = stack([replace(gaussians, opacities=opacities, confidence=None)])
    with torch.no_grad():
        rendering = render(splat, CameraBatch.of(cameras), median_depth=True)
    if rendering.median_depth is None:
        raise RuntimeError("the rasteriser returned no median depth")
    depth = [_without_pinholes(image, settings.pinhole) for image in rendering.median_depth[0].cpu().numpy()]
    return [DepthView(camera, image) for camera, image in zip(cameras, depth, strict=True)]


def _observed_layer(
    observed: DepthView, own: DepthView, silhouette: np.ndarray | None, settings: SolidSettings
) -> tuple[DepthView, DepthView]:
    """Front and back depth of the layer of material that the camera saw; NaN elsewhere.

    The front is the measured depth, or the splat's own surface in pixels of the silhouette without measurement.
    """
    measured, drawn = np.isfinite(observed.depth), np.isfinite(own.depth)
    front = np.where(measured, observed.depth, np.nan)
    if silhouette is not None:
        front = np.where(silhouette & drawn & ~measured & ~np.isposinf(observed.depth), own.depth, front)
    behind = np.where(drawn, own.depth, front + np.float32(settings.fill_depth))
    behind = np.maximum(behind, front + np.float32(settings.fill_least))  # NaN stays NaN
    beside = np.where(np.isposinf(observed.depth), observed.depth, front)
    return DepthView(observed.camera, beside), DepthView(observed.camera, behind)


def _without_pinholes(depth: np.ndarray, width: int) -> np.ndarray:
    """The depth image with deeper spots narrower than ``width`` pixels filled."""
    if width < 2:
        return depth
    return cv2.morphologyEx(depth, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
