"""From messages to an Observation: camera_info before or after, decoding, moving results to another frame."""

import numpy as np
import pytest
import torch

pytest.importorskip("rclpy")
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from visualization_msgs.msg import MarkerArray

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node.frame_intake import RateLimiter
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.results import frame_result as results
from gsn_perception.ros.results.saving import save
from gsn_perception.ros.streams.frame_assembly import FrameAssembler
from gsn_perception.ros.streams.frame_decoding import FrameDecoder

CAMERA = Camera.from_fov(1.0, 32, 24)
RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def messages(stamp: int, frame_id: str = "cam"):
    header = make_header(stamp, frame_id)
    depth = np.full((24, 32), 0.5, np.float32)
    return {
        "camera_info": from_camera(CAMERA, header),
        "depth": images.from_depth(depth, header),
        "mask": images.from_mask(np.full((24, 32), 3, np.uint8), header),
        "image": images.from_rgb(RGB, header),
    }


def assembler(drops, streams=("depth", "mask")):
    return FrameAssembler(streams, 0, lambda stream: True, drops.append)


@pytest.mark.parametrize(
    "order", [("camera_info", "depth", "mask", "image"), ("image", "mask", "depth", "camera_info")]
)
def test_a_frame_is_complete_whatever_comes_first(order):
    drops = []
    joiner = assembler(drops)
    given = messages(5)
    made = [joiner.add(name, given[name]) for name in order]
    assert made[:3] == [None] * 3
    assert made[3].stamp == 5
    assert made[3].info is given["camera_info"]
    assert not drops


def test_missing_inputs_are_named():
    drops = []
    joiner = assembler(drops, ())
    assert "image" in joiner.missing
    joiner.add("image", messages(1)["image"])
    assert "camera_info" in joiner.missing
    joiner.add("camera_info", messages(1, "other")["camera_info"])
    assert "'cam'" in joiner.missing
    assert "'other'" in joiner.missing
    joiner.add("image", messages(2)["image"])
    assert drops == ["no_camera_info"]
    assert joiner.add("camera_info", messages(2)["camera_info"]).stamp == 2
    assert joiner.missing == ""


def decoded(given, **settings):
    joiner = assembler([], tuple(n for n in ("depth", "mask") if n in given))
    frame = [joiner.add(name, item) for name, item in given.items()][-1]
    return FrameDecoder()(frame, ReconstructionSettings(**settings))


def test_decoding():
    out = decoded(messages(7), size_hint=0.2, support_plane=(0.0, 0.0, -1.0, 0.6))
    assert (out.stamp, out.frame_id, out.size_hint) == (7, "cam", 0.2)
    np.testing.assert_array_equal(out.image, RGB)
    np.testing.assert_allclose(out.camera.K, CAMERA.K)
    assert (out.mask == 3).all()
    assert out.support_plane.offset == 0.6
    assert (decoded(messages(7), mask_mode="binary").mask == 1).all()
    # what lies out of range is kept until the pipeline has looked at the unit
    np.testing.assert_array_equal(decoded(messages(7), max_depth=0.4).depth, decoded(messages(7)).depth)
    assert np.isfinite(out.depth).all()


@pytest.mark.parametrize("rectify", [False, True])
def test_a_mask_at_the_segmenters_resolution_is_resampled_with_a_remark(rectify):
    given = messages(1)
    given["mask"] = images.from_mask(np.full((12, 16), 3, np.uint8), make_header(1, "cam"))
    with_distortion(given["camera_info"])
    out = decoded(given, rectify=rectify)
    assert out.mask.shape == RGB.shape[:2]
    assert out.mask[12, 16] == 3
    assert [remark.code for remark in out.remarks] == ["mask_resampled"]
    given["mask"] = images.from_mask(np.full((16, 16), 3, np.uint8), make_header(1, "cam"))
    with pytest.raises(InputError, match="aspect"):
        decoded(given, rectify=rectify)


@pytest.mark.parametrize("what", ["info", "depth", "uncalibrated"])
def test_disagreeing_messages_are_refused(what):
    given = messages(1)
    header = make_header(1, "cam")
    if what == "info":
        given["camera_info"] = from_camera(CAMERA.resized(64, 48), header)
    elif what == "depth":
        given["depth"] = images.from_depth(np.ones((12, 16)), header)
    else:
        given["camera_info"] = CameraInfo(header=header, width=32, height=24)
    with pytest.raises(InputError):
        decoded(given)
    if what != "uncalibrated":
        with pytest.raises(InputError):
            decoded({**given, "camera_info": with_distortion(given["camera_info"])}, rectify=True)


def with_distortion(info):
    info.d = [-0.2, 0.0, 0.0, 0.0, 0.0]
    return info


def test_rectify_undistorts_all_three():
    given = messages(1)
    with_distortion(given["camera_info"])
    assert (decoded(given).image == RGB).all()
    out = decoded(given, rectify=True)
    assert (out.image != RGB).any()
    assert set(np.unique(out.mask)) <= {0, 3}


def test_rate_gate():
    gate = RateLimiter()
    stamps = [0, 50, 100, 150, 200, 0, 50, 100]  # a loop in between
    passed = [gate.passes(s * 1_000_000, 10.0) for s in stamps]
    assert passed == [True, False, True, False, True, True, False, True]
    assert all(gate.passes(s, 0) for s in (1, 1, 1))


