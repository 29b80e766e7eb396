"""Recordings as recorders leave them: every message comes out, or a remark says what is missing."""

import shutil
import sqlite3

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
pytest.importorskip("mcap")

from mcap import writer as mcap_writer
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.ros.recordings import reading
from gsn_perception.ros.recordings.storage import full_type_name

KIND = "sensor_msgs/msg/CameraInfo"
COUNT = 12
QOS = "- history: 1\n  depth: 10\n  reliability: {}\n  durability: 2\n"


def payload(time: int) -> bytes:
    return serialize_message(CameraInfo(width=time, height=1))


def write_mcap(path, times=range(1, COUNT + 1), *, foreign=False, **options):
    """/info as rosbag2's own writer lays it out; chunks of some messages each."""
    with path.open("wb") as stream:
        writer = mcap_writer.Writer(stream, **{"chunk_size": 1500, **options})
        writer.start(profile="ros2", library="")
        if foreign:
            notes = writer.register_schema(name="notes", encoding="jsonschema", data=b"{}")
            number = writer.register_channel(topic="/notes", message_encoding="json", schema_id=notes)
            writer.add_message(channel_id=number, log_time=2, publish_time=2, data=b"{}")
            boxes = writer.register_schema(name="foxglove.Grid", encoding="protobuf", data=b"")
            number = writer.register_channel(topic="/grid", message_encoding="protobuf", schema_id=boxes)
            writer.add_message(channel_id=number, log_time=3, publish_time=3, data=b"")
        schema = writer.register_schema(name=KIND, encoding="ros2msg", data=b"")
        metadata = {"offered_qos_profiles": QOS.format(1)}
        channel = writer.register_channel("/info", "cdr", schema, metadata)
        for time in times:
            writer.add_message(channel_id=channel, log_time=time, publish_time=time, data=payload(time))
        writer.finish()


def write_metadata(folder, files, storage="mcap", count=COUNT):
    topic = {"name": "/info", "type": KIND, "serialization_format": "cdr", "offered_qos_profiles": QOS.format(2)}
    values = {
        "version": 5,
        "storage_identifier": storage,
        "message_count": count,
        "topics_with_message_count": [{"topic_metadata": topic, "message_count": count}],
        "relative_file_paths": [file.name for file in files],
    }
    import yaml

    (folder / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": values}))


def read(path):
    """Times of the messages (each also its payload) and the codes of the remarks."""
    remarks = []
    items = list(reading.read(path, tell=remarks.append))
    assert all(item.message().width == item.time for item in items)
    assert len(remarks) == len(set(remarks)), "each once"
    return [item.time for item in items], [remark.code for remark in remarks]


ALL = list(range(1, COUNT + 1))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"index_types": mcap_writer.IndexType.ALL & ~mcap_writer.IndexType.MESSAGE},
        {"index_types": mcap_writer.IndexType.NONE},
        {"use_chunking": False},
        {"use_statistics": False, "use_summary_offsets": False},
        {"repeat_channels": False, "repeat_schemas": False},
        {"compression": mcap_writer.CompressionType.LZ4},
        {"compression": mcap_writer.CompressionType.NONE, "enable_crcs": False},
    ],
    ids=["whole", "no message index", "no index", "no chunks", "no statistics", "no channels", "lz4", "plain"],
)
def test_mcap_files_however_they_are_indexed(tmp_path, options):
    write_mcap(tmp_path / "a.mcap", **options)
    assert reading.topics_of(tmp_path / "a.mcap") == {"/info": KIND}
    assert read(tmp_path / "a.mcap") == (ALL, [])


def test_messages_of_overlapping_chunks_come_by_time(tmp_path):
    write_mcap(tmp_path / "a.mcap", [5, 1, 9, 2, 8, 3, 12, 4, 7, 10, 6, 11])
    assert read(tmp_path / "a.mcap") == (ALL, [])


