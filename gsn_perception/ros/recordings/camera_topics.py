"""Chooses the camera topics of a recording: given ones, ones with our names, or guesses where only one fits."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros import interface
from gsn_perception.ros.recordings.storage import Recorded
from gsn_perception.ros.recordings.writing import absolute

_IMAGE, _PACKED = interface.IMAGE.type_name, interface.IMAGE_COMPRESSED.type_name
_MASKS = (_IMAGE, _PACKED, "yolo_msgs/msg/DetectionArray")
_INFO = interface.CAMERA_INFO.type_name
_DEPTHS = ("16UC1", "mono16", "32FC1", "64FC1")
_COLOURS = ("rgb", "bgr", "bayer", "yuv", "uyvy", "yuyv", "nv", "8UC3", "8UC4")
_PEEK = 400  # messages read to determine the content of topics


@dataclass(frozen=True, slots=True)
class StreamTopics:
    """Topics of a camera; empty: to be determined.

    Attributes:
        image: Colour image, raw or compressed.
        camera_info: CameraInfo of the image.
        depth: Depth registered to the image.
        mask: Instance mask.
    """

    image: str = ""
    camera_info: str = ""
    depth: str = ""
    mask: str = ""

    def by_topic(self) -> dict[str, str]:
        """Topic to stream name, for the topics that are set."""
        return {getattr(self, f.name): f.name for f in fields(self) if getattr(self, f.name)}

    def without(self, topics: Collection[str]) -> StreamTopics:
        """A copy without some topics."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        return StreamTopics(**{name: topic for name, topic in kept.items() if topic not in topics})


Peek = Callable[[Collection[str]], Iterator[Recorded]]


def choose_streams(
    there: Mapping[str, str], given: StreamTopics, namespace: str | None, peek: Peek
) -> tuple[StreamTopics, list[Remark]]:
    """The topics to read, and remarks about guesses.

    Args:
        there: Topics of the bag and their types.
        given: Topics given by the user.
        namespace: Namespace of topics with our names; None: that of the only topic ``.../image``.
        peek: Reads some topics of the bag from its start.

    Raises:
        InputError: a topic is missing or of the wrong type, or the choice is not unique; the sentence lists the topics.
    """
    given = _absolute(given)
    _check(there, given)
    if namespace is None and (given.image or not _image_namespaces(there)):
        return _guess(there, given, peek)
    namespace = namespace_of(there) if namespace is None else namespace
    named = {t.name: name for t in interface.RECONSTRUCTION_INPUTS if (name := absolute(namespace, t.name)) in there}
    chosen = StreamTopics(**{f.name: getattr(given, f.name) or named.get(f.name, "") for f in fields(given)})
    if not chosen.image:
        raise InputError(f"the bag holds no image {absolute(namespace, 'image')}; {_listed(there)}")
    return chosen, []


def namespace_of(topics: Mapping[str, str]) -> str:
    """Namespace of the only topic ``.../image``; empty where there is none.

    Raises:
        InputError: there are several such topics.
    """
    found = _image_namespaces(topics)
    if len(found) > 1:
        raise InputError(f"the bag holds several cameras ({', '.join(sorted(found))}); name one with --namespace")
    return found[0] if found else ""


def _image_namespaces(topics: Mapping[str, str]) -> list[str]:
    return [t.removesuffix("/image") for t, kind in topics.items() if t.endswith("/image") and kind == _IMAGE]


def _absolute(given: StreamTopics) -> StreamTopics:
    return StreamTopics(**{f.name: (v and absolute(v, "")) for f in fields(given) for v in [getattr(given, f.name)]})


