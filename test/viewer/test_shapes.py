"""What is sent to the browser: the mesh's file, grippers as solids, features as the planner made them."""

import io
import json
import struct

import numpy as np
import trimesh
from viewer_made import CENTRE
from viewer_made import PLANE
from viewer_made import UP
from viewer_made import ball
from viewer_made import grasp_from

from gsn_perception.geometry import Mesh
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.viewer.figures import Figures
from gsn_perception.viewer.glb import linear
from gsn_perception.viewer.glb import mesh_glb
from gsn_perception.viewer.results import Note
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.shapes import bars
from gsn_perception.viewer.shapes import boxes
from gsn_perception.viewer.shapes import fork


def test_the_mesh_file_reads_back_with_a_matt_material():
    mesh = ball()
    data = mesh_glb(mesh, mesh.colors)
    (length,) = struct.unpack("<I", data[12:16])
    tree = json.loads(data[20 : 20 + length])
    assert tree["materials"][0]["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert len(data) == struct.unpack("<I", data[8:12])[0]
    (loaded,) = trimesh.load(io.BytesIO(data), file_type="glb", process=False).geometry.values()
    np.testing.assert_allclose(loaded.vertices, mesh.vertices, atol=1e-7)
    np.testing.assert_array_equal(loaded.faces, mesh.faces)
    view = tree["bufferViews"][tree["accessors"][2]["bufferView"]]
    start = 20 + length + 8 + view["byteOffset"]
    stored = np.frombuffer(data[start : start + view["byteLength"]], "<f4").reshape(-1, 3)
    np.testing.assert_allclose(stored, np.tile([0.6038, 0.01002, 0.01002], (len(stored), 1)), atol=1e-4)  # of sRGB


def test_srgb_becomes_linear_light():
    np.testing.assert_allclose(linear(np.array([0, 0.5, 1])), [0, 0.21404, 1], atol=1e-5)  # IEC 61966-2-1


def test_bars_and_boxes_are_closed_and_face_outwards():
    gripper, grasp = Gripper.named("panda"), grasp_from(-UP)
    lines = np.array([[[0, 0, 0], [0, 0, 0.1]]])
    solid = trimesh.Trimesh(*bars(lines, 0.002))
    assert solid.is_watertight
    assert solid.volume == np.float64(solid.volume)
    np.testing.assert_allclose(solid.volume, 0.002**2 * 0.102, rtol=1e-6)
    for vertices, faces in (fork(gripper, grasp, 0.002), boxes(gripper, grasp)):
        parts = trimesh.Trimesh(vertices, faces, process=False).split(only_watertight=False)
        assert len(parts) * 8 == len(vertices)
        assert all(part.is_watertight and part.volume > 0 for part in parts)


def _results(meshes, grasps):
    from gsn_perception.geometry.mesh import merge_meshes

    notes = tuple(Note(label, "", (), len(mesh.faces)) for label, mesh in meshes.items())
    return Results(None, None, merge_meshes(list(meshes.values())), list(grasps), PLANE, notes)


def test_the_features_are_those_that_the_planner_scored():
    gripper, planner = Gripper.named("panda"), GraspPlanner(Gripper.named("panda"))
    side = np.cross(UP, [1.0, 0, 0])
    meshes = {1: ball(subdivisions=3), 4: ball(CENTRE + 0.3 * side, subdivisions=3)}
    plans = {k: planner.plan(m, support_plane=PLANE, viewpoint=np.zeros(3), label=k) for k, m in meshes.items()}
    grasps = [grasp for plan in plans.values() for grasp in plan.grasps]
    assert len(grasps) > 5
    figures = Figures(_results(meshes, grasps), gripper)
    expected = np.concatenate([plan.features for plan in plans.values()])
    found = [list(figures.features(number).values()) for number in range(len(grasps))]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_table_tells_pose_width_and_height():
    rows = dict(Figures(_results({1: ball()}, [grasp_from(-UP, score=0.876)]), Gripper.named("panda")).table(0))
    assert rows["score"] == "0.88"
    assert rows["opening"] == "70 mm of 80"
    assert rows["approach"].startswith("0°")
    assert rows["TCP over plane"] == "30 mm"


def test_without_a_mesh_or_with_slivers_there_are_no_features():
    gripper, grasp = Gripper.named("panda"), grasp_from(-UP)
    assert Figures(Results(None, None, None, [grasp]), gripper).features(0) == {}
    sliver = Mesh(np.tile(CENTRE, (3, 1)), np.array([[0, 1, 2]]))
    assert Figures(Results(None, None, sliver, [grasp]), gripper).features(0) == {}
