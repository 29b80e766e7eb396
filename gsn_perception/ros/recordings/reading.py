"""Reads recordings (bags): raw messages in order, frames, observations."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Remark
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.recordings.camera_topics import StreamTopics as StreamTopics
from gsn_perception.ros.recordings.camera_topics import choose_streams
from gsn_perception.ros.recordings.camera_topics import namespace_of as namespace_of
from gsn_perception.ros.recordings.files import open_bag
from gsn_perception.ros.recordings.storage import Recorded as Recorded
from gsn_perception.ros.recordings.storage import message_class as message_class
from gsn_perception.ros.recordings.writing import record as record
from gsn_perception.ros.streams.frame_assembly import Frame
from gsn_perception.ros.streams.frame_assembly import FrameAssembler
from gsn_perception.ros.streams.frame_decoding import FrameDecoder

_FOR_EVER = 1 << 62  # nanoseconds
_HELD = 1 << 30  # limit of the images that wait for late masks, bytes

Tell = Callable[[Remark], None]


def to_stderr(remark: Remark) -> None:
    """Print a remark on stderr; the default of ``tell``."""
    print(f"remark {remark}", file=sys.stderr, flush=True)


def read(path: str | Path, topics: Sequence[str] = (), *, tell: Tell = to_stderr) -> Iterator[Recorded]:
    """The messages of a bag in recorded order.

    Args:
        path: A folder (also one without metadata.yaml), or an .mcap, .db3 or (ROS 1) .bag file.
        topics: Topics to read; empty = all with ROS messages.
        tell: Called once with each remark about the bag: cut off, topics left out, messages missing.

    Raises:
        InputError: a library is missing, or the bag is missing or can't be read.
    """
    with open_bag(path) as bag:
        told = list(bag.remarks)
        for remark in told:
            tell(remark)
        wanted = [topic for topic in bag.topics if not topics or topic in topics]
        count: Counter[str] = Counter()
        for item in bag.messages(wanted):
            count[item.topic] += 1
            yield item
        missing = bag.missing(count, wanted)
        for remark in [*bag.remarks, *([missing] if missing else [])]:
            if remark not in told:
                tell(remark)


def topics_of(path: str | Path) -> dict[str, str]:
    """Topics of a bag and their type names.

    Raises:
        InputError: a library is missing, or the bag is missing or can't be read.
    """
    with open_bag(path) as bag:
        return bag.topics


def read_frames(
    path: str | Path,
    *,
    namespace: str | None = None,
    topics: StreamTopics | None = None,
    settings: ReconstructionSettings | None = None,
    tell: Tell = to_stderr,
) -> Iterator[Frame]:
    """The frames of a bag, joined as in the reconstruction node, not decoded; each exactly once.

    Images wait for depth and mask until the end of the bag (``max_wait`` is not used). Images are dropped, with a remark,
    only where more than a gigabyte waits.

    Args:
        path: The bag.
        namespace: Namespace of its topics; determined by default.
        topics: Its topics where their names differ from ours; guessed by default where the choice is unique.
        settings: Parameters of the node, which choose the streams.
        tell: See :func:`read`.

    Raises:
        InputError: the bag can't be read, it has no or several image topics, or no frame is complete.
    """
    settings = settings or ReconstructionSettings()
    with open_bag(path) as bag:
        there, empty = bag.topics, bag.empty
    found, guesses = choose_streams(there, topics or StreamTopics(), namespace, lambda t: _silently(path, list(t)))
    for guess in guesses:
        tell(guess)
    for topic in empty & found.by_topic().keys():
        tell(Remark("bag_topic_empty", f"{topic} of {path} holds no message; its publisher was silent"))
    found = found.without(empty)
    wanted = (("depth", settings.use_depth), ("mask", settings.use_mask))
    streams = tuple(name for name, used in wanted if used and getattr(found, name))
    names = {topic: name for topic, name in found.by_topic().items() if name in ("image", "camera_info", *streams)}
    drops: Counter[str] = Counter()
    assembler = FrameAssembler(
        streams,
        int(settings.sync_slop * 1e9),
        lambda stream: True,
        lambda reason: drops.update([reason]),
        wait=_FOR_EVER,
        held=_HELD,
    )
    count = 0
    for item in read(path, list(names), tell=tell):
        frame = assembler.add(names[item.topic], item.message())
        if frame is not None:
            count += 1
            yield frame
    if not count:
        listed = ", ".join(f"{topic} ({name})" for topic, name in names.items())
        raise InputError(
            f"no frame of {path} is complete ({assembler.missing_input(0.0) or 'no two stamps agree'}): read {listed}"
        )
    assembler.finish()
    if drops:
        tell(_dropped(path, drops))


def read_observations(
    path: str | Path,
    *,
    namespace: str | None = None,
    topics: StreamTopics | None = None,
    settings: ReconstructionSettings | None = None,
    tell: Tell = to_stderr,
) -> Iterator[Observation]:
    """The frames of :func:`read_frames`, decoded as in the reconstruction node.

    Raises:
        InputError: the bag or a message can't be used.
    """
    settings = settings or ReconstructionSettings()
    decode = FrameDecoder()
    for frame in read_frames(path, namespace=namespace, topics=topics, settings=settings, tell=tell):
        yield decode(frame, settings)


def _dropped(path: str | Path, drops: Counter[str]) -> Remark:
    """A remark about images that were dropped, counted by reason."""
    reasons = ", ".join(f"{number} {reason}" for reason, number in drops.items())
    cure = "; raise sync_slop if the streams are out of step" if drops["unsynchronised"] else ""
    return Remark("bag_images_dropped", f"images of {path} without a partner were left out ({reasons}){cure}")


def _silently(path: str | Path, topics: Sequence[str]) -> Iterator[Recorded]:
    return read(path, topics, tell=lambda remark: None)
