"""Forms of recordings that other writers make, each read whole; what is damaged or doubtful is in test_bag_files.py."""

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
pytest.importorskip("mcap")
from mcap import writer as mcap_writer
from rosbags import rosbag2
from rosbags.typesys import Stores
from rosbags.typesys import get_typestore

from gsn_perception.ros.recordings import reading

KIND = "sensor_msgs/msg/CameraInfo"
STORE = get_typestore(Stores.ROS2_JAZZY)
COUNT = 7
IDL = """module sensor_msgs { module msg { struct CameraInfo { unsigned long height; }; }; };"""


def payload(number: int, *, little: bool = True, behind: bytes = b"") -> bytes:
    t = STORE.types
    header = t["std_msgs/msg/Header"](t["builtin_interfaces/msg/Time"](3, number), "camera")
    roi = t["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    doubles = [np.zeros(n) for n in (5, 9, 9, 12)]
    message = t[KIND](header, 480, 640 + number, "plumb_bob", *doubles, 0, 0, roi)
    return bytes(STORE.serialize_cdr(message, KIND, little_endian=little)) + behind


def mcap(path, *, schema=KIND, encoding="ros2msg", text=b"", metadata=None, profile="ros2", **message):
    with path.open("wb") as stream:
        writer = mcap_writer.Writer(stream)
        writer.start(profile=profile, library="somebody's 1.0")
        writer.add_metadata("device", {"serial": "123"})
        number = writer.register_schema(name=schema, encoding=encoding, data=text)
        channel = writer.register_channel("/info", "cdr", number, metadata or {})
        for at in range(COUNT):
            writer.add_message(channel, log_time=at + 1, publish_time=at + 1, data=payload(at, **message))
        writer.add_attachment(1, 1, "calibration.yaml", "text/plain", b"fx: 600")
        writer.finish()


def rosbag(path, version, plugin):
    writer = rosbag2.Writer(path, version=version, storage_plugin=rosbag2.StoragePlugin[plugin])
    with writer:
        to = writer.add_connection("/info", KIND, typestore=STORE)
        for at in range(COUNT):
            writer.write(to, at + 1, payload(at))


FORMS = {
    "MCAP, ros2msg": lambda p: mcap(p / "a.mcap"),
    "MCAP, ros2idl": lambda p: mcap(p / "a.mcap", encoding="ros2idl", text=IDL.encode()),
    "MCAP, omgidl, DDS's type name": lambda p: mcap(
        p / "a.mcap", schema="sensor_msgs::msg::dds_::CameraInfo_", encoding="omgidl", text=IDL.encode()
    ),
    "MCAP, type name of ROS 1 style": lambda p: mcap(p / "a.mcap", schema="sensor_msgs/CameraInfo"),
    "MCAP, no profile (Foxglove)": lambda p: mcap(p / "a.mcap", profile=""),
    "MCAP with a type hash (Jazzy)": lambda p: mcap(p / "a.mcap", metadata={"topic_type_hash": "RIHS01_" + "0" * 64}),
    "big-endian CDR": lambda p: mcap(p / "a.mcap", little=False),
    "CDR padded to a multiple of four": lambda p: mcap(p / "a.mcap", behind=b"\0\0\0"),
    "rosbag2 8, SQLite": lambda p: rosbag(p / "bag", 8, "SQLITE3"),
    "rosbag2 8, MCAP": lambda p: rosbag(p / "bag", 8, "MCAP"),
    "rosbag2 9, SQLite": lambda p: rosbag(p / "bag", 9, "SQLITE3"),
    "rosbag2 9, MCAP": lambda p: rosbag(p / "bag", 9, "MCAP"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_message_is_read(tmp_path, form):
    FORMS[form](tmp_path)
    (path,) = tmp_path.iterdir()
    remarks = []
    found = [(item.topic, item.time, item.message()) for item in reading.read(path, tell=remarks.append)]
    assert [(topic, time, m.width, m.height) for topic, time, m in found] == [
        ("/info", at + 1, 640 + at, 480) for at in range(COUNT)
    ]
    assert all((m.header.frame_id, m.header.stamp.nanosec) == ("camera", at) for at, (_, _, m) in enumerate(found))
    assert reading.topics_of(path) == {"/info": KIND}
    assert remarks == []
