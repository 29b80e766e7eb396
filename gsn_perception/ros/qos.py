"""QoS profiles of the interface, and their overrides by parameters."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy
from rclpy.qos import HistoryPolicy
from rclpy.qos import QoSPolicyKind
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

BURST = 5
"""Queue depth of inputs: on a busy machine messages wait, and each may be the image of a late mask."""


def sensor(depth: int = BURST) -> QoSProfile:
    """Best effort, volatile; compatible with reliable and best-effort publishers."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched(depth: int = 1) -> QoSProfile:
    """Reliable, transient local: a late subscriber gets the last result."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def reliable(depth: int) -> QoSProfile:
    """Reliable, volatile."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


def of(kind: str) -> QoSProfile:
    """The profile for the ``qos`` of a :class:`~gsn_perception.ros.interface.Topic`."""
    made = {"sensor": sensor(), "latched": latched(), "transforms": reliable(100), "static_transforms": latched(100)}
    return made[kind]


def overridable() -> QoSOverridingOptions:
    """Declares ``qos_overrides.<topic>.{publisher,subscription}.{history,depth,reliability,durability}``."""
    kinds = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
    return QoSOverridingOptions(kinds)


def policies(reason: str) -> str:
    """The incompatible policies in the reason of rclpy's compatibility check, followed by that reason."""
    words = {"best effort": "RELIABILITY", "volatile": "DURABILITY", "deadline": "DEADLINE", "liveliness": "LIVELINESS"}
    found = [name for word, name in words.items() if word in reason.lower()]
    return f"{', '.join(found)}: {reason.strip('; ').removeprefix('ERROR: ')}" if found else reason.strip("; ")
