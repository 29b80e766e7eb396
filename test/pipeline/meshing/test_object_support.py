"""Objects on a table, seen from above and from the side, standing and held: meshes end at the table."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from gsn_perception import Camera
from gsn_perception import Mesh
from gsn_perception import Reconstruction
from gsn_perception import Reconstructor
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.table import random_table
from gsn_perception.scenes.tabletop import TabletopScene


@pytest.fixture(scope="module")
def reconstructor():
    return Reconstructor.from_pretrained(device="cpu")


def box(*sides):
    made = trimesh.creation.box(sides).subdivide().subdivide()
    colors = np.tile(np.float32([0.6, 0.3, 0.2]), (len(made.vertices), 1))
    return TexturedMesh("box", Mesh(made.vertices, made.faces, colors=colors))


def family(name, seed, longest):
    item = random_object(seed, name)
    return item.scaled(longest / float(item.extent.max()))


def seen(item, elevation, lift=0.0, distance=0.55):
    """The frame without its plane, the true mesh and the table in the camera's frame."""
    rng = np.random.default_rng(0)
    item = item.recentred()
    place = make_transform(np.eye(3), np.array([0, 0, lift]))
    scene = TabletopScene((PlacedObject(item, place, 1),), random_table(rng), Lighting.random(rng))
    up = np.deg2rad(elevation)
    eye = scene.centre + distance * np.array([0.92 * np.cos(up), 0.39 * np.cos(up), np.sin(up)])
    camera = Camera.from_fov(1.0, 640, 480, look_at(eye, scene.centre))
    observation = scene.observe(camera, sensor=DepthSensor(), seed=1, supersample=1)
    frame = replace(observation, support_plane=None, camera=Camera(camera.K, 640, 480))
    return frame, scene.mesh(1, camera), scene.support_plane(camera)


CASES = {
    "book": box(0.2, 0.14, 0.02),
    "phone": box(0.15, 0.072, 0.008),
    "can": family("can", 1, 0.11),
    "bottle": family("bottle", 2, 0.18),
}


@pytest.mark.parametrize("elevation", [50, 88])
@pytest.mark.parametrize("name", CASES)
def test_the_mesh_ends_at_the_table_and_is_as_large_as_the_object(reconstructor, name, elevation):
    frame, truth, plane = seen(CASES[name], elevation)
    (result,) = reconstructor(frame)
    assert isinstance(result, Reconstruction), result
    height = plane.height(result.mesh.vertices.astype(float))
    assert -0.001 < height.min() < 0.004
    assert height.max() == pytest.approx(plane.height(truth.vertices.astype(float)).max(), abs=0.004)
    assert 0.75 < result.mesh.volume() / truth.volume() < 1.35
    assert plane.height(result.points.xyz.astype(float)).min() > -0.001
    assert result.mesh.is_watertight()
    assert "not_on_plane" not in {remark.code for remark in result.remarks}


@pytest.mark.parametrize(("name", "elevation", "lift"), [("box", 35, 0.06), ("bottle", 20, 0.1), ("box", 50, 0.1)])
def test_what_is_held_in_the_air_stays_there(reconstructor, name, elevation, lift):
    item = box(0.1, 0.07, 0.05) if name == "box" else CASES[name]
    frame, _, plane = seen(item, elevation, lift)
    (result,) = reconstructor(frame)
    height = plane.height(result.mesh.vertices.astype(float))
    assert height.min() == pytest.approx(lift, abs=0.02)
    assert "not_on_plane" in {remark.code for remark in result.remarks}
    assert result.quality["remark.not_on_plane"] == 1.0
