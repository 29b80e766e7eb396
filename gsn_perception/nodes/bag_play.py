"""Play a rosbag2 recording onto its topics, where ``ros2 bag play`` is not installed."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsn_perception.ros.processes.idleness import IdleWatch
    from gsn_perception.ros.recordings.playing import BagPlayer

EXIT_BAD_INPUT = 2
EXIT_NO_SUBSCRIBER = 3


def main(args: Sequence[str] | None = None) -> int:
    """Play a bag; returns 0 (also when interrupted), 2 on bad input, 3 when a topic got no subscriber."""
    words = list(sys.argv[1:] if args is None else args)
    cut = words.index("--ros-args") if "--ros-args" in words else len(words)
    options = _parser().parse_args(words[:cut])

    from gsn_perception.geometry.errors import InputError
    from gsn_perception.ros.processes.dds_profile import use_dds_profile

    use_dds_profile()  # before anything loads the middleware
    stop = threading.Event()
    previous = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _play(options, words[cut:], stop)
    except InputError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_INPUT
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _play(options: argparse.Namespace, ros_args: list[str], stop: threading.Event) -> int:
    from gsn_perception.ros import optional

    rclpy = optional.require("rclpy")
    optional.require("rosbags.rosbag2")
    from gsn_perception.ros.node.executors import start_ros
    from gsn_perception.ros.processes.idleness import IdleWatch
    from gsn_perception.ros.recordings.playing import BagPlayer
    from gsn_perception.ros.recordings.playing import PlayOptions

    start_ros(["bag_play", *ros_args])
    node = rclpy.create_node("bag_play")
    watch = IdleWatch(node, options.nodes) if options.settle > 0 or options.nodes else None
    try:
        chosen = PlayOptions(
            rate=options.rate,
            loops=0 if options.loop else 1,
            clock=options.clock,
            restamp=options.restamp,
            wait=options.wait,
            wait_for=tuple(options.wait_for),
            expect=tuple(options.expect),
        )
        player = BagPlayer(node, options.bag, chosen, stop.is_set)
        if sentence := _not_ready(player, watch, options, stop):
            print(sentence, file=sys.stderr)
            return EXIT_NO_SUBSCRIBER
        count = player.play()
        node.get_logger().info(f"{count} messages played")
        if watch is not None and options.settle > 0 and (busy := watch.wait(options.settle, stop.is_set)):
            node.get_logger().warning(f"{', '.join(busy)} still at work {options.settle} s after the last message")
        stop.wait(options.linger)  # reliable subscribers may still request the last messages again
        return 0
    finally:
        if watch is not None:
            watch.close()
        node.destroy_node()
        rclpy.try_shutdown()


def _not_ready(player: BagPlayer, watch: IdleWatch | None, options: argparse.Namespace, stop: threading.Event) -> str:
    """Wait for subscribers and nodes; returns what is missing after ``--wait`` seconds, as a sentence."""
    deadline = time.monotonic() + options.wait
    lonely = player.wait()
    if lonely and options.wait > 0 and not stop.is_set():
        return f"nobody subscribed to {', '.join(lonely)} within {options.wait} s"
    late = watch.wait_active(deadline - time.monotonic(), stop.is_set) if watch is not None else []
    if late and not stop.is_set():
        return f"not active within {options.wait} s: {', '.join(late)}"
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bag_play", description=__doc__, epilog="ROS arguments follow --ros-args.")
    parser.add_argument("bag", help="folder of a rosbag2 recording, or an .mcap, .db3 or ROS 1 .bag file")
    parser.add_argument("--rate", type=float, default=1.0, help="speed (default 1)")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--clock", action="store_true", help="publish /clock for nodes with use_sim_time")
    parser.add_argument("--restamp", action="store_true", help="put the time of playing into the headers")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="wait at most S seconds for subscribers")
    parser.add_argument("--wait-for", nargs="*", default=[], metavar="TOPIC", help="of these topics (default: all)")
    parser.add_argument("--linger", type=float, default=0.5, metavar="S", help="stay S seconds after the last message")
    parser.add_argument("--expect", nargs="*", default=[], metavar="TOPIC", help="refuse a bag without these topics")
    parser.add_argument("--nodes", nargs="*", default=[], metavar="NODE", help="wait until these nodes are active, too")
    parser.add_argument(
        "--settle", type=float, default=0.0, metavar="S", help="then wait at most S seconds for idle nodes"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
