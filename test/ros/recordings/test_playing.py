"""Playing a bag in a loop."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
from gsn_perception.ros.recordings import playing
from gsn_perception.ros.recordings.playing import BagPlayer
from gsn_perception.ros.recordings.playing import PlayOptions


def test_an_endless_loop_of_a_bag_without_messages_ends_with_a_warning(monkeypatch):
    warnings, reads = [], []
    logger = SimpleNamespace(warning=warnings.append)
    node = SimpleNamespace(create_publisher=lambda *_: SimpleNamespace(), get_logger=lambda: logger)
    monkeypatch.setattr(playing.reading, "topics_of", lambda path: {"/image": "sensor_msgs/msg/Image"})
    monkeypatch.setattr(playing.reading, "read", lambda path, *_, **__: reads.append(path) or [])
    player = BagPlayer(node, "empty", PlayOptions(loops=0), lambda: len(reads) > 3)
    assert player.play() == 0
    assert reads == ["empty"]
    assert warnings == ["the bag empty holds no message of its topics"]
