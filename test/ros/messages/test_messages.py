"""Clouds, splats, points, meshes, planes and grasps survive the way into messages and back."""

from array import array

import numpy as np
import pytest
import torch

pytest.importorskip("rclpy")
import trimesh
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField
from visualization_msgs.msg import Marker
from visualization_msgs.msg import MarkerArray
from visualization_msgs.msg import UVCoordinate

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages import gaussians
from gsn_perception.ros.messages import grasps
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages import plane
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.points import POINT_FIELDS
from gsn_perception.ros.messages.points import cloud_to_points
from gsn_perception.ros.messages.points import points_to_cloud

HEADER = make_header(12_000_000_034, "cam_optical")
RNG = np.random.default_rng(1)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


def splat(count: int, sure: bool = True) -> Gaussians:
    g = torch.Generator().manual_seed(count)
    return Gaussians(
        means=torch.randn(count, 3, generator=g),
        scales=torch.rand(count, 3, generator=g) + 0.01,
        quats=torch.randn(count, 4, generator=g),
        colors=torch.randint(0, 256, (count, 3), generator=g) / 255,
        opacities=torch.linspace(0.01, 1, count),
        confidence=torch.rand(count, generator=g) if sure else None,
    )


def test_gaussians_round_trip():
    first, second = splat(30), splat(7)
    message = over_the_wire(gaussians.gaussians_to_cloud({3: first, 65535: second}, HEADER))
    assert message.header == HEADER
    assert [f.name for f in message.fields] == list(gaussians.GAUSSIAN_FIELDS)
    back = gaussians.cloud_to_gaussians(message)
    assert sorted(back) == [3, 65535]
    for made, given in ((back[3], first), (back[65535], second)):
        for name in ("means", "scales", "opacities", "confidence"):
            torch.testing.assert_close(getattr(made, name), getattr(given, name))
        torch.testing.assert_close(made.colors, given.colors, atol=1e-6, rtol=0)
        torch.testing.assert_close(made.covariances(), given.covariances(), atol=1e-5, rtol=1e-4)


def test_gaussians_are_thinned_by_opacity():
    given = splat(100)
    message = gaussians.gaussians_to_cloud({1: given}, HEADER, opacity_threshold=0.5, max_gaussians=10)
    rows = clouds.from_message(message)
    np.testing.assert_allclose(rows["opacity"], torch.linspace(0.01, 1, 100)[-10:], rtol=1e-6)
    np.testing.assert_array_equal(rows["confidence"], given.confidence[-10:])


def test_a_splat_without_confidence_takes_it_from_the_cloud():
    message = over_the_wire(gaussians.gaussians_to_cloud({1: splat(4), 2: splat(3, sure=False)}, HEADER))
    assert [f.name for f in message.fields] == [n for n in gaussians.GAUSSIAN_FIELDS if n != "confidence"]
    assert [made.confidence for made in gaussians.cloud_to_gaussians(message).values()] == [None, None]


def test_points_round_trip():
    values = Points(
        xyz=RNG.normal(size=(9, 3)).astype(np.float32),
        colors=np.float32(RNG.integers(0, 256, (9, 3)) / 255),
        normals=RNG.normal(size=(9, 3)).astype(np.float32),
        confidence=np.linspace(0, 1, 9, dtype=np.float32),
    )
    message = over_the_wire(points_to_cloud({5: values}, HEADER))
    assert [f.name for f in message.fields] == list(POINT_FIELDS)
    back = cloud_to_points(message)[5]
    for name in ("xyz", "normals", "confidence"):
        np.testing.assert_array_equal(getattr(back, name), getattr(values, name))
    np.testing.assert_allclose(back.colors, values.colors, atol=1e-6)


@pytest.mark.parametrize("make", [gaussians.gaussians_to_cloud, points_to_cloud])
def test_empty_clouds_keep_their_fields(make):
    message = over_the_wire(make({}, HEADER))
    assert (message.width, len(message.data)) == (0, 0)
    assert message.point_step > 0
    assert len(clouds.from_message(message, "x", "label")) == 0


