"""Make, inspect, play and evaluate rosbag2 recordings, without a ROS installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from gsn_perception.cli.bag.evaluate import Eval
from gsn_perception.cli.bag.evaluate import evaluate

if TYPE_CHECKING:
    from gsn_perception.geometry import Observation

Storage = Literal["mcap", "sqlite3"]
FRAME_ID = "camera_color_optical_frame"


@dataclass(frozen=True)
class Info:
    """Show a recording's topics, message counts and rates."""

    bag: Annotated[Path, tyro.conf.Positional]
    """Folder of the recording, or an .mcap, .db3 or ROS 1 .bag file."""


@dataclass(frozen=True)
class Make:
    """Record a simulated table-top scene: image, camera_info, depth and mask of a camera that circles it, /clock and poses.

    The true meshes and camera poses are in the recording's folder under truth/.
    """

    out: Annotated[Path, tyro.conf.Positional]
    """Folder of the recording; it must not exist yet."""
    objects: int = 3
    """Number of objects on the table."""
    frames: int = 10
    """Number of frames."""
    rate: float = 5.0
    """Frames per second."""
    arc: float = 60.0
    """Angle of the camera's path around the table, degrees."""
    orbit: bool = False
    """The camera moves like one in a robot's hand: height, distance, aim and roll change along the path."""
    pose_error: tuple[float, float] = (0.0, 0.0)
    """Errors of the recorded poses: millimetres and degrees, per axis (the poses under truth/ are exact)."""
    depth: bool = True
    """Record depth, with the errors of a depth camera."""
    mask: bool = True
    """Record the true mask."""
    meshes: Path | None = None
    """Folder of OBJ, PLY, STL or GLB files to put on the table instead of generated objects."""
    namespace: str = "camera"
    """Namespace of the topics."""
    storage: Storage = "mcap"
    """File format."""
    clock: bool = True
    """Record /clock."""
    poses: bool = True
    """Record /tf (table to camera_link) and /tf_static (camera_link to the optical frame)."""
    seed: int = 0
    """Seed of the scene and the sensor."""


@dataclass(frozen=True)
class Pack:
    """Record one image as a stream of equal frames."""

    out: Annotated[Path, tyro.conf.Positional]
    """Folder of the recording; it must not exist yet."""
    image: Path
    """Colour image."""
    camera: Path
    """camera.json of the image."""
    depth: Path | None = None
    """16-bit PNG in millimetres registered to the image, 0 = unknown."""
    mask: Path | None = None
    """PNG, > 0 is an object, different values are different objects."""
    frames: int = 10
    """Number of frames."""
    rate: float = 5.0
    """Frames per second."""
    namespace: str = ""
    """Namespace of the topics."""


@dataclass(frozen=True)
class Play:
    """Publish a recording on its topics; the executable bag_play also accepts ROS arguments."""

    bag: Annotated[Path, tyro.conf.Positional]
    """Folder of the recording, or an .mcap, .db3 or ROS 1 .bag file."""
    rate: float = 1.0
    """Playback speed."""
    loop: bool = False
    """Start again at the end."""
    clock: bool = False
    """Publish /clock for nodes with use_sim_time."""
    restamp: bool = False
    """Replace the header stamps by the time of playback."""
    wait: float = 0.0
    """Longest wait for subscribers, seconds."""


Options = Info | Make | Pack | Play | Eval


def run(options: Info | Make | Pack | Play | Eval) -> int:
    """Run the sub-command."""
    if isinstance(options, Info):
        return _info(options)
    if isinstance(options, Play):
        return _play(options)
    if isinstance(options, Eval):
        return evaluate(options)
    from gsn_perception.geometry import InputError
    from gsn_perception.ros.recordings import reading

    if isinstance(options, Make) and min(options.pose_error) < 0:
        raise InputError("--pose-error must be two numbers that are not negative: millimetres and degrees")
    if options.frames < 1 or not 0 < options.rate <= 1000:
        raise InputError("--frames must be at least 1 and --rate above 0 (and at most 1000) frames a second")
    if isinstance(options, Make):
        count = _make(options)
    else:
        count = reading.record(options.out, _photograph(options), namespace=options.namespace)
    print(f"{count} frames -> {options.out}")
    return 0


