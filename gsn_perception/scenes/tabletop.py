"""Synthetic table-top scenes with several objects, and their RGB-D observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.views import camera_ring
from gsn_perception.scenes.views import tabletop_camera

_WALL = (196.0, 198.0, 200.0)


@dataclass(frozen=True, slots=True, eq=False)
class TabletopScene:
    """Objects that rest on the plane z = 0 of a table, z up, metres.

    Attributes:
        placed: The objects at their poses; labels 1, 2, ...
        table: The table's top, label 0.
        lighting: The light.
        background: [3] RGB in [0, 255] beyond the table.
    """

    placed: tuple[PlacedObject, ...]
    table: TexturedMesh
    lighting: Lighting = field(default_factory=Lighting)
    background: tuple[float, float, float] = _WALL
    _caster: list[RayCaster] = field(default_factory=list, repr=False)

    @property
    def caster(self) -> RayCaster:
        """The ray caster; built at first use."""
        if not self._caster:
            self._caster.append(RayCaster([*self.placed, PlacedObject(self.table, np.eye(4), 0)]))
        return self._caster[0]

    @property
    def centre(self) -> np.ndarray:
        """[3] middle of the objects' common box."""
        vertices = np.concatenate([self.mesh(p.label).vertices for p in self.placed])
        return (vertices.min(axis=0) + vertices.max(axis=0)).astype(np.float64) / 2

    def mesh(self, label: int, camera: Camera | None = None) -> Mesh:
        """An object's true mesh in the world, or in a camera's optical frame.

        Raises:
            InputError: no object has this label.
        """
        placed = next((p for p in self.placed if p.label == label), None)
        if placed is None:
            raise InputError(f"no object {label} on the table; labels are 1 to {len(self.placed)}")
        T = placed.T_world_object if camera is None else camera.camera_from_world @ placed.T_world_object
        return placed.item.vertex_colored().transform(T)

    def support_plane(self, camera: Camera) -> Plane:
        """The table's plane in the camera's optical frame, normal upwards."""
        pose = camera.world_from_camera
        return Plane(pose[2, :3], float(pose[2, 3]))

    def observe(
        self,
        camera: Camera,
        *,
        sensor: DepthSensor | None = None,
        seed: int = 0,
        supersample: int = 2,
        stamp: int = 0,
        frame_id: str = "camera",
    ) -> Observation:
        """One frame.

        Args:
            camera: In the world; see :func:`~gsn_perception.scenes.views.tabletop_camera`.
            sensor: Adds its errors to the depth; without a sensor the depth is exact.
            seed: Seed of the sensor's noise.
            supersample: Samples per pixel and axis.
            stamp: Nanoseconds.
            frame_id: Name of the optical frame.

        Returns:
            Colour, instance labels, depth and the support plane. Support plane and depth are in the optical frame.
        """
        view = self.caster.render(
            camera, lighting=self.lighting, background=self.background, supersample=supersample, shadows=True
        )
        depth = view.depth
        if sensor is not None:
            depth = sensor.measure(depth, camera, np.random.default_rng(seed))
        mask = view.labels.astype(np.uint8) if len(self.placed) < 256 else view.labels
        plane = self.support_plane(camera)
        return Observation(view.rgb, camera, mask, depth, plane, stamp=stamp, frame_id=frame_id)

    def orbit(self, camera: Camera, count: int, *, arc: float = 2 * np.pi) -> list[Camera]:
        """``count`` copies of ``camera`` on a circle around the objects, from its own position, looking at their centre.

        Args:
            camera: Its height, distance and intrinsics are kept.
            count: Cameras.
            arc: Radians covered; a full turn does not repeat its first camera.
        """
        offset = camera.world_from_camera[:3, 3] - self.centre
        distance = float(np.linalg.norm(offset))
        elevation = float(np.arcsin(offset[2] / distance))
        start = float(np.arctan2(offset[1], offset[0]))
        steps = start + arc * np.arange(count) / count
        return [camera_ring(camera, self.centre, distance, elevation, 1, start=a)[0] for a in steps]

    def swing(self, camera: Camera, count: int, *, arc: float = 2 * np.pi) -> list[Camera]:
        """As :meth:`orbit`, moved like a camera in a robot's hand: height, distance, aim and roll change on the way.

        Args:
            camera: Where it begins; its intrinsics are kept.
            count: Cameras.
            arc: Radians covered.
        """
        path = []
        for k, level in enumerate(self.orbit(camera, count, arc=arc)):
            way = 2 * np.pi * k / max(count, 2)
            offset = level.world_from_camera[:3, 3] - self.centre
            offset *= 1.0 - 0.1 * np.sin(way)
            offset[2] *= 1.0 + 0.25 * np.sin(2 * way)
            aim = self.centre + 0.02 * np.array([np.sin(3 * way), np.cos(way) - 1, 0.0])
            pose = look_at(self.centre + offset, aim, roll=np.deg2rad(10.0) * np.sin(way))
            path.append(camera.at(pose))
        return path


