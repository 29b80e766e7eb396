"""Camera poses around objects: object-centred training views, rings, table-top viewpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial import QhullError
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform


@dataclass(frozen=True, slots=True)
class ViewSampling:
    """Distribution of training views.

    Attributes:
        theta: Degrees; range of the cone's half-angle, log-uniform.
        elevation: Degrees; range of the camera's height above the horizon.
        upper: Share of views from above 15 degrees of elevation, as of robots that look down.
        upright: Share of views with a roll of a few degrees only; the others have any roll.
    """

    theta: tuple[float, float] = (4.0, 24.0)
    elevation: tuple[float, float] = (-10.0, 75.0)
    upper: float = 0.75
    upright: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class VirtualView:
    """The object-centred virtual camera of one view of a known object.

    Attributes:
        camera: The virtual camera in the world.
        theta: Half-angle of the cone around the object, radians.
        scale: Metres per unit of the view's normalised frame: distance of the box centre along the axis over ``d``.
    """

    camera: Camera
    theta: float
    scale: float

    @classmethod
    def of(cls, vertices: np.ndarray, world_from_camera: np.ndarray, size: int) -> VirtualView:
        """Around ``vertices`` [N,3] (world, metres; hull vertices suffice) seen from a real camera's pose [4,4]."""
        rotation, eye = world_from_camera[:3, :3], world_from_camera[:3, 3]
        view = ObjectView.of_rays((vertices - eye) @ rotation, size)
        pose = make_transform(rotation @ view.R_camera_virtual, eye)
        centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        scale = float((centre - eye) @ pose[:3, 2]) / view.distance
        return cls(view.camera.at(pose), view.theta, scale)

    @property
    def world_from_normalised(self) -> np.ndarray:
        """[4,4] similarity ``x -> s R (p + d e_z) + eye``."""
        R, eye = self.camera.world_from_camera[:3, :3], self.camera.world_from_camera[:3, 3]
        return make_transform(R, eye + self.scale * 0.5 / np.sin(self.theta) * R[:, 2], self.scale)


def hull_vertices(vertices: np.ndarray) -> np.ndarray:
    """The vertices [M,3] float64 on the convex hull; they have the same cone and box as all vertices."""
    vertices = np.asarray(vertices, dtype=np.float64)
    try:
        return vertices[ConvexHull(vertices).vertices]
    except QhullError:  # flat or too few
        return vertices


def sphere_direction(rng: np.random.Generator, elevation: tuple[float, float], upper: float = 0.0) -> np.ndarray:
    """A unit direction [3] from an object to a camera, uniform on the band of the sphere.

    Args:
        rng: Random generator.
        elevation: Degrees above the horizon, from and to.
        upper: Share of draws restricted to 15 degrees and more above the horizon.
    """
    low, high = elevation
    if rng.random() < upper:
        low = min(max(low, 15.0), high)
    z = rng.uniform(np.sin(np.deg2rad(low)), np.sin(np.deg2rad(high)))
    azimuth = rng.uniform(0, 2 * np.pi)
    flat = np.sqrt(1 - z * z)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), z])


def sphere_view(rng: np.random.Generator, hull: np.ndarray, size: int, sampling: ViewSampling) -> VirtualView:
    """A random training view of an object.

    Args:
        rng: Random generator.
        hull: [N,3] its hull vertices, metres.
        size: Side of the image in pixels.
        sampling: Ranges.
    """
    theta = np.deg2rad(np.exp(rng.uniform(*np.log(sampling.theta))))
    direction = sphere_direction(rng, sampling.elevation, sampling.upper)
    upright = rng.random() < sampling.upright
    roll = rng.normal(0, np.deg2rad(6)) if upright else rng.uniform(-np.pi, np.pi)
    return view_from(hull, direction, theta, size, roll=roll)


def view_from(hull: np.ndarray, direction: np.ndarray, theta: float, size: int, *, roll: float = 0.0) -> VirtualView:
    """The object-centred view from ``direction`` [3], at the distance where the object's cone is ``theta`` (radians).

    Two secant-like corrections give the distance to a few per cent.
    """
    centre = (hull.min(axis=0) + hull.max(axis=0)) / 2
    radius = float(np.linalg.norm(hull - centre, axis=1).max())
    closest = 1.05 * radius
    distance = max(radius / np.sin(theta), closest)
    for _ in range(2):
        pose = look_at(centre + distance * direction, centre, roll=roll)
        view = VirtualView.of(hull, pose, size)
        distance = max(distance * np.sin(view.theta) / np.sin(theta), closest)
    return VirtualView.of(hull, look_at(centre + distance * direction, centre, roll=roll), size)


def camera_ring(
    camera: Camera, centre: np.ndarray, distance: float, elevation: float, count: int, *, start: float = 0.0
) -> list[Camera]:
    """``count`` copies of ``camera`` on a ring, looking at ``centre``.

    Args:
        camera: Its intrinsics are used.
        centre: [3] metres.
        distance: From the centre, metres.
        elevation: Radians above the horizon.
        count: Cameras over the full turn.
        start: Azimuth of the first, radians.
    """
    ring = []
    for azimuth in start + 2 * np.pi * np.arange(count) / count:
        flat = np.cos(elevation)
        direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])
        ring.append(camera.at(look_at(centre + distance * direction, centre)))
    return ring


def with_pose_errors(
    cameras: Sequence[Camera], millimetres: float, degrees: float, rng: np.random.Generator
) -> list[Camera]:
    """Cameras whose poses are off by random shifts and turns about their own axes, of these standard deviations per axis."""
    moved = []
    for camera in cameras:
        shift, turn = rng.normal(scale=millimetres / 1000, size=3), rng.normal(scale=np.deg2rad(degrees), size=3)
        error = make_transform(Rotation.from_rotvec(turn).as_matrix(), shift)
        moved.append(camera.at(camera.world_from_camera @ error))
    return moved


def tabletop_camera(
    rng: np.random.Generator,
    *,
    target: np.ndarray | None = None,
    width: int = 640,
    height: int = 480,
    fov: float = np.deg2rad(60),
    distance: tuple[float, float] = (0.5, 0.9),
    elevation: tuple[float, float] = (30.0, 60.0),
) -> Camera:
    """A random camera of a robot that looks down at objects on the table.

    Args:
        rng: Random generator.
        target: [3] metres; the camera looks at it within a few centimetres; 4 cm above the table's centre by default.
        width: Pixels.
        height: Pixels.
        fov: Full horizontal field, radians.
        distance: Metres, from and to.
        elevation: Degrees by which it looks down, from and to.
    """
    target = np.array([0, 0, 0.04]) if target is None else target
    target = target + np.array([*rng.uniform(-0.03, 0.03, 2), 0.0])
    eye = target + rng.uniform(*distance) * sphere_direction(rng, elevation)
    return Camera.from_fov(float(fov), width, height, look_at(eye, target, roll=rng.normal(0, np.deg2rad(2))))
