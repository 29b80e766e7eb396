"""A reconstruction node with a ball pipeline, and how its answers are read."""

import pytest

pytest.importorskip("rclpy")
from rclpy.lifecycle import TransitionCallbackReturn
from waiting import until

from gsn_perception.ros import interface
from gsn_perception.ros.messages.headers import stamp_to_ns

SECOND = 1_000_000_000
OUTPUTS = interface.RECONSTRUCTION_OUTPUTS
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


def header(message):
    return message.markers[0].header if hasattr(message, "markers") else message.header


def stamps(graph, topic):
    return [stamp_to_ns(header(m).stamp) for m in graph.received[topic.name]]


def is_empty(message) -> bool:
    if hasattr(message, "markers"):
        return len(message.markers) == 1
    if hasattr(message, "polygon"):
        return not message.polygon.points
    return message.width == 0


def taken(node, count: int, streams=("image", "camera_info", "depth", "mask")) -> None:
    """Wait until the node took ``count`` messages of each stream: a queue of depth one loses those sent sooner."""
    until(lambda: all(node.diagnostics.totals.get(name, 0) >= count for name in streams), what="an input was not taken")


def finish(node, graph, count: int) -> None:
    until(lambda: all(len(graph.received[t.name]) >= count for t in OUTPUTS), what="outputs missing")
