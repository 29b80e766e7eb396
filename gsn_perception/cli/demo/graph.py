"""ROS graph of the demo: two node processes, a bag player process, and this process as the subscriber."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry.gaussians import cat
from gsn_perception.geometry.mesh import merge_meshes
from gsn_perception.geometry.reconstruction import merge_points
from gsn_perception.io import write_gaussians_ply
from gsn_perception.io import write_grasps_json
from gsn_perception.io import write_image
from gsn_perception.io import write_mesh_ply
from gsn_perception.io import write_points_ply
from gsn_perception.ros import interface
from gsn_perception.ros.messages.gaussians import cloud_to_gaussians
from gsn_perception.ros.messages.grasps import table_to_grasps
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.messages.meshes import header_of
from gsn_perception.ros.messages.meshes import markers_to_meshes
from gsn_perception.ros.messages.plane import polygon_to_plane
from gsn_perception.ros.messages.points import cloud_to_points
from gsn_perception.ros.processes.collector import OUTPUTS
from gsn_perception.ros.processes.graph import NodeGraph
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.recordings import reading

NODES = ("reconstruction", "grasp")
_WAIT_LAST = 10.0  # seconds to wait for the other topics after the grasps of the last frame


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Results of one recording.

    Attributes:
        played: Frames in the recording.
        counts: Messages received, by topic.
        stale: Output topics whose last message is missing or not of the last frame.
        objects: Objects in the last frame's results.
        grasps: Grasps for the last frame.
        expected: Objects in the last frame's mask.
        latencies: Seconds from a frame's arrival to its result's, by topic.
        stages: Diagnostics of each node: stage to (mean, maximum) milliseconds.
        remarks: Remarks of the nodes.
    """

    played: int
    counts: dict[str, int]
    stale: list[str]
    objects: int
    grasps: int
    expected: int
    latencies: dict[str, list[float]]
    stages: dict[str, dict[str, tuple[float, float]]]
    remarks: list[str]


