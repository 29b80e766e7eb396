"""Rooms of boxes and vessels as a depth camera sees them; z is up and the objects stand on z = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import open3d
import trimesh

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import look_at
from gsn_perception.scenes.sensor import DepthSensor


def box(low, high):
    made = trimesh.creation.box(np.subtract(high, low))
    made.apply_translation(np.add(low, high) / 2)
    return made


def can(x, y, z, radius, height):
    made = trimesh.creation.cylinder(radius=radius, height=height)
    made.apply_translation([x, y, z + height / 2])
    return made


def cup(x, y, z, radius=0.04, height=0.1):
    r, h = radius, height
    made = trimesh.creation.revolve(
        np.array([[0, 0], [r, 0], [r, h], [r - 0.003, h], [r - 0.004, 0.004], [0, 0.004]]), sections=48
    )
    made.apply_translation([x, y, z])
    return made


TABLE = box([-1.5, -1.5, -0.02], [1.5, 1.5, 0])


@dataclass(frozen=True)
class Seen:
    """What the camera measured, and the truth."""

    camera: Camera
    depth: np.ndarray
    labels: np.ndarray  # [H,W] uint8, number of the thing
    plane: Plane  # z = 0
    down: np.ndarray
    image: np.ndarray

    def agrees(self, plane, degrees=2.0, metres=0.008):
        """Whether a plane is that under the largest thing."""
        points = self.camera.back_project(self.depth).astype(float)[self.labels > 0]
        foot = np.nanmedian(points, axis=0)
        foot -= self.plane.normal * self.plane.height(foot)
        return plane.normal @ self.plane.normal > np.cos(np.deg2rad(degrees)) and abs(plane.height(foot)) < metres


def seen(
    things, furniture=(TABLE,), *, elevation=40, distance=0.8, turn=0.3, seed=0, colours=None, around=(0, 0, 0.05)
):
    """Things (labels 1, 2, ...) and furniture from a camera ``elevation`` degrees above the horizon, with its noise."""
    e, a = np.deg2rad(elevation), turn - np.pi / 2
    eye = around + distance * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    camera = Camera.from_fov(1.05, 640, 480, look_at(eye, np.array(around)))
    caster = open3d.t.geometry.RaycastingScene(nthreads=1)
    for part in (*things, *furniture):
        caster.add_triangles(part.vertices.astype(np.float32), part.faces.astype(np.uint32))
    pose = camera.world_from_camera
    rays = camera.pixel_rays() @ pose[:3, :3].T
    hit = caster.cast_rays(np.concatenate([np.broadcast_to(pose[:3, 3], rays.shape), rays], -1).astype(np.float32))
    depth, owner = hit["t_hit"].numpy().copy(), hit["geometry_ids"].numpy()
    depth[~np.isfinite(depth)] = np.nan
    labels = np.where(owner < len(things), owner + 1, 0).astype(np.uint8)
    palette = np.full((len(things) + 1, 3), 128, np.uint8)
    if colours is not None:
        palette[1:] = colours
    noise = np.random.default_rng(seed).normal(size=(480, 640, 1)) * 4
    image = np.clip(palette[labels] + noise, 0, 255).astype(np.uint8)
    return Seen(
        camera.at(np.eye(4)),
        DepthSensor().measure(depth, camera, np.random.default_rng(seed)),
        labels,
        Plane(pose[2, :3], float(pose[2, 3])),
        -pose[2, :3],
        image,
    )