def reconstruction(label: int = 1) -> Reconstruction:
    rng = np.random.default_rng(label)
    xyz = (0.1 * rng.normal(size=(12, 3)) + [0, 0, 1]).astype(np.float32)
    quats, colors = torch.from_numpy(rng.normal(size=(12, 4))).float(), torch.from_numpy(rng.random((12, 3))).float()
    splat = Gaussians(torch.from_numpy(xyz), torch.full((12, 3), 0.1), quats, colors, torch.full((12,), 0.5))
    mesh = Mesh(xyz, np.arange(12).reshape(4, 3), colors=rng.random((12, 3))).with_vertex_normals()
    points = Points(xyz, mesh.colors, mesh.normals, np.ones(12, np.float32))
    plane = Plane(np.array([0.1, 0.0, -1.0]), 0.7)
    return Reconstruction(
        label, splat, mesh, points, np.eye(4), 1.0, 0.1, "depth", plane, timings={"segment": 1.0, "skin": 2.0}
    )


def test_moving_is_equivariant():
    """Everything of a reconstruction moves by one rigid transform."""
    T = make_transform(rotation_about_z(0.4) @ np.diag([1, -1, -1]), np.array([0.1, -2.0, 0.3]))
    item = reconstruction()
    out = results.moved(item, T)
    wanted = item.mesh.vertices @ T[:3, :3].T + T[:3, 3]
    np.testing.assert_allclose(out.mesh.vertices, wanted, atol=1e-5)
    np.testing.assert_allclose(out.points.xyz, wanted, atol=1e-5)
    np.testing.assert_allclose(out.gaussians.means, wanted, atol=1e-5)
    np.testing.assert_allclose(out.points.normals, item.points.normals @ T[:3, :3].T, atol=1e-5)
    np.testing.assert_allclose(
        out.support_plane.height(wanted), item.support_plane.height(item.mesh.vertices), atol=1e-5
    )
    np.testing.assert_allclose(out.T_camera_object, T)


def frame_result(**changes):
    seen = Observation(RGB, CAMERA, stamp=3_500_000_000, frame_id="cam")
    return results.FrameResult.of(seen, [reconstruction(1), Refusal(2, "too small"), reconstruction(4)], **changes)


def mesh_markers(result):
    return deserialize_message(results.mesh_message(result), MarkerArray).markers


def test_results_carry_the_images_stamp_and_their_frame():
    result = frame_result()
    for make in (results.points_message, results.plane_message, results.render_message):
        assert make(result).header == make_header(3_500_000_000, "cam")
    assert [m.id for m in mesh_markers(result)[1:]] == [1, 4]
    assert "object 2 refused: too small" in result.summary
    assert result.timings() == {"segment": 1.0, "skin": 4.0}
    there = frame_result(T_target_camera=np.eye(4), target_frame="base")
    assert mesh_markers(there)[0].header.frame_id == "base"
    assert results.FrameResult(make_header(1, "cam")).summary == "0 object(s) reconstructed"


def test_the_render_shows_the_input_beside_the_splat_from_the_same_camera_in_any_frame():
    T = make_transform(rotation_about_z(1.0), np.array([1.0, 2.0, 3.0]))
    here, there = (
        images.to_rgb(results.render_message(frame_result(**changes)))
        for changes in ({}, {"T_target_camera": T, "target_frame": "base"})
    )
    assert here.shape == (24, 64, 3)
    np.testing.assert_array_equal(here[:, :32], RGB)
    assert np.abs(here.astype(int) - there).max() <= 2
    assert (here[:, 32:] < 200).any()


def test_saving_writes_every_object_or_nothing(tmp_path):
    folder = save(frame_result(), str(tmp_path / "out"))
    assert folder.name == "19700101_000003_500000000"
    names = {f"{kind}_{label}.ply" for kind in ("gaussians", "points", "mesh") for label in (1, 4)}
    assert {p.name for p in folder.iterdir()} == names
    with pytest.raises(InputError, match="no object"):
        save(results.FrameResult(make_header(1, "cam")), str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        save(frame_result(), str(tmp_path / "file"))


def observed(settings=None, **changes):
    given = {**messages(5), **changes}
    joiner = assembler([])
    frame = next(made for name in given if (made := joiner.add(name, given[name])) is not None)
    return FrameDecoder()(frame, settings or ReconstructionSettings())


def test_what_was_assumed_is_in_the_observation():
    assert observed().remarks == ()
    image = images.from_rgb(RGB[..., ::-1], make_header(5, "cam"))
    image.encoding = "8UC3"
    info = messages(5)["camera_info"]
    info.width, info.height, info.binning_x, info.binning_y = 64, 48, 2, 2  # K is that of the binned image already
    made = observed(image=image, camera_info=info)
    assert [remark.code for remark in made.remarks] == ["colour_order_assumed", "camera_info_binned"]
    np.testing.assert_array_equal(made.image, RGB)
    np.testing.assert_allclose(made.camera.K, CAMERA.K)


def test_labels_that_are_no_objects_are_background():
    labels = np.ones((24, 32), np.uint16)
    labels[:4], labels[10:14, 10:14] = 0, 2
    mask = images.from_mask(labels, make_header(5, "cam"))
    assert set(np.unique(observed(mask=mask).mask)) == {0, 1, 2}
    made = observed(ReconstructionSettings(mask_background=(0, 1)), mask=mask)
    np.testing.assert_array_equal(made.mask, np.where(labels == 2, 2, 0))
    binary = observed(ReconstructionSettings(mask_background=(0, 1), mask_mode="binary"), mask=mask)
    np.testing.assert_array_equal(binary.mask, labels == 2)


def test_maps_follow_the_camera_info():
    decoder, given = FrameDecoder(), messages(5)
    info = given["camera_info"]
    for skew, moved in ((0.0, False), (30.0, True), (0.0, False)):
        info.k[1] = skew
        joiner = assembler([])
        frame = next(m for name in given if (m := joiner.add(name, given[name])) is not None)
        made = decoder(frame, ReconstructionSettings(rectify=True))
        assert (not np.array_equal(made.image, RGB)) == moved
