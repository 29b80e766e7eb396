"""A graph of node processes with a simulated camera."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from gsn_perception.ros import interface
from gsn_perception.ros.processes.graph import NodeGraph

CAMERA = "gsn_perception.ros.bench.camera"
_START = 180.0  # seconds that the camera waits for a subscriber


class CameraGraph(NodeGraph):
    """Node processes with a simulated camera that starts once they are active.

    Args:
        nodes: Modules of ``gsn_perception.nodes``.
        parameters: Parameters of the reconstruction node.
        rate: Frames a second of the camera.
        topics: Topics that this process subscribes to; the nodes convert results only for these.
        logs: Folder of the processes' output.
        domain: DDS domain.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        parameters: Mapping[str, object],
        *,
        rate: float,
        topics: Sequence[interface.Topic],
        logs: Path,
        domain: int,
    ) -> None:
        chosen = {name: parameters if name == "reconstruction_node" else {} for name in nodes}
        super().__init__(chosen, topics=topics, logs=logs, domain=domain)
        self._rate = rate

    def begin(self) -> None:
        """Start the camera."""
        self.camera = self.run_beside(CAMERA, ["--rate", str(self._rate), "--wait", str(_START)])

    def complaints(self) -> list[str]:
        """Lines of the nodes' output with an exception or an error."""
        words = ("Traceback", "[ERROR]", "[FATAL]", "Error: ")
        logs = {name: process.printed().splitlines() for name, process in self.nodes.items()}
        return [f"{name}: {line}" for name, lines in logs.items() for line in lines if any(w in line for w in words)]
