"""`gsn demo`: a camera stream through the two ROS 2 nodes and back, on one machine without a ROS installation.

A made-up table-top scene (and real photographs, where there are any) is recorded as a rosbag2, played through DDS into
the nodes, which run as processes of their own; what they publish is collected, drawn and counted.
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
_FAMILIES = ("mug", "carton", "bottle", "bowl", "can", "jar")
_EXTENT = 0.09, 0.15


@dataclass(frozen=True, slots=True)
class Options:
    """What is shown and where it goes."""

    out: Path = Path("demo")
    """Folder for overview.png, gaussians.ply, points.ply, mesh.ply, grasps.json and the recording; viewer.png, too, where
    Chromium is found."""
    frames: Path | None = None
    """Folder of real frames (color.png, depth.png, mask.png, camera.json each); ../shared/data/frames where it exists."""
    checkpoint: str = ""
    """Weights (.safetensors) or the name of shipped ones; the shipped default when empty."""
    device: str = "auto"
    """auto, cpu or cuda."""
    objects: int = 3
    """Objects on the table."""
    views: int = 5
    """Frames of the made-up stream."""
    rate: float = 1.0
    """Frames a second."""
    timeout: float = 120.0
    """Seconds to wait for the nodes to start, and for the results of a recording."""
    seed: int = 0
    """Seed of the scene."""


def run(options: Options) -> int:
    """Run the demo; 3 when something that was expected did not arrive."""
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
    """What ``gsn view`` shows of each recording, where a browser is there to draw it."""
    from gsn_perception.viewer.snapshot import take_snapshot

    for place in places:
        if (place / "mesh.ply").is_file():
            take_snapshot(place)


def table_stream(options: Options) -> list[Observation]:
    """Objects on a table, seen by an RGB-D camera that travels around them."""
    import numpy as np
    from tqdm import tqdm

    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    rng = np.random.default_rng(options.seed)
    items = []
    for index in tqdm(range(options.objects), desc="objects", ncols=100):
        item = random_object(100 * options.seed + index, _FAMILIES[index % len(_FAMILIES)])
        items.append(item.scaled(rng.uniform(*_EXTENT) / float(item.extent.max())))
    scene, camera = random_tabletop(items, options.seed, options.objects)
    path = scene.orbit(camera, options.views, arc=np.deg2rad(60))
    return [
        scene.observe(
            place, sensor=DepthSensor(), seed=options.seed + i, stamp=_stamp(i, options.rate), frame_id=FRAME_ID
        )
        for i, place in enumerate(tqdm(path, desc="camera", ncols=100))
    ]


def photograph_stream(folder: Path, options: Options) -> list[Observation]:
    """One real frame, twice."""
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
    """Nanoseconds, from one second on: a stamp of 0 means "unknown" to ROS."""
    return 1_000_000_000 + round(number / rate * 1e9)
