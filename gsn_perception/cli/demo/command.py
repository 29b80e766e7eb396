"""`gsn demo`: runs the two ROS 2 nodes on a recorded camera stream, on one machine without a ROS installation.

A simulated table-top scene (and real images, if available) is recorded as a rosbag2 and played over DDS. The nodes run in
separate processes. Their outputs are collected, drawn and counted.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsn_perception.cli.demo.graph import Outcome
    from gsn_perception.geometry import Observation

FRAME_ID = "camera_color_optical_frame"
EXIT_MISSING = 3


@dataclass(frozen=True, slots=True)
class Options:
    """Scene, stream and output folder."""

    out: Path = Path("demo")
    """Folder for overview.png, gaussians.ply, points.ply, mesh.ply, grasps.json and the recording; also viewer.png if
    Chromium is installed."""
    frames: Path | None = None
    """Folder of real frames (color.png, depth.png, mask.png, camera.json each); default ../shared/data/frames if it exists."""
    checkpoint: str = ""
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    objects: int = 3
    """Number of objects on the table."""
    views: int = 5
    """Number of frames of the simulated stream."""
    rate: float = 1.0
    """Frames per second."""
    timeout: float = 120.0
    """Seconds to wait for the nodes to start, and for the results of a recording."""
    seed: int = 0
    """Seed of the scene."""


def run(options: Options) -> int:
    """Run the demo; 3 if an expected result did not arrive."""
    from gsn_perception.cli.demo.graph import Graph
    from gsn_perception.cli.demo.report import report
    from gsn_perception.geometry import InputError
    from gsn_perception.io import output_folder

    if options.views < 1 or options.objects < 1 or options.rate <= 0:
        raise InputError("--views and --objects must be at least 1 and --rate above 0")
    streams = {"scene": lambda: table_stream(options)}
    for folder in _real_frames(options.frames):
        streams[folder.name] = lambda folder=folder: photograph_stream(folder, options)  # type: ignore[misc]
    outcomes: dict[str, Outcome] = {}
    with output_folder(options.out) as out:
        with Graph(options.checkpoint, options.device, options.timeout, out / "logs") as graph:
            for name, stream in streams.items():
                place = out if name == "scene" else out / name
                place.mkdir(parents=True, exist_ok=True)
                outcomes[name] = graph.play(stream(), place)
            peaks = graph.peak_memory()
        _take_snapshots([out if name == "scene" else out / name for name in streams])
        text, missing = report(outcomes, peaks)
        print(text)
        (out / "report.txt").write_text(text + "\n")
    print(f"written to {options.out}")
    for sentence in missing:
        print(f"missing: {sentence}", file=sys.stderr)
    return EXIT_MISSING if missing else 0


def _take_snapshots(places: list[Path]) -> None:
    """Write a screenshot of ``gsn view`` for each recording, if a browser is installed."""
    from gsn_perception.viewer.snapshot import take_snapshot

    for place in places:
        if (place / "mesh.ply").is_file():
            take_snapshot(place)


def table_stream(options: Options) -> list[Observation]:
    """Frames of objects on a table from an RGB-D camera that moves around them."""
    from gsn_perception.scenes.demo import demo_table

    print(f"{options.views} frames of {options.objects} objects are rendered", file=sys.stderr)
    return demo_table(options.objects, options.views, options.seed, 1 / options.rate)


def photograph_stream(folder: Path, options: Options) -> list[Observation]:
    """A stream of two copies of one real frame."""
    from dataclasses import replace

    from gsn_perception.evaluation.surfaces.real_frames import read_frame

    seen = replace(read_frame(folder), frame_id=FRAME_ID)
    return [replace(seen, stamp=_stamp(i, options.rate)) for i in range(2)]


def _real_frames(folder: Path | None) -> list[Path]:
    from gsn_perception.evaluation.surfaces.real_frames import frame_folders

    beside = Path(__file__).resolve().parents[4] / "shared" / "data" / "frames"
    if folder is None and not beside.is_dir():
        return []
    return frame_folders(beside if folder is None else folder)


def _stamp(number: int, rate: float) -> int:
    """Stamp in nanoseconds, from one second on: ROS treats a stamp of 0 as unknown."""
    return 1_000_000_000 + round(number / rate * 1e9)