def test_channels_of_other_encodings_are_left_out_and_told_once(tmp_path, capsys):
    write_mcap(tmp_path / "a.mcap", foreign=True)
    assert reading.topics_of(tmp_path / "a.mcap") == {"/info": KIND}
    assert len(list(reading.read(tmp_path / "a.mcap"))) == COUNT
    (line,) = capsys.readouterr().err.splitlines()
    assert "/grid (protobuf), /notes (json)" in line


def test_a_folder_whose_metadata_tells_other_qos_than_its_file(tmp_path):
    write_mcap(tmp_path / "a.mcap")
    write_metadata(tmp_path, [tmp_path / "a.mcap"])
    assert read(tmp_path) == (ALL, [])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
def test_a_cut_off_mcap_is_read_up_to_its_last_whole_chunk(tmp_path, share):
    path = tmp_path / "a.mcap"
    write_mcap(path, range(1, 200), compression=mcap_writer.CompressionType.NONE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    times, codes = read(path)
    assert times == list(range(1, len(times) + 1))
    assert len(times) * len(payload(1)) > share * len(whole) * 0.7, "nearly all that is there"
    assert codes == ["bag_cut_off"]
    path.write_bytes(whole[:200])
    with pytest.raises(InputError, match="mcap recover"):
        read(path)


def test_a_damaged_chunk_is_left_out_and_what_it_held_is_counted(tmp_path):
    path = tmp_path / "a.mcap"
    write_mcap(path, range(1, 50), compression=mcap_writer.CompressionType.NONE)
    data = bytearray(path.read_bytes())
    place = data.index(payload(20))
    data[place] ^= 255
    path.write_bytes(data)
    times, codes = read(path)
    assert 30 < len(times) < 49
    assert 20 not in times
    assert {1, 49} <= set(times)
    assert codes == ["bag_chunk_damaged", "bag_messages_missing"]


def test_split_recordings_without_metadata(tmp_path):
    """Ten files and more, whose names sort otherwise than their times."""
    for number in range(12):
        write_mcap(tmp_path / f"run_{number}.mcap", [number + 1])
    assert read(tmp_path) == (ALL, ["bag_without_metadata"])
    (tmp_path / "metadata.yaml").write_text("[]")
    assert read(tmp_path) == (ALL, ["bag_metadata_damaged"])
    assert read(tmp_path / "metadata.yaml") == (ALL, ["bag_metadata_damaged"])


def test_files_that_metadata_does_not_name_or_that_are_gone(tmp_path):
    files = [tmp_path / f"run_{number}.mcap" for number in range(3)]
    for number, file in enumerate(files):
        write_mcap(file, range(number * 4 + 1, number * 4 + 5))
    write_metadata(tmp_path, files)
    assert read(tmp_path) == (ALL, [])
    write_metadata(tmp_path, files[:2], count=8)
    assert read(tmp_path) == (ALL[:8], ["bag_files_left_out"])
    write_metadata(tmp_path, files)
    files[1].unlink()
    assert read(tmp_path) == (ALL[:4] + ALL[8:], ["bag_files_missing", "bag_messages_missing"])


def test_a_renamed_file_and_the_empty_last_one_of_a_killed_recorder(tmp_path):
    write_mcap(tmp_path / "kitchen.mcap")
    write_metadata(tmp_path, [tmp_path / "rosbag2_0.mcap"])
    assert read(tmp_path) == (ALL, ["bag_files_missing"])
    (tmp_path / "metadata.yaml").unlink()
    for number, content in enumerate([b"", (tmp_path / "kitchen.mcap").read_bytes()[:60]]):
        (tmp_path / f"kitchen_{number}.mcap").write_bytes(content)
    assert read(tmp_path) == (ALL, ["bag_without_metadata", "bag_file_unreadable", "bag_file_unreadable"])
    (tmp_path / "kitchen.mcap").unlink()
    with pytest.raises(InputError, match="empty"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a/Image", "a/msg/Image", "a::msg::Image", "a::msg::dds_::Image_"])
def test_type_names_of_other_writers(name):
    assert full_type_name(name) == "a/msg/Image"


def test_a_recovered_file_beside_the_broken_one_is_told(tmp_path):
    write_mcap(tmp_path / "a.mcap")
    shutil.copy(tmp_path / "a.mcap", tmp_path / "recovered.mcap")
    assert read(tmp_path)[1] == ["bag_without_metadata", "bag_files_overlap"]


def write_sqlite(path, mode, *, checkpoint):
    """A recorder that still runs: its connection, half of the rows in the file when ``checkpoint``."""
    base = sqlite3.connect(path, isolation_level=None)
    base.execute(f"PRAGMA journal_mode={mode}")
    base.execute("PRAGMA wal_autocheckpoint=0")
    base.execute("CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
    base.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)")
    base.execute("INSERT INTO topics VALUES(1, '/info', ?, 'cdr')", (KIND,))
    base.execute("INSERT INTO topics VALUES(2, '/notes', 'notes', 'json')")
    for time in ALL:
        base.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES(1, ?, ?)", (time, payload(time)))
        if time == COUNT // 2 and checkpoint:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return base


@pytest.mark.parametrize("checkpoint", [True, False])
def test_rows_in_the_write_ahead_log_are_read_and_the_files_stay_as_they_are(tmp_path, checkpoint):
    (tmp_path / "there").mkdir()
    (tmp_path / "copied").mkdir()
    base = write_sqlite(tmp_path / "there" / "a.db3", "WAL", checkpoint=checkpoint)
    for name in ("a.db3", "a.db3-wal"):
        shutil.copy(tmp_path / "there" / name, tmp_path / "copied")
    base.close()
    before = {file.name: file.read_bytes() for file in (tmp_path / "copied").iterdir()}
    assert read(tmp_path / "copied") == (ALL, ["bag_without_metadata", "bag_foreign_topics"])
    assert {file.name: file.read_bytes() for file in (tmp_path / "copied").iterdir()} == before


def test_a_sqlite_file_that_is_damaged_or_no_recording(tmp_path):
    path = tmp_path / "a.db3"
    write_sqlite(path, "DELETE", checkpoint=False).close()
    assert read(path) == (ALL, ["bag_foreign_topics"])
    base = sqlite3.connect(tmp_path / "b.db3")
    base.execute("CREATE TABLE recipes(id INTEGER)")
    base.close()
    for name, change in (("b.db3", bytes), ("a.db3", lambda data: data[:4096] + b"\xff" * (len(data) - 4096))):
        (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
        with pytest.raises(InputError, match="recover"):
            read(tmp_path / name)


def test_fewer_messages_than_metadata_says_are_counted(tmp_path):
    write_mcap(tmp_path / "a.mcap")
    write_metadata(tmp_path, [tmp_path / "a.mcap"], count=COUNT + 3)
    remarks = []
    assert len(list(reading.read(tmp_path, tell=remarks.append))) == COUNT
    (remark,) = remarks
    assert "3 of 15 on /info" in remark.text


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("mode", ["FILE", "MESSAGE"])
def test_compressed_bags(tmp_path, storage, mode):
    from rosbags import rosbag2
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    writer = rosbag2.Writer(tmp_path / "bag", version=9, storage_plugin=rosbag2.StoragePlugin[storage.upper()])
    writer.set_compression(rosbag2.CompressionMode[mode], rosbag2.CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/info", KIND, typestore=store)
        for time in ALL:
            writer.write(connection, time, payload(time))
    assert read(tmp_path / "bag") == (ALL, [])
    (tmp_path / "bag" / "metadata.yaml").unlink()
    assert read(tmp_path / "bag") == (ALL, ["bag_without_metadata"])


@pytest.mark.parametrize("content", [b"", b"nonsense" * 9, b"\x28\xb5\x2f\xfd" + b"nonsense"])
def test_files_that_are_no_bag_get_a_sentence(tmp_path, content):
    (tmp_path / "a.mcap").write_bytes(content)
    for path in (tmp_path, tmp_path / "a.mcap"):
        with pytest.raises(InputError, match="bag"):
            read(path)


def noetic(store, index):
    """Image and CameraInfo of ROS 1, by rosbags' own types."""
    t = store.types
    header = t["std_msgs/msg/Header"](index, t["builtin_interfaces/msg/Time"](10, index), "cam")
    image = t["sensor_msgs/msg/Image"](header, 24, 32, "rgb8", 0, 96, np.full(24 * 96, index, np.uint8))
    window = t["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    K, P = np.array([30.0, 0, 16, 0, 31, 12, 0, 0, 1]), np.array([30.0, 0, 16, 0, 0, 31, 12, 0, 0, 0, 1, 0])
    arrays = (np.zeros(5), K, np.eye(3).reshape(-1), P)
    info = t["sensor_msgs/msg/CameraInfo"](header, 24, 32, "plumb_bob", *arrays, 0, 0, window)
    return {"/cam/image": image, "/cam/camera_info": info}


@pytest.mark.parametrize("kind", ["bag", "mcap"])
def test_ros_1_recordings_read_as_those_of_ros_2(tmp_path, kind):
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    path = tmp_path / f"a.{kind}"
    names = {"/cam/image": "sensor_msgs/msg/Image", "/cam/camera_info": "sensor_msgs/msg/CameraInfo"}
    if kind == "bag":
        with Writer(path) as writer:
            to = {topic: writer.add_connection(topic, name, typestore=store) for topic, name in names.items()}
            for index in range(3):
                for topic, message in noetic(store, index).items():
                    writer.write(to[topic], index + 1, store.serialize_ros1(message, names[topic]))
    else:
        with path.open("wb") as stream:
            writer = mcap_writer.Writer(stream)
            writer.start(profile="ros1", library="")
            to = {}
            for topic, name in names.items():
                text = store.generate_msgdef(name, ros_version=1)[0].encode()
                to[topic] = writer.register_channel(
                    topic, "ros1", writer.register_schema(name.replace("/msg", ""), "ros1msg", text)
                )
            for index in range(3):
                for topic, message in noetic(store, index).items():
                    data = bytes(store.serialize_ros1(message, names[topic]))
                    writer.add_message(to[topic], log_time=index + 1, publish_time=index + 1, data=data)
            writer.finish()
    assert reading.topics_of(path) == names
    seen = list(reading.read_observations(path))
    assert [(o.stamp, o.frame_id, int(o.image.max())) for o in seen] == [(10**10 + i, "cam", i) for i in range(3)]
    np.testing.assert_allclose(seen[0].camera.K, [[30, 0, 16.5], [0, 31, 12.5], [0, 0, 1]])
    if kind == "bag":
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(InputError, match="rosbag reindex"):
            list(reading.read(path))


def observation(index, **changes):
    values = {
        "image": np.full((24, 32, 3), index, np.uint8),
        "camera": Camera.from_fov(1.0, 32, 24),
        "mask": np.ones((24, 32), np.uint8),
        "depth": np.ones((24, 32), np.float32),
        "frame_id": "cam",
        "stamp": 10**9 + index * 10**8,
    }
    return Observation(**{**values, **changes})


def driver_bag(path, names, frames=2):
    """Our recording under a driver's topic names; a frame id may stand beside a name."""
    from rosbags import rosbag2
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore

    seen = [observation(i) for i in range(frames)]
    reading.record(path.parent / "ours", seen)
    store = get_typestore(Stores.ROS2_JAZZY)
    with rosbag2.Writer(path, version=9) as writer:
        to = {}
        for item in reading.read(path.parent / "ours"):
            for name, frame_id in names.get(item.topic, {}).items():
                message = item.message()
                message.header.frame_id = frame_id
                if name not in to:
                    to[name] = writer.add_connection(name, item.type_name, typestore=store)
                writer.write(to[name], item.time, serialize_message(message))
    return path


REALSENSE = {
    "/image": {"/c/color/image_raw": "cam"},
    "/camera_info": {"/c/color/camera_info": "cam", "/c/depth/camera_info": "deep"},
    "/depth": {"/c/aligned_depth_to_color/image_raw": "cam", "/c/depth/image_rect_raw": "deep"},
    "/mask": {"/sam/labels": "cam"},
}


def test_a_drivers_topics_are_found_where_one_answer_fits(tmp_path):
    path = driver_bag(tmp_path / "bag", REALSENSE)
    remarks = []
    seen = list(reading.read_observations(path, tell=remarks.append))
    assert [int(o.image.max()) for o in seen] == [0, 1]
    assert all(o.depth is not None and o.mask is None for o in seen)
    (remark,) = remarks
    assert remark.code == "bag_topics_guessed"
    for words in (
        "--image /c/color/image_raw",
        "--camera-info /c/color/",
        "--depth /c/aligned_depth_to_color/image_raw",
    ):
        assert words in remark.text
    given = reading.StreamTopics("c/color/image_raw", "/c/color/camera_info", "/c/depth/image_rect_raw", "/sam/labels")
    (first, _) = reading.read_observations(path, topics=given, tell=remarks.append)
    assert first.mask.max() == 1
    assert len(remarks) == 1, "nothing was guessed"


def test_doubtful_topics_are_listed(tmp_path):
    two = {**REALSENSE, "/image": {"/c/color/image_raw": "cam", "/d/color/image_raw": "cam"}}
    two["/camera_info"] = {"/c/color/camera_info": "cam", "/d/color/camera_info": "cam"}
    path = driver_bag(tmp_path / "bag", two)
    with pytest.raises(InputError, match=r"several colour images.*--image.*/c/color/image_raw, .*/d/color/image_raw"):
        list(reading.read_frames(path))
    (first, _) = reading.read_frames(
        path, topics=reading.StreamTopics(image="/d/color/image_raw"), tell=lambda remark: None
    )
    assert first.info.width == 32
    for given, words in (
        (reading.StreamTopics(image="/nothing"), r"no topic /nothing \(--image\)"),
        (reading.StreamTopics(depth="/c/color/camera_info"), r"--depth\) is sensor_msgs/msg/CameraInfo"),
    ):
        with pytest.raises(InputError, match=words):
            list(reading.read_frames(path, topics=given))
    with pytest.raises(InputError, match="no image /left/image; name one by --image"):
        list(reading.read_frames(path, namespace="left"))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_stream_that_was_silent_is_told_and_not_waited_for(tmp_path, storage):
    from rosbags import rosbag2
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    reading.record(tmp_path / "ours", [observation(i, depth=None, mask=None) for i in range(3)])
    plugin = rosbag2.StoragePlugin[storage.upper()]
    with rosbag2.Writer(tmp_path / "bag", version=9, storage_plugin=plugin) as writer:
        writer.add_connection("/depth", "sensor_msgs/msg/Image", typestore=store)
        to = {}
        for item in reading.read(tmp_path / "ours"):
            if item.topic not in to:
                to[item.topic] = writer.add_connection(item.topic, item.type_name, typestore=store)
            writer.write(to[item.topic], item.time, item.data)
    remarks = []
    seen = list(reading.read_observations(tmp_path / "bag", tell=remarks.append))
    assert [(int(o.image.max()), o.depth) for o in seen] == [(0, None), (1, None), (2, None)]
    assert [(r.code, "/depth" in r.text) for r in remarks] == [("bag_topic_empty", True)]


def test_a_recording_without_images_or_calibration_says_so(tmp_path):
    write_mcap(tmp_path / "a.mcap")
    with pytest.raises(InputError, match="no colour image"):
        list(reading.read_frames(tmp_path / "a.mcap"))
    path = driver_bag(tmp_path / "bag", {"/image": {"/image": "cam"}})
    with pytest.raises(InputError, match="camera_info"):
        list(reading.read_frames(path))
