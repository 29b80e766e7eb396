"""Transforms: read from bytes, asked at a stamp, forgotten when time jumps back. A stand-in where tf2 is missing."""

import bisect
import importlib
import threading
import types

import numpy as np
import pytest

pytest.importorskip("rclpy")
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.cdr import CdrWriter
from gsn_perception.ros.messages.headers import ns_to_stamp
from gsn_perception.ros.transforms.buffer import TfBuffer
from gsn_perception.ros.transforms.messages import read_transforms

SECOND = 1_000_000_000


class StandInCore:
    """tf2's buffer for pairs of frames: ten seconds of history, in order, nothing outside of it."""

    def __init__(self) -> None:
        self.moving: dict[str, list[tuple[int, float]]] = {}
        self.static: dict[str, float] = {}

    def set_transform(self, transform, authority) -> None:
        known = self.moving.setdefault(transform.child_frame_id, [])
        stamp = Time.from_msg(ns_to_stamp(transform.header.stamp.sec * SECOND + transform.header.stamp.nanosec))
        if not known or stamp.nanoseconds >= known[-1][0] - 10 * SECOND:
            bisect.insort(known, (stamp.nanoseconds, transform.transform.translation.x))

    def set_transform_static(self, transform, authority) -> None:
        self.static[transform.child_frame_id] = transform.transform.translation.x

    def clear(self) -> None:
        self.moving.clear()

    def lookup_transform_core(self, target, source, when) -> TransformStamped:
        out = TransformStamped()
        out.transform.rotation.w = 1.0
        known = self.moving.get(source, [])
        if source in self.static:
            out.transform.translation.x = self.static[source]
        elif not known or not known[0][0] <= when.nanoseconds <= known[-1][0]:
            raise StandInError("extrapolation")
        else:
            out.transform.translation.x = known[bisect.bisect_right(known, (when.nanoseconds, np.inf)) - 1][1]
        return out


class StandInError(Exception):
    """tf2's TransformException."""


@pytest.fixture(params=["tf2_ros", "stand-in"])
def tf2(request):
    if request.param == "tf2_ros":
        try:
            return importlib.import_module("tf2_ros")
        except ImportError:
            pytest.skip("tf2_ros is not installed; it comes with a ROS 2 installation")
    return types.SimpleNamespace(BufferCore=StandInCore, TransformException=StandInError)


def moved(stamp: int, x: float, child: str = "cam") -> TransformStamped:
    out = TransformStamped(child_frame_id=child)
    out.header.frame_id = "base"
    out.header.stamp = ns_to_stamp(stamp)
    out.transform.translation.x = float(x)
    out.transform.rotation.w = 1.0
    return out


def x_of(buffer: TfBuffer, stamp: int, source: str = "cam", timeout: float = 0.0) -> float:
    return buffer.lookup("base", source, stamp, timeout)[0, 3]


def test_the_transform_of_the_stamp_is_given_and_waited_for(tf2):
    buffer = TfBuffer(tf2, lambda: 0)
    buffer.add([moved(5 * SECOND, 1.0), moved(6 * SECOND, 1.0)])
    assert x_of(buffer, 5 * SECOND + 7) == 1.0
    late = threading.Timer(0.2, lambda: buffer.add([moved(7 * SECOND, 1.0), moved(8 * SECOND, 4.0)]))
    late.start()
    assert x_of(buffer, 8 * SECOND, timeout=60) == 4.0
    late.join()


def test_an_unknown_transform_is_a_sentence(tf2):
    with pytest.raises(InputError, match="no transform from cam to base at its stamp: "):
        x_of(TfBuffer(tf2, lambda: 0), 1)


@pytest.mark.parametrize("back", [3, 60])
def test_a_looped_bag_without_a_clock_is_answered_from_its_first_transform_on(tf2, back):
    told = []
    buffer = TfBuffer(tf2, lambda: 0, told.append)
    buffer.add_static([moved(0, 9.0, "fixed")])
    for loop, x in enumerate((1.0, 2.0, 3.0)):
        for tick in range(0, back * 10, 5):
            stamp = SECOND + tick * SECOND // 10
            buffer.add([moved(stamp, x)])
            assert x_of(buffer, stamp) == x
        assert len(told) == loop
    assert "cam went back by" in told[0]
    assert x_of(buffer, SECOND, "fixed") == 9.0


