"""Soak test: both nodes for minutes with a 30 Hz RGB-D camera whose objects change; memory, latency, lost frames."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gsn_perception.ros import interface
from gsn_perception.ros.bench.camera_graph import CameraGraph
from gsn_perception.ros.bench.figure import Figure

NODES = ("reconstruction_node", "grasp_node")
FRAME_DROPS = (
    *("unsynchronised", "no_camera_info", "disabled", "stale", "max_rate", "overtaken", "bad_frame", "bad_message"),
    *("deactivated", "worker", "no_depth", "no_mask"),
)  # reasons that drop a whole frame; others (object, no_grasp, ...) concern finished frames
_IN_FLIGHT = 15  # frames that may wait in the synchroniser and the worker when the counters are read
_SPREAD = 1.6  # of latencies: p95 / p50 asked for
_TIMED = (interface.GAUSSIANS.name, interface.GRASP_TABLE.name)
_TOPICS = (*interface.RECONSTRUCTION_OUTPUTS, *interface.GRASP_OUTPUTS)


@dataclass(frozen=True, slots=True)
class Sample:
    """The state at one time.

    Attributes:
        time: Seconds since the first frame.
        memory: Node to resident bytes.
        drops: Reason to frames dropped so far by the reconstruction node.
        frames: Frames finished so far.
    """

    time: float
    memory: Mapping[str, int]
    drops: Mapping[str, int]
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Soak:
    """Measurements of a soak test.

    Attributes:
        seconds: Duration.
        samples: One a second.
        latencies: Topic to [N,3]: seconds since the first frame, seconds from the image's stamp to the result, and
            the number of objects in the frame (an empty table takes no time and is left out of the figures).
        sent: Images the camera published.
        received: Images the node took.
        complaints: Lines of the logs with an exception or an error.
    """

    seconds: float
    samples: Sequence[Sample]
    latencies: Mapping[str, np.ndarray]
    sent: int
    received: int
    complaints: Sequence[str]


def soak(seconds: float, parameters: dict[str, object], logs: Path, domain: int) -> Soak:
    """Run the soak test with a camera of 30 Hz.

    Raises:
        InputError: a process did not start, published nothing or ended by itself.
    """
    with CameraGraph(NODES, parameters, rate=30.0, topics=_TOPICS, logs=logs, domain=domain) as graph:
        arrivals = graph.collector.arrivals
        graph.wait(lambda: bool(arrivals[interface.GAUSSIANS.name]), 180, "give a result")
        began = time.monotonic()
        offset = time.time() - began  # arrivals are monotonic, stamps are not
        samples: list[Sample] = []
        for _ in tqdm(range(max(round(seconds), 1)), desc="soak", unit="s", ncols=100):
            time.sleep(1.0)
            graph.check()
            samples.append(_sample(graph, time.monotonic() - began))
        graph.camera.stop()
        time.sleep(3.0)  # for messages in transit and one more report
        report = graph.report("reconstruction_node")
        samples.append(_sample(graph, time.monotonic() - began))
        latencies = {name: _latencies(graph, name, began, offset) for name in _TIMED}
        complaints = graph.complaints()
        sent = int(json.loads(graph.camera.last_line())["sent"])
    return Soak(time.monotonic() - began, samples, latencies, sent, int(report.get("image.total", 0)), complaints)


def soak_figures(found: Soak) -> list[Figure]:
    """Figures: memory, latency, accounted frames, exceptions."""
    figures = []
    for node in NODES:
        growth, last = memory_growth(found, node)
        figures.append(Figure(f"{node}: memory growth after {_settling_time(found):.0f} s", growth, "%", 2))
        figures.append(Figure(f"{node}: resident memory at the end", last / 1e6, "MB"))
    for topic, rows in found.latencies.items():
        figures += _latency_figures(topic, rows)
    last_sample = found.samples[-1]
    figures.append(Figure("images sent by the camera", found.sent, ""))
    figures.append(Figure("images lost before the node (best effort)", found.sent - found.received, ""))
    figures.append(Figure("frames finished", last_sample.frames, ""))
    figures += [Figure(f"dropped or remarked: {k}", v, "") for k, v in sorted(last_sample.drops.items())]
    figures.append(Figure("frames without an account", unaccounted(found), "", _IN_FLIGHT))
    figures.append(Figure("exceptions", len(found.complaints), "", 0))
    return figures


def _latency_figures(topic: str, rows: np.ndarray) -> list[Figure]:
    """Of all frames with objects, then by the number of objects; ``rows`` as in :class:`Soak`."""
    name = f"image -> {topic}"
    full = rows[rows[:, 2] > 0]
    figures = [Figure(f"{name}: results", len(rows), "", 1, least=True)]
    figures += [Figure(f"{name}: of frames with objects", len(full), "", 1, least=True)]
    if not len(full):
        return figures
    p50, p95 = np.percentile(full[:, 1], (50, 95))
    figures.append(Figure(f"{name}: latency p50 with objects", float(p50), "s"))
    figures.append(Figure(f"{name}: latency p95 with objects", float(p95), "s", _SPREAD * float(p50)))
    for count in np.unique(full[:, 2]).astype(int):
        some = full[full[:, 2] == count, 1]
        p50, p95 = np.percentile(some, (50, 95))
        what = f"{name}: {len(some)} frames with {count} object{'s' if count > 1 else ''}"
        figures += [Figure(f"{what}, p50", float(p50), "s"), Figure(f"{what}, p95", float(p95), "s")]
    return figures


def memory_growth(found: Soak, node: str) -> tuple[float, float]:
    """Growth in per cent from :func:`_settling_time` to the end, and bytes at the end; medians over a tenth of the samples."""
    settled = _settling_time(found)
    rows = np.array([(s.time, s.memory[node]) for s in found.samples if s.memory.get(node) and s.time >= settled])
    if len(rows) < 2:
        return float("nan"), float("nan")
    width = max(len(rows) // 10, 1)
    first, last = float(np.median(rows[:width, 1])), float(np.median(rows[-width:, 1]))
    return 100 * (last - first) / first, last


def unaccounted(found: Soak) -> int:
    """Images received by the node that were neither finished nor dropped with a reason."""
    last = found.samples[-1]
    return abs(found.received - last.frames - sum(last.drops.get(reason, 0) for reason in FRAME_DROPS))


def _settling_time(found: Soak) -> float:
    """Start of the memory measurement, seconds: two minutes, or a fifth of a short run."""
    return min(120.0, found.seconds / 5)


def _latencies(graph: CameraGraph, topic: str, began: float, offset: float) -> np.ndarray:
    """See :class:`Soak`; [N,3]."""
    found, objects = sorted(graph.collector.arrivals[topic].items()), graph.collector.objects
    rows = [(at - began, at + offset - stamp / 1e9, objects.get(stamp, 0)) for stamp, at in found]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _sample(graph: CameraGraph, now: float) -> Sample:
    report = graph.report("reconstruction_node")
    drops = {k.removeprefix("dropped."): int(v) for k, v in report.items() if k.startswith("dropped.")}
    memory = {name: process.current_bytes for name, process in graph.nodes.items()}
    return Sample(now, memory, drops, int(report.get("frames.total", 0)))
