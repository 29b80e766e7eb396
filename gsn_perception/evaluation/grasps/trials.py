"""Grasp trials: an object at rest on a table, seen once by an RGB-D camera."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gsn_perception.evaluation.physics.judge import Judge
from gsn_perception.evaluation.physics.judge import JudgeSettings
from gsn_perception.evaluation.physics.parts import convex_parts
from gsn_perception.evaluation.physics.solid import solid_of
from gsn_perception.evaluation.physics.world import body_of
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping import Gripper
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.shapes.stable_pose import settle
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.tabletop import TabletopScene
from gsn_perception.scenes.views import tabletop_camera

ELEVATION = (30.0, 60.0)
"""Range of the elevation of a robot's camera above the table, degrees."""
_DRAWS = 60  # random directions from which the object is dropped to find its stable poses
_SAME = np.cos(np.deg2rad(15))
_ROLLED = np.cos(np.deg2rad(20))  # a pose that rolls farther than this when it settles is not stable


@dataclass(frozen=True, slots=True, eq=False)
class RestingObject:
    """An object at rest on the table (z = 0, z up).

    Attributes:
        item: The object.
        index: Number of the pose.
        T_world_object: [4,4].
    """

    item: TexturedMesh
    index: int
    T_world_object: np.ndarray

    @property
    def mesh(self) -> Mesh:
        """The true mesh in the world, with faces outwards whatever their orientation in the file."""
        return solid_of(self.item.mesh).outward.transform(self.T_world_object)


@dataclass(frozen=True, eq=False)
class Trial:
    """One view of an object at rest.

    Attributes:
        resting: The object at its pose.
        index: Number of the camera.
        scene: The table with the object, label 1.
        camera: In the world.
        noise: Seed of the depth sensor's errors.
    """

    resting: RestingObject
    index: int
    scene: TabletopScene
    camera: Camera
    noise: int

    @cached_property
    def observation(self) -> Observation:
        """Colour, mask and simulated sensor depth, camera frame; no support plane. Rendered at first access."""
        seen = self.scene.observe(self.camera, sensor=DepthSensor(), seed=self.noise)
        return Observation(image=seen.image, camera=self.camera.at(np.eye(4)), mask=seen.mask, depth=seen.depth)


def make_judge(
    item: TexturedMesh, gripper: Gripper, cache: Path | None = None, settings: JudgeSettings | None = None
) -> Judge:
    """The judge of grasps on an object; its convex parts are cached in ``cache``."""
    settings = settings or JudgeSettings()
    parts = convex_parts(item.mesh, cache)
    return Judge(parts, body_of(item.mesh, parts, settings.world.density), gripper, settings)


def resting_poses(item: TexturedMesh, judge: Judge, count: int, seed: int) -> list[RestingObject]:
    """Up to ``count`` different stable poses, the most likely first, each at a random yaw.

    The object is dropped from uniform random directions; a pose that rolls away in the simulation is left out. An object
    with fewer poses is repeated at other yaws.
    """
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
    solid = solid_of(item.mesh).closed
    downs: list[np.ndarray] = []
    votes: list[int] = []
    for direction in rng.normal(size=(_DRAWS, 3)):
        down = -settle(solid, direction / np.linalg.norm(direction))[2]  # direction of the object that points down
        same = [i for i, other in enumerate(downs) if other @ down > _SAME]
        if same:
            votes[same[0]] += 1
        else:
            downs.append(down)
            votes.append(1)
    found: list[RestingObject] = []
    order = [downs[i] for i in np.argsort(-np.array(votes), kind="stable")]
    for down in order * count:
        pose = _rest(solid, judge, down, rng)
        if pose is not None:
            found.append(RestingObject(item, len(found), pose))
        if len(found) == count:
            break
    return found


def _rest(solid: Mesh, judge: Judge, down: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """[4,4] pose in which the object comes to rest, None where it rolls over."""
    upright = settle(solid, down)
    rotation = rotation_about_z(rng.uniform(-np.pi, np.pi)) @ upright
    points = solid.vertices.astype(np.float64) @ rotation.T
    low, high = points.min(axis=0), points.max(axis=0)
    start = make_transform(rotation, [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 0.001 - low[2]])  # type: ignore[arg-type]
    pose = judge.settle(start)
    turned = float(pose[2, :3] @ start[2, :3])
    return pose if turned > _ROLLED and np.linalg.norm(pose[:2, 3] - start[:2, 3]) < 0.05 else None


def make_trial(
    resting: RestingObject, index: int, seed: int, *, roll: float = 0.0, elevation: tuple[float, float] = ELEVATION
) -> Trial:
    """A view of an object at rest; table, light, camera and noise are determined by name, numbers and seed.

    Args:
        resting: The object.
        index: Number of the camera.
        seed: Of all random numbers.
        roll: Rotation of the camera about its optical axis, radians.
        elevation: Range of the camera's elevation, degrees.
    """
    name = resting.item.name.encode()
    rng = np.random.default_rng([seed, zlib.crc32(name), resting.index, index])
    scene = TabletopScene(
        (PlacedObject(resting.item, resting.T_world_object, 1),), random_table(rng), Lighting.random(rng)
    )
    camera = _camera(rng, scene, resting, elevation)
    if roll:
        camera = camera.at(camera.world_from_camera @ make_transform(rotation_about_z(roll), np.zeros(3)))
    return Trial(resting, index, scene, camera, int(rng.integers(1 << 31)))


def _camera(
    rng: np.random.Generator, scene: TabletopScene, resting: RestingObject, elevation: tuple[float, float]
) -> Camera:
    """A camera with the whole object in view at any roll."""
    points = resting.mesh.vertices.astype(np.float64)
    for _ in range(50):
        camera = tabletop_camera(rng, target=scene.centre, elevation=elevation)
        inside = transform_points(camera.camera_from_world, points)
        radius = np.linalg.norm(camera.project(inside) - [camera.width / 2, camera.height / 2], axis=1).max()
        if radius < 0.48 * min(camera.width, camera.height):
            break
    return camera
