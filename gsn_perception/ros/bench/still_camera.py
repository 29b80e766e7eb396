"""A camera in this process that sends a frame when it is told to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.bench.camera import stamped


class StillCamera:
    """Publishes ``image``, ``camera_info``, ``depth`` and ``mask``, best effort; a context manager.

    Args:
        domain: DDS domain.
        namespace: Of the topics, absolute.
    """

    def __init__(self, domain: int, namespace: str) -> None:
        self._domain, self._namespace = domain, namespace
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            context = Context()
            rclpy.init(context=context, domain_id=self._domain, signal_handler_options=SignalHandlerOptions.NO)
            stack.callback(context.try_shutdown)
            node = rclpy.create_node("camera", namespace=self._namespace, context=context)
            stack.callback(node.destroy_node)
            self._publishers = {
                topic.name: node.create_publisher(topic.type, topic.name, qos.sensor(5))
                for topic in interface.RECONSTRUCTION_INPUTS
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def send(self, frame: Mapping[str, bytearray]) -> int:
        """Publish the messages of :func:`~gsn_perception.ros.bench.camera.serialised`; returns their stamp, nanoseconds."""
        stamp = time.time_ns()
        for name, message in frame.items():
            self._publishers[name].publish(stamped(message, stamp))
        return stamp
