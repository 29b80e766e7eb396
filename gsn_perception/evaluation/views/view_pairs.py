"""Objects on a table seen by a camera that moves: a reference view and second views at given angles from it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.tabletop import TabletopScene

ELEVATION = 15.0, 65.0
"""Degrees of the reference view above the table."""
_LOWEST, _HIGHEST = 10.0, 75.0  # degrees of the second view
_ROLL = 15.0  # degrees; largest roll of either view
_NEAREST = 0.4  # metres
_CONE = np.sin(np.deg2rad(14.0))  # largest half-angle of the object's bounding sphere
_ASIDE = 0.03  # of the distance; how far beside the object a camera aims


@dataclass(frozen=True, slots=True, eq=False)
class PairCase:
    """An object on a table from a reference view and others; metres, in the reference camera's optical frame.

    Attributes:
        name: The object's.
        shape: box, mid, open or unknown.
        reference: Colour, mask (label 1) and measured depth; no support plane.
        others: Angle in degrees to the second view and its pose ``T_reference_camera`` [4,4].
        centre: [3] of the true box.
        truth: The true surface.
        plane: The table.
    """

    name: str
    shape: str
    reference: Observation
    others: Mapping[float, tuple[Observation, np.ndarray]]
    centre: np.ndarray
    truth: Mesh
    plane: Plane


def pair_case(item: TexturedMesh, angles: Sequence[float], number: int, *, seed: int = 0) -> PairCase:
    """The object on its own z = 0; ``number`` counts the views of an object, and chooses the camera with the seed."""
    rng = np.random.default_rng([seed, zlib.crc32(item.name.encode()), number])
    item = item.recentred()
    scene = TabletopScene((PlacedObject(item, np.eye(4), 1),), random_table(rng), Lighting.random(rng))
    up, azimuth = np.deg2rad(rng.uniform(*ELEVATION)), rng.uniform(-np.pi, np.pi)
    towards = np.array([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)])
    pose = _camera_pose(item, towards, rng)
    reference = _observe(scene, pose, rng)
    others = {}
    for angle in angles:
        there = _camera_pose(item, _turned(towards, np.deg2rad(angle), rng), rng)
        others[angle] = (_observe(scene, there, rng), np.linalg.inv(pose) @ there)
    inverse = np.linalg.inv(pose)
    return PairCase(
        item.name,
        item.shape,
        reference,
        others,
        transform_points(inverse, _centre(item)),
        item.mesh.transform(inverse),
        scene.support_plane(reference.camera.at(pose)),
    )


def with_pose_error(pose: np.ndarray, millimetres: float, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """A pose [4,4] whose camera is off by a random shift of ``millimetres`` and a random turn of ``degrees``."""
    shift, axis = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * axis).as_matrix()
    return pose @ make_transform(turn, millimetres / 1000 * shift)


def _centre(item: TexturedMesh) -> np.ndarray:
    vertices = item.mesh.vertices.astype(np.float64)
    return np.asarray(0.5 * (vertices.min(axis=0) + vertices.max(axis=0)))


def _camera_pose(item: TexturedMesh, towards: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[4,4] of a camera in direction ``towards`` [3] from the object, aimed a little beside it, with a roll."""
    radius = 0.5 * float(np.linalg.norm(item.extent))
    distance = max(_NEAREST, radius / _CONE) * rng.uniform(1.0, 1.25)
    centre = _centre(item)
    aim = centre + _ASIDE * distance * rng.normal(size=3)
    return look_at(centre + distance * towards, aim, roll=np.deg2rad(rng.uniform(-_ROLL, _ROLL)))


def _turned(towards: np.ndarray, angle: float, rng: np.random.Generator) -> np.ndarray:
    """A direction [3] at ``angle`` radians from another one; of random ones the first at a usual elevation."""
    for _ in range(100):
        other = rng.normal(size=3)
        side = other - (other @ towards) * towards
        turned = np.cos(angle) * towards + np.sin(angle) * side / np.linalg.norm(side)
        if np.sin(np.deg2rad(_LOWEST)) < turned[2] < np.sin(np.deg2rad(_HIGHEST)):
            break
    return np.asarray(turned)


def _observe(scene: TabletopScene, pose: np.ndarray, rng: np.random.Generator) -> Observation:
    camera = Camera.from_fov(1.0, 640, 480)
    seen = scene.observe(camera.at(pose), sensor=DepthSensor(), seed=int(rng.integers(1 << 31)))
    return replace(seen, support_plane=None, camera=camera)
