"""Converts nanoseconds and frame names to stamps and std_msgs/Header, and back."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from gsn_perception.geometry import InputError

NANOSECONDS = 1_000_000_000


def stamp_to_ns(stamp: Time) -> int:
    """Nanoseconds of a message's stamp.

    Raises:
        InputError: it is negative, or ``nanosec`` is one second or more.
    """
    if stamp.sec < 0 or stamp.nanosec >= NANOSECONDS:
        raise InputError(f"the stamp {stamp.sec} s {stamp.nanosec} ns is no time; the publisher must set header.stamp")
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def ns_to_stamp(nanoseconds: int) -> Time:
    """Stamp message from nanoseconds since the epoch."""
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def make_header(stamp: int, frame_id: str) -> Header:
    """Header from nanoseconds and a frame name."""
    return Header(stamp=ns_to_stamp(stamp), frame_id=frame_id)
