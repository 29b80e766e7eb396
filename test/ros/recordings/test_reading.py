"""Recording and reading observations without DDS."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.pipeline.inputs.prepared_frame import allowed_inputs
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.recordings import reading


def frame(index: int, **changes) -> Observation:
    rng = np.random.default_rng(index)
    depth = rng.uniform(0.4, 0.8, (24, 32)).astype(np.float32)
    depth[0, 0] = np.nan
    values = {
        "image": rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        "camera": Camera.from_fov(1.0, 32, 24),
        "mask": rng.integers(0, 3, (24, 32)).astype(np.uint8),
        "depth": depth,
        "stamp": 1_700_000_000_000_000_000 + index * 100_000_000,
        "frame_id": "cam_optical",
    }
    return Observation(**{**values, **changes})


@pytest.mark.parametrize("namespace", ["", "/left", "a/b/"])
def test_observations_round_trip(tmp_path, namespace):
    given = [frame(i) for i in range(4)]
    assert reading.record(tmp_path / "bag", given, namespace=namespace) == 4
    back = list(reading.read_observations(tmp_path / "bag", namespace=namespace))
    assert len(back) == 4
    for one, other in zip(back, given, strict=True):
        assert (one.stamp, one.frame_id) == (other.stamp, other.frame_id)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_array_equal(one.depth, other.depth)
        np.testing.assert_allclose(one.camera.K, other.camera.K)


def test_without_depth_and_mask(tmp_path):
    reading.record(tmp_path / "bag", [frame(0, depth=None, mask=None), frame(1, depth=None, mask=None)])
    assert sorted(reading.topics_of(tmp_path / "bag")) == ["/camera_info", "/image"]
    assert [(o.mask, o.depth) for o in reading.read_observations(tmp_path / "bag")] == [(None, None)] * 2


def test_settings_choose_the_streams(tmp_path):
    reading.record(tmp_path / "bag", [frame(0)])
    only = next(
        reading.read_observations(tmp_path / "bag", settings=ReconstructionSettings(use_depth=False, max_depth=0.6))
    )
    assert only.depth is None
    settings = ReconstructionSettings(max_depth=0.6)
    whole = next(reading.read_observations(tmp_path / "bag", settings=settings))
    assert np.nanmax(whole.depth) > 0.6  # the pipeline checks the unit before it cuts
    assert np.nanmax(allowed_inputs(replace(whole, mask=None), settings.pipeline()).depth) <= 0.6


def test_messages_come_in_recorded_order(tmp_path):
    reading.record(tmp_path / "bag", [frame(0), frame(1)])
    items = list(reading.read(tmp_path / "bag"))
    assert [i.topic for i in items] == ["/camera_info", "/depth", "/mask", "/image"] * 2
    assert [i.time for i in items] == sorted(i.time for i in items)
    assert items[3].message().encoding == "rgb8"
    assert {i.topic for i in reading.read(tmp_path / "bag", ["/mask"])} == {"/mask"}


def test_the_bag_says_what_ros2_bag_needs(tmp_path):
    reading.record(tmp_path / "bag", [frame(0)])
    text = (tmp_path / "bag" / "metadata.yaml").read_text()
    assert "storage_identifier: mcap" in text
    assert "RIHS01_" in text  # type hashes: ros2 bag refuses to play without


@pytest.mark.parametrize("damage", ["missing", "empty folder", "truncated"])
def test_damaged_bags_are_refused(tmp_path, damage):
    path = tmp_path / "bag"
    if damage == "empty folder":
        path.mkdir()
    elif damage != "missing":
        reading.record(path, [frame(0)])
        (mcap,) = path.glob("*.mcap")
        mcap.write_bytes(mcap.read_bytes()[:200])
    with pytest.raises(InputError, match="bag"):
        list(reading.read(path))
    with pytest.raises(InputError, match="bag"):
        reading.topics_of(path)


def test_existing_folders_are_not_overwritten_and_no_half_bag_is_left(tmp_path):
    reading.record(tmp_path / "bag", [frame(0)])
    with pytest.raises(InputError, match="exists already"):
        reading.record(tmp_path / "bag", [frame(0)])

    def breaks():
        yield frame(0)
        raise RuntimeError("camera gone")

    with pytest.raises(RuntimeError, match="camera gone"):
        reading.record(tmp_path / "half", breaks())
    assert not (tmp_path / "half").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        reading.record(tmp_path / "file" / "bag", [frame(0)])


def test_unknown_message_types_are_named():
    assert reading.message_class("sensor_msgs/msg/Image").__name__ == "Image"
    for name in ("nonsense_msgs/msg/Thing", "sensor_msgs/msg/Thing", "Image"):
        with pytest.raises(InputError, match="not installed"):
            reading.message_class(name)


def pose(index: int) -> Camera:
    return Camera.from_fov(1.0, 32, 24, look_at(np.array([0.5, 0.1 * index, 0.4]), np.zeros(3)))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_clock_and_poses_beside_the_streams(tmp_path, storage):
    """/tf and /tf_static together give the camera's pose."""
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore
    from scipy.spatial.transform import Rotation

    given = [frame(i, camera=pose(i)) for i in range(3)]
    reading.record(tmp_path / "bag", given, namespace="camera", storage=storage, clock=True, poses=True)
    assert (tmp_path / "bag" / f"bag.{'mcap' if storage == 'mcap' else 'db3'}").is_file()
    there = reading.topics_of(tmp_path / "bag")
    streams = ["/camera/camera_info", "/camera/depth", "/camera/image", "/camera/mask"]
    assert sorted(there) == [*streams, "/clock", "/tf", "/tf_static"]
    ticks = [item.message().clock for item in reading.read(tmp_path / "bag", ["/clock"])]
    assert [stamp_to_ns(t) for t in ticks] == [o.stamp for o in given]
    store = get_typestore(Stores.ROS2_JAZZY)

    def matrices(topic):
        for item in reading.read(tmp_path / "bag", [topic]):
            (one,) = store.deserialize_cdr(item.data, item.type_name).transforms
            t, q = one.transform.translation, one.transform.rotation
            turn = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
            yield (one.header.frame_id, one.child_frame_id), make_transform(turn, np.array([t.x, t.y, t.z]))

    ((names, fixed),) = matrices("/tf_static")
    assert names == ("camera_link", "cam_optical")
    np.testing.assert_allclose(fixed[:3, :3] @ [0, 0, 1], [1, 0, 0], atol=1e-12)  # what the camera looks at is forward
    np.testing.assert_allclose(fixed[:3, :3] @ [0, 1, 0], [0, 0, -1], atol=1e-12)
    moving = list(matrices("/tf"))
    assert {names for names, _ in moving} == {("table", "camera_link")}
    for (_, matrix), one in zip(moving, given, strict=True):
        np.testing.assert_allclose(matrix @ fixed, one.camera.world_from_camera, atol=1e-9)
    back = list(reading.read_observations(tmp_path / "bag"))
    assert [o.stamp for o in back] == [o.stamp for o in given]


def test_the_namespace_is_found_out_where_there_is_one_camera(tmp_path):
    reading.record(tmp_path / "bag", [frame(0)], namespace="left/eye")
    assert reading.namespace_of(reading.topics_of(tmp_path / "bag")) == "/left/eye"
    assert len(list(reading.read_observations(tmp_path / "bag"))) == 1
    image = "sensor_msgs/msg/Image"
    with pytest.raises(InputError, match="several cameras"):
        reading.namespace_of({"/left/image": image, "/right/image": image})
    assert reading.namespace_of({"/image": image, "/talk/image": "std_msgs/msg/String"}) == ""
