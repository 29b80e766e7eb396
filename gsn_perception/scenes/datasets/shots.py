"""Simulates one RGB-D view of a known object: the pipeline's crop, and the point cloud in its normalised frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.scale import Scale
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.views import ViewSampling
from gsn_perception.scenes.views import VirtualView
from gsn_perception.scenes.views import sphere_view
from gsn_perception.surface.fields.observed import observed_view
from gsn_perception.surface.solid.completion import Cloud
from gsn_perception.surface.solid.completion import Completion
from gsn_perception.surface.solid.completion import union_cloud

Complete = Callable[[Observation], Completion]
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class ShotSettings:
    """Settings of simulated partial views.

    Attributes:
        size: Side of the crop in pixels.
        cloud: Number of points of the cloud.
        focal: Pixels; range of the real camera's focal length, which determines noise and resolution of the depth.
        closest: Metres; least distance that the depth sensor measures.
        theta: Degrees; range of the cone's half-angle, limited by the closest distance.
        upright: Share of views with known support plane; these are rolled upright.
        depth: Share of views with measured depth if a network completes them; else all views have it.
    """

    size: int = 128
    cloud: int = 4096
    focal: tuple[float, float] = (450.0, 750.0)
    closest: float = 0.25
    theta: tuple[float, float] = (3.5, 24.0)
    upright: float = 0.6
    depth: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A simulated view.

    Attributes:
        crop: The crop; depth in metres.
        scale: Metres per normalised unit.
        with_depth: Whether depth was measured.
        cloud: Surface points, normalised frame.
        world_from_normalised: [4,4] similarity.
    """

    crop: Crop
    scale: float
    with_depth: bool
    cloud: Cloud
    world_from_normalised: np.ndarray


def take_shot(
    caster: RayCaster,
    hull: np.ndarray,
    rng: np.random.Generator,
    settings: ShotSettings,
    lighting: Lighting,
    complete: Complete | None = None,
) -> Shot:
    """A random view; up to four attempts if a view is not usable.

    Args:
        caster: The object alone, resting on z = 0.
        hull: [N,3] its hull vertices, metres.
        rng: Random generator.
        settings: Ranges.
        lighting: The light.
        complete: Completes a view with a network; without it the cloud has measured points only.

    Raises:
        InputError: the sensor measured nothing, or the network refused every view.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _take(caster, hull, rng, settings, lighting, complete)
        except InputError:
            continue
    return _take(caster, hull, rng, settings, lighting, complete)


def _take(
    caster: RayCaster,
    hull: np.ndarray,
    rng: np.random.Generator,
    settings: ShotSettings,
    lighting: Lighting,
    complete: Complete | None,
) -> Shot:
    virtual = sphere_view(rng, hull, settings.size, _sampling(hull, settings))
    camera = _real_camera(virtual, rng, settings)
    seen = caster.render(camera, lighting=lighting)
    measured = DepthSensor().measure(seen.depth, camera, rng)
    with_depth = complete is None or rng.random() < settings.depth
    plane = _table(camera) if rng.random() < settings.upright else None
    own = camera.at(np.eye(4))
    observation = Observation(seen.rgb, own, seen.labels, measured if with_depth else None, support_plane=plane)
    mask = seen.labels > 0
    view = ObjectView.of_mask(mask, own, settings.size)
    centre = camera.camera_from_world @ np.append((hull.min(axis=0) + hull.max(axis=0)) / 2, 1.0)
    scale, guessed = float(view.R_camera_virtual[:, 2] @ centre[:3]) / view.distance, None
    if complete is not None:
        made = complete(observation)
        view, guessed = made.view, made.guessed
        scale = made.scale if with_depth else scale
    crop = Crop.of(observation, mask, settings.size, view)
    free = observed_view(crop, Scale(scale, 0.0, "depth" if with_depth else "unit"), rim=False)
    cloud = union_cloud(free, guessed, count=settings.cloud, rng=rng)
    return Shot(crop, scale, with_depth, cloud, camera.world_from_camera @ view.similarity(scale))


def _sampling(hull: np.ndarray, settings: ShotSettings) -> ViewSampling:
    """View distribution in which the camera keeps the sensor's least distance."""
    radius = float(np.linalg.norm(hull - (hull.min(axis=0) + hull.max(axis=0)) / 2, axis=1).max())
    low, high = settings.theta
    high = float(np.clip(np.rad2deg(np.arcsin(min(radius / settings.closest, 1.0))), 0.6 * low, high))
    return ViewSampling(theta=(min(low, 0.8 * high), high))


def _real_camera(virtual: VirtualView, rng: np.random.Generator, settings: ShotSettings) -> Camera:
    """The window of a real camera around the object, slightly larger than its cone."""
    field = 2 * 1.05 * FIELD_MARGIN * virtual.theta
    side = int(np.clip(round(2 * rng.uniform(*settings.focal) * np.tan(field / 2)), 48, 640))
    return Camera.from_fov(field, side, side, virtual.camera.world_from_camera)


def _table(camera: Camera) -> Plane:
    """The plane z = 0 in the camera's frame."""
    normal = camera.camera_from_world[:3, 2]
    return Plane(normal, -float(normal @ camera.camera_from_world[:3, 3]))