def test_rgb_has_the_bits_of_pcl():
    packed = clouds.pack_rgb(np.array([[1.0, 0.5, 0.0]]))
    assert packed.view(np.uint32)[0] == 255 << 16 | 128 << 8


def organised(big: bool, pad: int) -> PointCloud2:
    order = ">" if big else "<"
    dtype = np.dtype({"names": ["x", "y", "z"], "formats": [order + "f4"] * 3, "offsets": [0, 4, 8], "itemsize": 16})
    rows = np.zeros((2, 3), dtype)
    rows["x"] = np.arange(6).reshape(2, 3)
    rows["z"] = 2
    data = b"".join(row.tobytes() + b"\xff" * pad for row in rows)
    fields = [PointField(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate("xyz")]
    return PointCloud2(
        height=2, width=3, fields=fields, is_bigendian=big, point_step=16, row_step=48 + pad, data=array("B", data)
    )


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("pad", [0, 7])
def test_organised_padded_and_big_endian_clouds(big, pad):
    np.testing.assert_array_equal(clouds.xyz_of(organised(big, pad)), [[i, 0, 2] for i in range(6)])


def test_points_that_are_not_finite_are_left_out():
    message = clouds.to_message(np.array([(0, 0, 1), (np.nan, 0, 1)], [(n, "<f4") for n in "xyz"]), HEADER)
    assert len(clouds.xyz_of(message)) == 1


@pytest.mark.parametrize("change", ["short", "field", "offset", "type", "row_step"])
def test_damaged_clouds_are_refused(change):
    cloud = organised(False, 0)
    if change == "short":
        cloud.data = cloud.data[:-1]
    elif change == "field":
        cloud.fields = cloud.fields[:2]
    elif change == "offset":
        cloud.fields[2].offset = 14
    elif change == "type":
        cloud.fields[0].datatype = 99
    else:
        cloud.row_step = 40
    with pytest.raises(InputError):
        clouds.xyz_of(cloud)


def coloured_ball() -> Mesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.05)
    return Mesh(ball.vertices + [0, 0, 0.5], ball.faces, colors=RNG.random((len(ball.vertices), 3)))


def test_mesh_markers_round_trip():
    ball = coloured_ball()
    message = over_the_wire(meshes.meshes_to_markers({7: ball, 9: ball.transform(np.diag([2.0, 2, 2, 1]))}, HEADER))
    assert [m.action for m in message.markers] == [Marker.DELETEALL, Marker.ADD, Marker.ADD]
    assert all(m.header == HEADER for m in message.markers)
    marker = message.markers[1]
    assert (marker.id, marker.type, marker.pose.orientation.w) == (7, Marker.TRIANGLE_LIST, 1.0)
    assert (marker.scale.x, marker.scale.y, marker.scale.z, marker.color.a) == (1.0, 1.0, 1.0, 1.0)
    assert len(marker.points) == len(marker.colors) == 3 * len(ball.faces)
    assert all(c.a == 1.0 for c in marker.colors)
    back = meshes.markers_to_meshes(message)
    assert sorted(back) == [7, 9]
    assert back[7].is_watertight()
    assert len(back[7].vertices) == len(ball.vertices)
    assert back[7].volume() == pytest.approx(ball.volume(), rel=1e-6)
    assert back[9].volume() == pytest.approx(8 * ball.volume(), rel=1e-5)
    order = np.lexsort(ball.vertices.T), np.lexsort(back[7].vertices.T)
    np.testing.assert_allclose(back[7].vertices[order[1]], ball.vertices[order[0]], atol=1e-7)
    np.testing.assert_allclose(back[7].colors[order[1]], ball.colors[order[0]], atol=1e-6)


