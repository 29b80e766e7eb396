"""Entry points of the ROS 2 executables; they import nothing large before Ctrl-C is taken care of."""

from __future__ import annotations

import importlib


def reconstruction_node() -> int:
    """See :mod:`gsn_perception.nodes.reconstruction_node`."""
    return run_module("gsn_perception.nodes.reconstruction_node")


def grasp_node() -> int:
    """See :mod:`gsn_perception.nodes.grasp_node`."""
    return run_module("gsn_perception.nodes.grasp_node")


def bringup() -> int:
    """See :mod:`gsn_perception.nodes.bringup`."""
    return run_module("gsn_perception.nodes.bringup")


def bag_play() -> int:
    """See :mod:`gsn_perception.nodes.bag_play`."""
    return run_module("gsn_perception.nodes.bag_play")


def run_module(name: str) -> int:
    """Import a module and run its ``main``; 0 if it is interrupted before it handles signals itself.

    The imports take a second: a node that is asked to end meanwhile must end without a traceback.
    """
    try:
        from gsn_perception.process import wait_passively

        wait_passively()
        return int(importlib.import_module(name).main())
    except KeyboardInterrupt:
        return 0