def random_tabletop(
    objects: Sequence[TexturedMesh], seed: int, count: int = 4, *, gap: float = 0.04, max_extent: float = 0.35
) -> tuple[TabletopScene, Camera]:
    """A random scene and a camera of a robot that looks at it.

    Args:
        objects: Candidates; an object repeats only if there are fewer than ``count``.
        seed: Seed of all random numbers.
        count: Objects on the table.
        gap: Least distance between the objects' footprints, metres.
        max_extent: Metres; larger objects are not used.

    Raises:
        InputError: ``count`` is not positive or no object is small enough.
    """
    small = [o for o in objects if o.extent.max() <= max_extent]
    if not small or count < 1:
        raise InputError(f"no object of at most {max_extent} m for the table; give smaller objects and a count above 0")
    rng = np.random.default_rng(seed)
    order = [i for _ in range(-(-count // len(small))) for i in rng.permutation(len(small))][:count]
    footprints: list[np.ndarray] = []
    placed: list[PlacedObject] = []
    for label, index in enumerate(order, start=1):
        item = small[index].recentred()
        rotation = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi)).as_matrix()
        outline = _footprint(item.mesh.vertices @ rotation[:2].T)
        shift = _free_place(outline, footprints, rng, gap)
        footprints.append(outline + shift)
        placed.append(PlacedObject(item, make_transform(rotation, np.array([*shift, 0.0])), label))
    scene = TabletopScene(tuple(placed), random_table(rng), Lighting.random(rng))
    return scene, tabletop_camera(rng, target=scene.centre)


def _footprint(points: np.ndarray) -> np.ndarray:
    """[K,2] corners of the convex hull of points [N,2]."""
    return points[ConvexHull(points).vertices]


def _free_place(outline: np.ndarray, taken: list[np.ndarray], rng: np.random.Generator, gap: float) -> np.ndarray:
    """A shift [2] that keeps ``outline`` at distance ``gap`` from those ``taken``; the search radius grows until one is found."""
    radius = 0.05 if not taken else 0.12
    while True:
        for _ in range(20):
            angle, distance = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.random())
            shift = distance * np.array([np.cos(angle), np.sin(angle)])
            if all(polygon_gap(outline + shift, other) > gap for other in taken):
                return shift
        radius *= 1.15


def polygon_gap(a: np.ndarray, b: np.ndarray) -> float:
    """The widest gap between two convex polygons [K,2], [L,2] along any edge normal; negative where they overlap.

    A lower bound of their distance (exact against an edge), enough to keep them apart.
    """
    widest = -np.inf
    for polygon in (a, b):
        edges = np.roll(polygon, -1, axis=0) - polygon
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        pa, pb = a @ normals.T, b @ normals.T  # [K, E], [L, E]
        gaps = np.maximum(pb.min(axis=0) - pa.max(axis=0), pa.min(axis=0) - pb.max(axis=0))
        widest = max(widest, float(gaps.max()))
    return widest
