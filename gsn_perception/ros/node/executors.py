"""Initialises rclpy, spins the nodes and shuts them down; used by every executable."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import rclpy
from rclpy.executors import Executor
from rclpy.executors import ExternalShutdownException
from rclpy.executors import MultiThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

from gsn_perception.geometry import InputError
from gsn_perception.process import limit_arenas
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.processes.dds_profile import use_dds_profile

EXIT_BAD_INPUT = 2
InvalidHandle = rclpy_implementation.InvalidHandle


def start_ros(args: Sequence[str] | None) -> None:
    """Initialise rclpy without its signal handlers.

    Raises:
        InputError: an argument after ``--ros-args`` is refused.
    """
    try:
        rclpy.init(args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO)
    except (RuntimeError, ValueError) as error:  # bases of rclpy's own exceptions
        reason = " ".join(str(error).split())
        raise InputError(f"the ROS arguments are refused ({reason}); check what follows --ros-args") from error


def spin(executor: Executor, stopped: Callable[[], bool]) -> None:
    """Spin until ``stopped`` or the executor's context is shut down.

    InvalidHandle is ignored: a transition may destroy an event while the executor collects its wait set (rclpy guards
    subscriptions and timers against that, but not events).
    """
    while executor.context.ok() and not stopped():
        try:
            executor.spin_once(timeout_sec=0.2)
        except InvalidHandle:
            continue


def run(
    make: Callable[[], Sequence[ManagedNode[Any]]],
    args: Sequence[str] | None,
    *,
    start: bool = False,
    dds_segment: int = 64,
) -> int:
    """Spin nodes until SIGINT or SIGTERM, then deactivate, clean up and destroy them in order.

    Args:
        make: Makes the nodes once rclpy is up.
        args: Command line.
        start: Configure and activate them first; a failure ends the process with code 2.
        dds_segment: See :func:`use_dds_profile`.

    Returns:
        0, or 2 after one sentence on stderr when a parameter or weights are refused.
    """
    use_dds_profile(dds_segment)
    limit_arenas()
    try:
        start_ros(args)
    except InputError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
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
            node.owns_process = True
            executor.add_node(node)
        if start and not all(node.start() for node in nodes):
            return EXIT_BAD_INPUT
        spin(executor, lambda: bool(stopping))
        return 0
    except InputError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    except ExternalShutdownException:
        return 0
    finally:
        executor.shutdown(timeout_sec=2.0)  # so that no other transition begins
        for node in nodes:
            node.stop()
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        for number, handler in previous.items():
            signal.signal(number, handler)
