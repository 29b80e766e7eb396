"""Run both nodes in one process, configured and activated, on machines without ``ros2 launch``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any


def main(args: Sequence[str] | None = None) -> int:
    """Spin until interrupted; returns 2 after one sentence when a parameter or weights are refused."""
    words = list(sys.argv[1:] if args is None else args)
    cut = words.index("--ros-args") if "--ros-args" in words else len(words)
    parser = argparse.ArgumentParser(prog="bringup", description=__doc__, epilog="ROS arguments follow --ros-args.")
    parser.add_argument("--no-grasps", action="store_true", help="only the reconstruction node")
    parser.add_argument("--no-autostart", action="store_true", help="do not configure and activate the nodes")
    options = parser.parse_args(words[:cut])

    from gsn_perception.geometry.errors import InputError
    from gsn_perception.ros import optional
    from gsn_perception.ros.processes.dds_profile import use_dds_profile

    use_dds_profile()  # before anything loads the middleware
    try:
        optional.require("rclpy")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2

    from gsn_perception.process import import_ahead

    import_ahead("gsn_perception.pipeline.reconstructor", "gsn_perception.pipeline.meshing.completing")
    from gsn_perception.nodes.reconstruction_node import ReconstructionNode
    from gsn_perception.ros.node.executors import run
    from gsn_perception.ros.node.lifecycle_node import ManagedNode

    def make() -> list[ManagedNode[Any]]:
        nodes: list[ManagedNode[Any]] = [ReconstructionNode()]
        if not options.no_grasps:
            from gsn_perception.nodes.grasp_node import GraspNode

            nodes.append(GraspNode())
        return nodes

    return run(make, ["bringup", *words[cut:]], start=not options.no_autostart)


if __name__ == "__main__":
    sys.exit(main())