@pytest.mark.parametrize("labels", [(), (7,), (3, 65535)])
@pytest.mark.parametrize("frame_id", ["", "camera_optical_frame"])
def test_serialised_markers_are_those_built_as_objects(labels, frame_id):
    """Also with an odd number of characters before them: CDR aligns what follows."""
    header = make_header(5_000_000_007, frame_id)
    bare = Mesh(np.eye(4, 3), np.array([[0, 1, 2], [0, 0, 1]]))  # no colours, one triangle without area
    chosen = {label: bare if label == 3 else coloured_ball() for label in labels}
    written = deserialize_message(meshes.serialised_meshes(chosen, header), MarkerArray)
    assert written == over_the_wire(meshes.meshes_to_markers(chosen, header))


@pytest.mark.parametrize("frame_id", ["", "a", "camera_optical_frame"])
def test_markers_read_from_bytes_are_those_read_from_objects(frame_id):
    """Of any publisher: the bytes are the middleware's own, with every field filled."""
    header = make_header(5_000_000_007, frame_id)
    message = meshes.meshes_to_markers({7: coloured_ball(), 9: coloured_ball()}, header)
    text = message.markers[1]
    text.ns, text.text, text.mesh_resource, text.texture_resource = "ns", "odd", "package://x/y.stl", "t"
    text.texture.format, text.texture.data = "png", array("B", b"12345")
    text.uv_coordinates = [UVCoordinate(u=0.5, v=0.25)]
    text.mesh_file.filename, text.mesh_file.data = "m.stl", array("B", b"123")
    data = bytes(serialize_message(message))
    for read, known in zip(markers.read_markers(data), markers.read_markers(message), strict=True):
        assert (read.header, read.id, read.type, read.action) == (known.header, known.id, known.type, known.action)
        np.testing.assert_array_equal(read.points, known.points)
        np.testing.assert_array_equal(read.colors, known.colors)
    assert set(meshes.markers_to_meshes(markers.read_markers(data))) == {7, 9}
    for cut in range(0, len(data), 997):
        with pytest.raises(InputError, match=r"ends before|not little-endian"):
            markers.read_markers(data[:cut])


def test_another_layout_of_the_marker_gets_objects(monkeypatch):
    monkeypatch.setattr(markers, "LAYOUT", "header ns")
    chosen = {1: coloured_ball()}
    back = deserialize_message(meshes.serialised_meshes(chosen, HEADER), MarkerArray)
    assert back == over_the_wire(meshes.meshes_to_markers(chosen, HEADER))


def test_degenerate_triangles_are_dropped():
    mesh = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]]), np.array([[0, 1, 2], [0, 1, 3], [0, 0, 1]]))
    message = meshes.meshes_to_markers({1: mesh}, HEADER)
    assert len(message.markers[1].points) == 3
    assert len(message.markers[1].colors) == 3  # grey where the mesh has none


def test_no_mesh_still_clears_the_display():
    message = meshes.meshes_to_markers({}, HEADER)
    assert [m.action for m in message.markers] == [Marker.DELETEALL]
    assert meshes.markers_to_meshes(message) == {}
    assert meshes.header_of(message) == HEADER


@pytest.mark.parametrize("break_it", ["length", "nan"])
def test_broken_mesh_markers_are_refused(break_it):
    message = meshes.meshes_to_markers({1: coloured_ball()}, HEADER)
    if break_it == "length":
        message.markers[1].points = message.markers[1].points[:-1]
    else:
        message.markers[1].points[0].x = float("nan")
    with pytest.raises(InputError, match="marker 1"):
        meshes.markers_to_meshes(message)


@pytest.mark.parametrize("normal", [(0, 0, -1), (0.3, -0.8, -0.5), (1, 0, 0)])
def test_plane_round_trip(normal):
    given = Plane(np.array(normal), 0.4)
    message = over_the_wire(plane.plane_to_polygon(given, HEADER, centre=np.array([0.1, 0.2, 0.7])))
    assert message.header == HEADER
    back = plane.polygon_to_plane(message)
    np.testing.assert_allclose(back.normal, given.normal, atol=1e-5)
    assert back.offset == pytest.approx(given.offset, abs=1e-6)
    corners = np.array([(p.x, p.y, p.z) for p in message.polygon.points])
    np.testing.assert_allclose(given.height(corners.astype(np.float64)), 0, atol=1e-6)


