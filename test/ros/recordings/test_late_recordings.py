"""Recordings whose masks come long after their images: nothing is too late for a file."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.recordings import reading

STEP = 33_333_333
START = 1_700_000_000_000_000_000
FRAMES = 90


def observation(number: int) -> Observation:
    """Its number is in the image and in the mask."""
    return Observation(
        image=np.full((24, 32, 3), number, np.uint8),
        camera=Camera.from_fov(1.0, 32, 24),
        mask=np.full((24, 32), number + 1, np.uint8),
        depth=np.full((24, 32), 0.5, np.float32),
        stamp=START + number * STEP,
        frame_id="cam",
    )


def rewrite(path, items):
    """(topic, type, time, data) of messages as a bag, by time."""
    from rosbags import rosbag2
    from rosbags.typesys import Stores
    from rosbags.typesys import get_typestore

    store, made = get_typestore(Stores.ROS2_JAZZY), {}
    with rosbag2.Writer(path, version=9) as writer:
        for topic, kind, time, data in sorted(items, key=lambda item: item[2]):
            if topic not in made:
                made[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(made[topic], time, data)
    return path


def late_bag(folder, late, *, masked=lambda number: True, depth=lambda number: True):
    """Masks ``late`` seconds after their images, of some images."""
    reading.record(folder / "ours", [observation(number) for number in range(FRAMES)])
    items = []
    for item in reading.read(folder / "ours"):
        number = (item.time - START) // STEP
        if (item.topic == "/mask" and not masked(number)) or (item.topic == "/depth" and not depth(number)):
            continue
        items.append((item.topic, item.type_name, item.time + round(1e9 * late * (item.topic == "/mask")), item.data))
    return rewrite(folder / "late", items)


def joined(path, **options):
    """Numbers of the frames, each with its own mask; codes and texts of the remarks."""
    remarks = []
    found = []
    for item in reading.read_observations(path, tell=remarks.append, **options):
        number = int(item.image.max())
        assert int(item.mask.max()) == number + 1
        assert item.depth is not None
        found.append(number)
    return found, {remark.code: remark.text for remark in remarks}


@pytest.mark.parametrize("late", [0.0, 0.4, 2.5, 60.0])
def test_every_mask_is_used_however_late(tmp_path, late):
    assert joined(late_bag(tmp_path, late)) == (list(range(FRAMES)), {})


@pytest.mark.parametrize("late", [1.0, 20.0])
def test_masks_of_some_images_are_all_used_and_the_others_are_counted(tmp_path, late):
    found, remarks = joined(late_bag(tmp_path, late, masked=lambda number: number % 30 == 7))
    assert found == [7, 37, 67]
    assert f"{FRAMES - 3}" in remarks["bag_images_dropped"]


def test_depth_at_half_the_rate(tmp_path):
    found, remarks = joined(late_bag(tmp_path, 0.4, depth=lambda number: number % 2 == 0))
    assert found == list(range(0, FRAMES, 2))
    assert "no_depth" in remarks["bag_images_dropped"]


def test_what_waits_is_bounded_and_what_that_costs_is_told(tmp_path, monkeypatch):
    frame = 24 * 32 * 7 + 2 * 4096
    monkeypatch.setattr(reading, "_HELD", 20 * frame)
    found, remarks = joined(late_bag(tmp_path, 60.0))
    assert 10 <= len(found) <= 20
    assert str(FRAMES - len(found)) in remarks["bag_images_dropped"]


def test_masks_as_files_of_a_topic_named_by_the_user(tmp_path):
    reading.record(tmp_path / "ours", [observation(number) for number in range(6)])
    items = []
    for item in reading.read(tmp_path / "ours"):
        topic, kind, data = item.topic, item.type_name, item.data
        if topic == "/mask":
            message = item.message()
            packed = cv2.imencode(".png", images.to_mask(message, "labels"))[1].tobytes()
            topic, kind = "/sam/mask_image/compressed", "sensor_msgs/msg/CompressedImage"
            data = serialize_message(CompressedImage(header=message.header, format="png", data=packed))
        items.append((topic, kind, item.time, data))
    path = rewrite(tmp_path / "packed", items)
    assert joined(path, topics=reading.StreamTopics(mask="/sam/mask_image/compressed")) == (list(range(6)), {})