def _check(there: Mapping[str, str], given: StreamTopics) -> None:
    kinds = {"image": (_IMAGE, _PACKED), "camera_info": (_INFO,), "depth": (_IMAGE, _PACKED), "mask": _MASKS}
    for topic, name in given.by_topic().items():
        option = f"--{name.replace('_', '-')}"
        if topic not in there:
            raise InputError(f"the bag holds no topic {topic} ({option}); {_listed(there, kinds[name], option)}")
        if there[topic] not in kinds[name]:
            wanted = " or ".join(kinds[name])
            raise InputError(
                f"{topic} ({option}) is {there[topic]}, not {wanted}; {_listed(there, kinds[name], option)}"
            )


def _guess(there: Mapping[str, str], given: StreamTopics, peek: Peek) -> tuple[StreamTopics, list[Remark]]:
    """The only colour image with a CameraInfo in its namespace, and the only depth image in its optical frame."""
    pictures = [topic for topic, kind in there.items() if kind in (_IMAGE, _PACKED)]
    raw = [t for t in pictures if not any(t.startswith(f"{other}/") for other in pictures)]  # not image_raw/compressed
    first = _first_messages(peek, raw)
    image = given.image or _only([t for t in raw if t in first and _is_colour(first[t]) and _info_of(t, there)], there)
    info = given.camera_info or _info_of(image, there)
    if not info:
        raise InputError(f"the bag holds no camera_info beside {image}; {_listed(there, (_INFO,), '--camera-info')}")
    depth = given.depth
    if not depth and image in first:
        depths = [t for t in raw if t in first and _is_depth(first[t]) and _same_view(first[t], first[image])]
        depth = depths[0] if len(depths) == 1 else ""
    chosen = StreamTopics(image, info, depth, given.mask)
    guessed = [f"--{n.replace('_', '-')} {t}" for t, n in chosen.by_topic().items() if not getattr(given, n)]
    text = f"no topic of the bag is called .../image; took {' '.join(guessed)}"
    cure = "give other topics by these options" + ("" if depth else "; no depth image is in the image's frame")
    return chosen, [Remark("bag_topics_guessed", f"{text}; {cure}")] if guessed else []


def _only(found: list[str], there: Mapping[str, str]) -> str:
    if len(found) == 1:
        return found[0]
    what = "no colour image with a camera_info beside it" if not found else "several colour images"
    raise InputError(f"the bag holds {what}; {_listed(there)}")


def _listed(there: Mapping[str, str], kinds: Collection[str] = (_IMAGE, _PACKED), option: str = "--image") -> str:
    found = sorted(topic for topic, kind in there.items() if kind in kinds)
    name = " and ".join(kind.rsplit("/", maxsplit=1)[-1] for kind in kinds)
    return f"name one by {option} of its {name} topics: {', '.join(found)}" if found else f"it has no {name} topic"


def _first_messages(peek: Peek, topics: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, item in enumerate(peek(topics)):
        if item.topic not in found:
            found[item.topic] = item.message()
        if len(found) == len(topics) or number > _PEEK:
            break
    return found


def _info_of(image: str, there: Mapping[str, str]) -> str:
    """The CameraInfo in the namespace of the image or one above: camera/image_raw/compressed -> camera/camera_info."""
    place = image
    for _ in range(2):
        place = place.rsplit("/", maxsplit=1)[0]
        beside = f"{place}/camera_info"
        if there.get(beside) == _INFO:
            return beside
    return ""


def _is_colour(message: Any) -> bool:
    if hasattr(message, "format"):
        return "compressedDepth" not in message.format and not message.format.startswith(_DEPTHS)
    return bool(message.encoding.startswith(_COLOURS))


def _is_depth(message: Any) -> bool:
    if hasattr(message, "format"):
        return "compressedDepth" in message.format
    return message.encoding in _DEPTHS


def _same_view(depth: Any, image: Any) -> bool:
    """Whether depth has the frame and the size of the image, as registered depth has."""
    size = [(getattr(m, "width", None), getattr(m, "height", None)) for m in (depth, image)]
    return depth.header.frame_id == image.header.frame_id and (None in size[0] or None in size[1] or size[0] == size[1])
