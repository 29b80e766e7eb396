"""How every executable spins and ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.executors import MultiThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from gsn_perception.geometry import InputError
from gsn_perception.ros.managed_node import ManagedNode
from gsn_perception.ros.resources import use_dds_profile

EXIT_BAD_INPUT = 2


def run(make: Callable[[], Sequence[ManagedNode[Any]]], args: Sequence[str] | None, *, start: bool = False) -> int:
    """Spin nodes until SIGINT or SIGTERM, then bring them down in order.

    Args:
        make: Makes the nodes once rclpy is up.
        args: Command line.
        start: Configure and activate them first; failing to is an exit code.

    Returns:
        0, or 2 after one sentence on stderr when a parameter or weights are refused.
    """
    use_dds_profile()
    rclpy.init(args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO)
    executor = MultiThreadedExecutor(num_threads=4)
    stopping: list[int] = []

    def stop(number: int, _: Any) -> None:
        stopping.append(number)
        executor.wake()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    nodes: list[ManagedNode[Any]] = []
    try:
        nodes += make()
        for node in nodes:
            executor.add_node(node)
        if start and not all(node.start() for node in nodes):
            return EXIT_BAD_INPUT
        while rclpy.ok() and not stopping:
            executor.spin_once(timeout_sec=0.5)
        return 0
    except InputError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    except ExternalShutdownException:
        return 0
    finally:
        for node in nodes:
            node.stop()
        executor.shutdown(timeout_sec=2.0)
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        for number, handler in previous.items():
            signal.signal(number, handler)