class Graph(NodeGraph):
    """Both nodes, running and active inside the ``with`` block."""

    def __init__(self, checkpoint: str, device: str, timeout: float, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")  # do not reach other machines
        nodes = {"reconstruction_node": {"checkpoint": checkpoint, "device": device}, "grasp_node": {}}
        domain = 1 + (7 * os.getpid()) % 100
        super().__init__(nodes, topics=(interface.IMAGE, *OUTPUTS), logs=logs, domain=domain, timeout=timeout)

    def play(self, stream: Sequence[Observation], place: Path) -> Outcome:
        """Record a stream into ``place``, play it, wait for the last frame's grasps, write the results."""
        collector, last = self.collector, stream[-1]
        reading.record(place / "bag", stream)
        collector.forget()
        words = [str(place / "bag"), "--wait", str(self._timeout), "--linger", "2"]
        with NodeProcess("bag_play", words, log=self.logs / "bag_play.txt", domain=self.domain) as player:
            if player.wait(2 * self._timeout + (last.stamp - stream[0].stamp) * 1e-9):
                raise InputError(f"the recording could not be played: {player.last_line()}")
        collector.wait(lambda: last.stamp in collector.arrivals["grasps/table"], self._timeout, self.check)
        collector.wait(lambda: not self._stale(last.stamp), _WAIT_LAST, self.check)
        collector.wait(lambda: all(collector.diagnostics(f"/{n}") for n in NODES), _WAIT_LAST, self.check)
        objects, grasps = self._write(last, place)
        return self._outcome(stream, objects, grasps)

    def peak_memory(self) -> dict[str, int]:
        """Peak resident bytes of each process."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {**{node.name: node.peak_bytes for node in self.nodes.values()}, "this process": own}

    def _write(self, seen: Observation, place: Path) -> tuple[int, int]:
        """Write the last messages to files; the number of objects and grasps in them."""
        from gsn_perception.viewer.overview import Shown
        from gsn_perception.viewer.overview import overview_picture

        gaussians, points, meshes, grasps = self._results()
        write_grasps_json(place / "grasps.json", grasps, frame_id=seen.frame_id, stamp=seen.stamp)
        if not (gaussians and points and meshes):
            return 0, len(grasps)
        splat, mesh = cat(list(gaussians.values())), merge_meshes(list(meshes.values()))
        write_gaussians_ply(place / "gaussians.ply", splat)
        write_points_ply(place / "points.ply", merge_points(list(points.values())))
        write_mesh_ply(place / "mesh.ply", mesh)
        plane_message = self.collector.message(interface.SUPPORT_PLANE)
        plane = None if plane_message is None else polygon_to_plane(plane_message)
        _write_report(place / "report.json", meshes, plane)
        shown = Shown.of(splat, mesh, grasps, plane)
        write_image(place / "overview.png", overview_picture(replace(seen, support_plane=plane), shown))
        return len(meshes), len(grasps)

    def _results(self) -> tuple[dict[int, Gaussians], dict[int, Points], dict[int, Mesh], list[Grasp]]:
        message = self.collector.message
        clouds = [message(t) for t in (interface.GAUSSIANS, interface.POINTS, interface.MESH, interface.GRASP_TABLE)]
        gaussians, points, mesh, table = clouds
        return (
            {} if gaussians is None else cloud_to_gaussians(gaussians),
            {} if points is None else cloud_to_points(points),
            {} if mesh is None else markers_to_meshes(mesh),
            [] if table is None else table_to_grasps(table),
        )

    def _outcome(self, stream: Sequence[Observation], objects: int, grasps: int) -> Outcome:
        collector, mask = self.collector, stream[-1].mask
        began = collector.arrivals["image"]
        latencies = {
            topic: [at - began[stamp] for stamp, at in collector.arrivals[topic].items() if stamp in began]
            for topic in ("gaussians", "grasps/table")
        }
        reports = {name: collector.diagnostics(f"/{name}") for name in NODES}
        return Outcome(
            played=len(stream),
            counts=dict(collector.counts),
            stale=self._stale(stream[-1].stamp),
            objects=objects,
            grasps=grasps,
            expected=0 if mask is None else len(set(mask[mask > 0].tolist())),
            latencies=latencies,
            stages={name: stage_times(found) for name, found in reports.items()},
            remarks=sorted({t for found in reports.values() for r in found if _is_remark(t := r["message"])}),
        )

    def _stale(self, stamp: int) -> list[str]:
        """Output topics whose last message is not of the frame ``stamp``."""
        stale = []
        for topic in OUTPUTS:
            message = self.collector.message(topic)
            if message is None:
                stale.append(topic.name)
                continue
            header = header_of(message) if hasattr(message, "markers") else message.header
            if header is None or stamp_to_ns(header.stamp) != stamp:
                stale.append(topic.name)
        return stale


def _write_report(path: Path, meshes: dict[int, Mesh], plane: Plane | None) -> None:
    """Write the report that ``gsn view`` needs, with the keys of ``gsn reconstruct``."""
    row = None if plane is None else [*plane.normal.tolist(), plane.offset]
    objects = [{"label": k, "support_plane": row, "triangles": len(mesh.faces)} for k, mesh in meshes.items()]
    path.write_text(json.dumps({"objects": objects}, indent=1) + "\n")


def _is_remark(status: str) -> bool:
    """Whether a status is a remark: not just that the node is active or waits for its first message."""
    return status != "active" and not status.startswith("waiting for")


def stage_times(reports: Sequence[dict[str, str]]) -> dict[str, tuple[float, float]]:
    """Stage to (mean, maximum) milliseconds over a node's reports, each counted once per new frame."""
    means: dict[str, list[float]] = {}
    highest: dict[str, float] = {}
    before: dict[str, str] = {}
    for report in reports:
        stages = {k: v for k, v in report.items() if k.startswith("latency.")}
        if stages == before:
            continue
        before = stages
        for key, value in stages.items():
            stage, kind = key.removeprefix("latency.").rsplit(".", maxsplit=1)
            if kind == "mean_ms":
                means.setdefault(stage, []).append(float(value))
            elif kind == "max_ms":
                highest[stage] = max(highest.get(stage, 0.0), float(value))
    return {stage: (sum(v) / len(v), highest.get(stage, v[-1])) for stage, v in means.items()}
