"""The nodes and a made-up camera as processes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from gsn_perception.ros import interface
from gsn_perception.ros.processes.graph import NodeGraph

CAMERA = "gsn_perception.ros.bench.camera"
_START = 180.0  # seconds that the camera waits for somebody who listens


class CameraGraph(NodeGraph):
    """Nodes under a camera, which starts once they are active.

    Args:
        nodes: Modules of ``gsn_perception.nodes``.
        parameters: Of the reconstruction node.
        rate: Frames a second of the camera.
        topics: What this process subscribes to; only that is converted.
        logs: Folder for what the processes print.
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
        """Lines of the nodes' logs that tell of an exception or an error."""
        words = ("Traceback", "[ERROR]", "[FATAL]", "Error: ")
        logs = {name: process.printed().splitlines() for name, process in self.nodes.items()}
        return [f"{name}: {line}" for name, lines in logs.items() for line in lines if any(w in line for w in words)]
