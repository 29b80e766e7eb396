"""Simulates one colour view of an object on a table: what fixes the metric scale of its splat (`gsn data --what scale`)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import cv2
import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import opaque_points
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.visibility import SplatRendering
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.views import VirtualView
from gsn_perception.scenes.views import view_from

Infer = Callable[[Sequence[Crop]], list[Gaussians]]
"""From crops to their splats in the normalised frames."""
_STEEPEST = np.sin(np.deg2rad(8.0))


@dataclass(frozen=True, slots=True)
class ScaleViewSettings:
    """Settings of the simulated views.

    Attributes:
        size: Side of the crop in pixels.
        focal: Pixels; range of the real camera's focal length, which determines the resolution of the image.
        theta: Degrees; range of the cone's half-angle, log-uniform.
        elevation: Degrees; range of the camera's height above the table, uniform.
        roll: Degrees; standard deviation of the roll that is left in upright crops.
        ragged: Share of masks that are a pixel too wide, too narrow or ragged.
        settled: Share of views in which the object lies in another stable pose.
    """

    size: int = 128
    focal: tuple[float, float] = (350.0, 750.0)
    theta: tuple[float, float] = (4.0, 22.0)
    elevation: tuple[float, float] = (8.0, 74.0)
    roll: float = 2.0
    ragged: float = 0.4
    settled: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class ScaleShot:
    """A simulated view; lengths in true normalised units, i.e. metres over ``scale``.

    Attributes:
        crop: Colour and mask, upright.
        seen: The splat rendered in it.
        lowest: [K,3] centres of opaque Gaussians nearest to the plane, normalised frame.
        opaque: Number of opaque Gaussians.
        plane: The true plane in the crop's camera frame, offset over ``scale``.
        scale: Metres per normalised unit: distance of the true box centre along the axis over the view's distance.
        surface: Scale by the true depth of the visible side, over ``scale``.
    """

    crop: Crop
    seen: SplatRendering
    lowest: np.ndarray
    opaque: int
    plane: Plane
    scale: float
    surface: float


def frame_shot(
    caster: RayCaster, hull: np.ndarray, rng: np.random.Generator, settings: ScaleViewSettings, lighting: Lighting
) -> tuple[Observation, Plane, np.ndarray]:
    """A frame with mask, exact depth, the table's plane and the centre [3] of the object's box, in the camera's frame."""
    virtual = _view(hull, rng, settings)
    camera = _window(virtual, rng, settings)
    seen = caster.render(camera, lighting=lighting, supersample=1, shadows=True)
    mask = np.asarray(seen.labels > 0)
    if rng.random() < settings.ragged:
        mask = ragged_mask(mask, rng)
    pose = camera.world_from_camera
    centre = camera.camera_from_world @ np.append((hull.min(axis=0) + hull.max(axis=0)) / 2, 1.0)
    own = camera.at(np.eye(4))
    observation = Observation(seen.rgb, own, mask.astype(np.uint8), np.where(seen.labels > 0, seen.depth, np.nan))
    return observation, Plane(pose[2, :3], float(pose[2, 3])), centre[:3]


def upright_crop(observation: Observation, plane: Plane, rng: np.random.Generator, settings: ScaleViewSettings) -> Crop:
    """The upright crop, rolled by a small error, with the exact depth.

    Raises:
        InputError: the mask is too small.
    """
    mask = np.asarray(observation.mask) > 0
    if mask.sum() < 100:
        raise InputError("the mask of a view has too few pixels")
    view = ObjectView.of_mask(mask, observation.camera, settings.size)
    down = -(view.R_camera_virtual.T @ plane.normal)
    if np.hypot(down[0], down[1]) >= _STEEPEST:
        view = view.rolled(float(np.arctan2(down[0], down[1])) + rng.normal(0, np.deg2rad(settings.roll)))
    return Crop.of(observation, mask, settings.size, view)


def finished_shot(measured: Crop, splat: Gaussians, plane: Plane, centre: np.ndarray, count: int) -> ScaleShot:
    """The shot of a crop and its splat; ``count`` lowest points are kept.

    Raises:
        InputError: the splat is empty, or does not cover the object.
    """
    view = measured.view
    rotation = view.R_camera_virtual
    scale = float(rotation[:, 2] @ centre) / view.distance
    seen = render_splat(splat, view)
    assert measured.depth is not None
    surface = scale_from_depth(seen.depth, seen.alpha, measured.depth, measured.alpha).value / scale
    points = opaque_points(splat)
    normal = rotation.T @ plane.normal
    lowest = points[np.argsort(points @ normal)[np.minimum(np.arange(count), len(points) - 1)]]
    crop = replace(measured, depth=None)
    return ScaleShot(crop, seen, lowest, len(points), Plane(normal, plane.offset / scale), scale, surface)


def ragged_mask(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask [H,W] bool with the errors of a segmentation: its outline moved by up to two pixels, unevenly."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    noise = cv2.GaussianBlur(rng.standard_normal(mask.shape).astype(np.float32), (0, 0), rng.uniform(2.0, 8.0))
    noise = noise * np.float32(rng.uniform(0.0, 1.0) / max(float(noise.std()), 1e-6))
    moved = np.asarray(inside - outside + noise + rng.uniform(-1.0, 1.5) > 0)
    if moved.sum() < 0.7 * mask.sum():
        return mask
    count, labels = cv2.connectedComponents(moved.astype(np.uint8))
    largest = 1 + int(np.argmax(np.bincount(labels.ravel(), minlength=count)[1:]))
    return np.asarray(labels == largest)


def _view(hull: np.ndarray, rng: np.random.Generator, settings: ScaleViewSettings) -> VirtualView:
    theta = np.deg2rad(np.exp(rng.uniform(*np.log(settings.theta))))
    up, azimuth = np.deg2rad(rng.uniform(*settings.elevation)), rng.uniform(-np.pi, np.pi)
    direction = np.array([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)])
    return view_from(hull, direction, float(theta), settings.size, roll=rng.normal(0, np.deg2rad(6.0)))


def _window(virtual: VirtualView, rng: np.random.Generator, settings: ScaleViewSettings) -> Camera:
    """The window of a real camera around the object."""
    field = 2 * 1.05 * FIELD_MARGIN * virtual.theta
    side = int(np.clip(round(2 * rng.uniform(*settings.focal) * np.tan(field / 2)), 64, 400))
    return Camera.from_fov(field, side, side, virtual.camera.world_from_camera)