@pytest.mark.parametrize("first", ["clock", "transform"])
def test_a_reset_simulator_is_answered_whether_clock_or_transform_comes_first(tf2, first):
    now = [100 * SECOND]
    told = []
    buffer = TfBuffer(tf2, lambda: now[0], told.append)
    buffer.add([moved(100 * SECOND, 1.0)])

    def reset() -> None:
        now[0] = 0
        buffer.jumped()

    if first == "clock":
        reset()
        with pytest.raises(InputError):
            x_of(buffer, 100 * SECOND)
    buffer.add([moved(SECOND // 10, 2.0)])
    if first == "transform":
        reset()
    assert x_of(buffer, SECOND // 10) == 2.0
    assert len(told) == 1


def test_time_that_does_not_go_back_forgets_nothing(tf2):
    now = [100 * SECOND]
    told = []
    buffer = TfBuffer(tf2, lambda: now[0], told.append)
    buffer.add([moved(100 * SECOND, 1.0), moved(100 * SECOND - SECOND // 2, 1.0), moved(0, 5.0)])  # out of order, unset
    buffer.add([moved(80 * SECOND, 3.0, "late")])  # another publisher's frame, whose stamps are older
    buffer.jumped()  # forwards, or the clock's kind changed
    assert x_of(buffer, 100 * SECOND) == 1.0
    assert x_of(buffer, 80 * SECOND, "late") == 3.0
    assert not told


def written(transforms) -> bytes:
    out = CdrWriter()
    out.put("I", len(transforms))
    for t in transforms:
        out.put("iI", t.header.stamp.sec, t.header.stamp.nanosec)
        out.text(t.header.frame_id)
        out.text(t.child_frame_id)
        v, q = t.transform.translation, t.transform.rotation
        out.put("d" * 7, v.x, v.y, v.z, q.x, q.y, q.z, q.w)
    return out.message()


def values(t):
    v, q = t.transform.translation, t.transform.rotation
    stamp = t.header.stamp.sec, t.header.stamp.nanosec
    return stamp, t.header.frame_id, t.child_frame_id, (v.x, v.y, v.z), (q.x, q.y, q.z, q.w)


def many() -> list[TransformStamped]:
    """Names of every length, for the padding behind them."""
    out = []
    for i in range(24):
        t = moved(i * SECOND + 7 * i, i / 7, "ä" + "c" * i)
        t.header.frame_id = "b" * (i // 2)
        t.transform.translation.y, t.transform.translation.z = -1.5, 2.25
        q = t.transform.rotation
        q.x, q.y, q.z, q.w = 0.5, -0.5, 0.5, 0.5
        out.append(t)
    return out


def test_transforms_are_read_from_bytes():
    sent = many()
    assert [values(t) for t in read_transforms(written(sent))] == [values(t) for t in sent]
    assert read_transforms(written([])) == []


def test_damaged_messages_are_refused_with_a_sentence():
    whole = written(many())
    for size in (4, 7, 9, 20, 21, 40, len(whole) - 1):
        with pytest.raises(InputError, match="cut or is of another type"):
            read_transforms(whole[:size])
    with pytest.raises(InputError, match="cut or is of another type"):
        read_transforms(whole[:4] + b"\xff\xff\xff\x7f" + whole[8:])
    with pytest.raises(InputError, match="little-endian"):
        read_transforms(b"\x00\x00" + whole[2:])


def test_bytes_read_as_rclpy_reads_them_and_tf2_takes_them():
    tf2_ros = pytest.importorskip("tf2_ros")
    from rclpy.serialization import serialize_message
    from tf2_msgs.msg import TFMessage

    sent = many()
    read = read_transforms(serialize_message(TFMessage(transforms=sent)), TFMessage)
    assert [values(t) for t in read] == [values(t) for t in sent]
    core = tf2_ros.BufferCore()
    core.set_transform(read_transforms(serialize_message(TFMessage(transforms=[moved(SECOND, 2.0)])), TFMessage)[0], "")
    found = core.lookup_transform_core("base", "cam", Time(nanoseconds=SECOND))
    assert found.transform.translation.x == 2.0
