"""The novel-view protocol: sampling of the input viewpoint and of the target cameras on a sphere."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh


@dataclass(frozen=True, slots=True)
class Protocol:
    """How views are sampled; ``seed`` and the object's name determine all random numbers.

    Attributes:
        novel_views: Target views per object, azimuths stratified.
        size: Their side in pixels.
        elevation: Range of elevations in degrees, input and targets.
        cone: Range of the half-angle (degrees) of the object's bounding sphere in the input camera.
        input_size: Width and height of the input camera's image.
        input_focal: Its focal length in pixels.
        margin: Half-field of a target divided by the half-angle of the bounding sphere.
        seed: Of all random numbers.
    """

    novel_views: int = 8
    size: int = 128
    elevation: tuple[float, float] = (-10.0, 70.0)
    cone: tuple[float, float] = (8.0, 15.0)
    input_size: tuple[int, int] = (640, 480)
    input_focal: float = 600.0
    margin: float = FIELD_MARGIN
    seed: int = 0

    def rng(self, name: str) -> np.random.Generator:
        """The random generator of one object."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """A camera around an object, with the object anywhere in its image.

    Attributes:
        camera: Its world is the object's frame.
        view: The object-centred view of the object's vertices (that of a perfect mask, up to a pixel).
        scale: True metres per normalised unit: the box centre's distance along the view's axis over ``view.distance``.
        roll: Of the camera about its optical axis, radians.
    """

    camera: Camera
    view: ObjectView
    scale: float
    roll: float = 0.0

    @property
    def camera_from_object(self) -> np.ndarray:
        """[4,4] rigid."""
        return self.camera.camera_from_world

    @property
    def similarity(self) -> np.ndarray:
        """[4,4] from the normalised frame to the camera's, metres."""
        return self.view.similarity(self.scale)

    def seen_from_camera(self, cameras: Sequence[Camera]) -> list[Camera]:
        """Cameras of the object's frame with this viewpoint's camera frame as their world."""
        return [c.at(self.camera_from_object @ c.world_from_camera) for c in cameras]

    def rolled(self, item: TexturedMesh, angle: float) -> Viewpoint:
        """The same camera rolled by ``angle`` radians about its optical axis."""
        camera = self.camera.at(self.camera.world_from_camera @ axial_roll(angle))
        return replace(viewpoint_of(item, camera), roll=self.roll + angle)


def true_scale(view: ObjectView, centre: np.ndarray) -> float:
    """Metres per normalised unit that put the cube's centre as far along the axis as ``centre`` [3], camera frame.

    With it, images do not depend on the estimate of the scale.
    """
    return float(view.R_camera_virtual[:, 2] @ centre) / view.distance


def axial_roll(angle: float) -> np.ndarray:
    """[4,4] from the frame of a camera rolled by ``angle`` radians about its optical axis to that of the unrolled camera."""
    return make_transform(rotation_about_z(angle), np.zeros(3))


def rolled_back(splat: Gaussians, view: ObjectView, angle: float, centre: np.ndarray) -> Gaussians:
    """The splat of a camera rolled by ``angle`` radians, in metres, in the frame of the unrolled camera.

    Args:
        splat: In the normalised frame of ``view``.
        view: Of the rolled camera.
        angle: Roll about its optical axis.
        centre: [3] of the true box in the unrolled camera's frame, which fixes the scale.
    """
    turn = axial_roll(angle)
    scale = true_scale(view, turn[:3, :3].T @ centre)
    return splat.transform(turn @ view.similarity(scale))


def viewpoint_of(item: TexturedMesh, camera: Camera) -> Viewpoint:
    """The viewpoint of a camera whose world is the object's frame."""
    vertices = transform_points(camera.camera_from_world, item.mesh.vertices.astype(np.float64))
    view = ObjectView.of_rays(vertices, 128)
    centre = transform_points(camera.camera_from_world, box_centre(item))
    return Viewpoint(camera, view, true_scale(view, centre))


def box_centre(item: TexturedMesh) -> np.ndarray:
    """[3] float64 centre of the axis-aligned box, object frame."""
    vertices = item.mesh.vertices.astype(np.float64)
    return 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))


def bounding_radius(item: TexturedMesh) -> float:
    """Radius of the smallest sphere about the box centre that contains every vertex, metres."""
    return float(np.linalg.norm(item.mesh.vertices - box_centre(item), axis=1).max())


def draw_viewpoint(item: TexturedMesh, rng: np.random.Generator, protocol: Protocol) -> Viewpoint:
    """A random input viewpoint: elevation, distance and position in the image vary, the whole object is in view."""
    cone = np.deg2rad(rng.uniform(*protocol.cone))
    eye = _on_sphere(rng.uniform(0, 2 * np.pi), rng, protocol) * bounding_radius(item) / np.sin(cone)
    centre = box_centre(item)
    width, height = protocol.input_size
    camera = Camera.from_fov(2 * np.arctan(0.5 * width / protocol.input_focal), width, height)
    pose = look_at(eye + centre, centre)
    return viewpoint_of(item, camera.at(pose @ _aside(camera, cone, rng)))


def _aside(camera: Camera, cone: float, rng: np.random.Generator) -> np.ndarray:
    """[4,4] rotation that moves the object off the optical axis and keeps its bounding sphere in the image."""
    room = np.arctan(0.5 * np.array([camera.width, camera.height]) / camera.K[0, 0]) - 1.1 * cone
    yaw, pitch = rng.uniform(-1, 1, 2) * np.maximum(room, 0) * 0.9
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return make_transform(about_y @ about_x, np.zeros(3))


def draw_targets(item: TexturedMesh, distance: float, rng: np.random.Generator, protocol: Protocol) -> list[Camera]:
    """Cameras (world = object frame) at one distance that look at the box centre; their field fits the bounding sphere."""
    field = 2 * protocol.margin * np.arcsin(min(bounding_radius(item) / distance, 0.9))
    camera = Camera.from_fov(field, protocol.size, protocol.size)
    centre, start = box_centre(item), rng.uniform(0, 2 * np.pi)
    step = 2 * np.pi / protocol.novel_views
    azimuths = start + step * (np.arange(protocol.novel_views) + rng.uniform(-0.5, 0.5, protocol.novel_views))
    eyes = [centre + distance * _on_sphere(a, rng, protocol) for a in azimuths]
    return [camera.at(look_at(eye, centre)) for eye in eyes]


def _on_sphere(azimuth: float, rng: np.random.Generator, protocol: Protocol) -> np.ndarray:
    elevation = np.deg2rad(rng.uniform(*protocol.elevation))
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])
