"""Names and keys in the diagnostics of this package's nodes, for the nodes and for whoever reads their diagnostics."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

HARDWARE = "gsn_perception"
"""``hardware_id`` of every status."""
BUSY = "busy"
"""Key: whether a frame is in work or waits for the worker, ``true`` or ``false``."""
_TASK = ": frames"  # statuses are named "node: task", by which aggregators sort


def status_name(node: str) -> str:
    """Name of the status of a node, given by its absolute name."""
    return node + _TASK


def node_of(status: DiagnosticStatus) -> str:
    """Absolute name of the node that published a status."""
    return str(status.name).removesuffix(_TASK)