def test_unknown_and_degenerate_planes():
    empty = plane.plane_to_polygon(None, HEADER)
    assert plane.polygon_to_plane(empty) is None
    message = plane.plane_to_polygon(Plane(np.array([0, 0, -1.0]), 0.5), HEADER)
    message.polygon.points = message.polygon.points[:2]
    with pytest.raises(InputError, match="degenerate"):
        plane.polygon_to_plane(message)


def some_grasps() -> list[Grasp]:
    rotations = Rotation.random(4, random_state=2).as_matrix()
    return [Grasp(make_transform(R, RNG.normal(size=3)), 0.01 * i, 1 - 0.2 * i, i + 1) for i, R in enumerate(rotations)]


def test_poses_and_table_say_the_same_in_the_same_order():
    given = some_grasps()
    poses = over_the_wire(grasps.grasps_to_poses(given, HEADER))
    table = over_the_wire(grasps.grasps_to_table(given, HEADER))
    assert poses.header == table.header == HEADER
    for pose, grasp, back in zip(poses.poses, given, grasps.table_to_grasps(table), strict=True):
        np.testing.assert_allclose(grasps.pose_to_matrix(pose), grasp.T_frame_tcp, atol=1e-12)
        np.testing.assert_allclose(back.T_frame_tcp, grasp.T_frame_tcp, atol=1e-6)
        assert (back.width, back.score) == pytest.approx((grasp.width, grasp.score), abs=1e-6)
        assert back.label == grasp.label


def test_quaternions_are_xyzw_on_the_wire():
    quarter = Grasp(make_transform(Rotation.from_euler("z", 90, degrees=True).as_matrix(), np.zeros(3)), 0.05, 1.0)
    q = grasps.grasps_to_poses([quarter], HEADER).poses[0].orientation
    np.testing.assert_allclose([q.x, q.y, q.z, q.w], [0, 0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-12)


def test_grasp_markers_draw_the_opening_along_y_behind_the_tips():
    width = 0.06
    message = grasps.grasps_to_markers([Grasp(np.eye(4), width, 0.9)], HEADER)
    assert message.markers[0].action == Marker.DELETEALL
    points = np.array([(p.x, p.y, p.z) for p in message.markers[1].points])
    assert np.ptp(points[:, 1]) == pytest.approx(width)
    assert points[:, 2].max() == 0  # z = approach: nothing is drawn ahead of the TCP
    assert len(message.markers[1].colors) == len(points)
    assert message.markers[1].colors[0].g > message.markers[1].colors[0].r


def test_no_grasps():
    assert grasps.grasps_to_poses([], HEADER).poses == []
    assert grasps.table_to_grasps(grasps.grasps_to_table([], HEADER)) == []
    assert [m.action for m in grasps.grasps_to_markers([], HEADER).markers] == [Marker.DELETEALL]


@pytest.mark.parametrize("collide", [False, True])
def test_equal_corners_are_one_vertex_however_they_are_found(monkeypatch, collide):
    if collide:  # every row has the same hash
        monkeypatch.setattr(meshes, "_FACTORS", np.zeros(3, np.uint64))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3)).astype(np.float32)[rng.integers(0, 50, 600)]
    first, inverse = meshes._merged(rows)
    np.testing.assert_array_equal(rows[first][inverse], rows)
    assert len(first) == len(np.unique(rows, axis=0))
    assert all((rows[:i] != rows[i]).any(axis=1).all() for i in first), "the first of its equals"
    assert [len(part) for part in meshes._merged(rows[:0])] == [0, 0]