def _info(options: Info) -> int:
    from gsn_perception.ros.recordings import reading

    there = reading.topics_of(options.bag)
    times: dict[str, list[int]] = {topic: [] for topic in there}
    for item in reading.read(options.bag):
        times[item.topic].append(item.time)
    stamps = [stamp for series in times.values() for stamp in series]
    print(f"{options.bag}: {len(stamps)} messages, {_seconds(stamps):.2f} s")
    for topic, kind in sorted(there.items()):
        series = times[topic]
        rate = f"{(len(series) - 1) / _seconds(series):.1f} Hz" if _seconds(series) > 0 else ""
        print(f"  {topic:<24} {kind:<32} {len(series):>6}  {rate}".rstrip())
    return 0


def _seconds(stamps: list[int]) -> float:
    return (max(stamps) - min(stamps)) * 1e-9 if stamps else 0.0


def _play(options: Play) -> int:
    from gsn_perception.nodes import bag_play

    words = [str(options.bag), "--rate", str(options.rate), "--wait", str(options.wait)]
    words += [f"--{name}" for name in ("loop", "clock", "restamp") if getattr(options, name)]
    return bag_play.main(words)


def _make(options: Make) -> int:
    from dataclasses import replace

    import numpy as np
    from tqdm import tqdm

    from gsn_perception.ros.recordings.offline_replay import GroundTruth
    from gsn_perception.ros.recordings.writing import record
    from gsn_perception.scenes.loader import load_meshes
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop
    from gsn_perception.scenes.views import with_pose_errors

    if options.meshes is None:
        objects = [random_object(options.seed * 1000 + i) for i in range(options.objects)]
    else:
        objects, _ = load_meshes(options.meshes)
    scene, camera = random_tabletop(objects, options.seed, options.objects)
    move = scene.swing if options.orbit else scene.orbit
    path = move(camera, options.frames, arc=np.deg2rad(options.arc))
    posed = with_pose_errors(path, *options.pose_error, np.random.default_rng(options.seed))
    stamps = [_stamp(number, options.rate) for number in range(options.frames)]

    def seen() -> Iterator[Observation]:
        for number, place in enumerate(tqdm(path, desc="rendering", unit="frame", leave=False)):
            chance = options.seed + number
            item = scene.observe(place, sensor=DepthSensor(), seed=chance, stamp=stamps[number], frame_id=FRAME_ID)
            yield _only(replace(item, camera=posed[number]), depth=options.depth, mask=options.mask)

    wanted = {"storage": options.storage, "clock": options.clock, "poses": options.poses}
    count = record(options.out, seen(), namespace=options.namespace, **wanted)  # type: ignore[arg-type]
    meshes = {placed.label: scene.mesh(placed.label) for placed in scene.placed}
    GroundTruth(meshes, {s: c.world_from_camera for s, c in zip(stamps, path, strict=True)}).write(options.out)
    return count


def _photograph(options: Pack) -> Iterator[Observation]:
    from dataclasses import replace

    from gsn_perception.geometry import Observation
    from gsn_perception.io import read_camera
    from gsn_perception.io import read_depth
    from gsn_perception.io import read_image
    from gsn_perception.io import read_mask

    seen = Observation(
        image=read_image(options.image),
        camera=read_camera(options.camera),
        mask=None if options.mask is None else read_mask(options.mask),
        depth=None if options.depth is None else read_depth(options.depth),
        frame_id=FRAME_ID,
    )
    for number in range(options.frames):
        yield replace(seen, stamp=_stamp(number, options.rate))


def _only(seen: Observation, *, depth: bool, mask: bool) -> Observation:
    from dataclasses import replace

    return replace(seen, depth=seen.depth if depth else None, mask=seen.mask if mask else None)


def _stamp(number: int, rate: float) -> int:
    """Stamp in nanoseconds; the first is one second, because ROS treats a stamp of 0 as unknown."""
    return 1_000_000_000 + round(number / rate * 1e9)
