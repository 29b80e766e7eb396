"""Reads and writes little-endian CDR (XCDR1), for messages that are too large for rclpy's message objects.

A marker of 20,000 triangles has 60,000 Point and 60,000 ColorRGBA objects in rclpy; from arrays it takes two copies.
"""

from __future__ import annotations

import struct

import numpy as np

from gsn_perception.geometry import InputError

_ENCAPSULATION = b"\x00\x01\x00\x00"  # plain CDR, little-endian; alignment is relative to the byte after it


class CdrWriter:
    """Appends values with the alignment of CDR; :meth:`message` gives the serialised message."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def put(self, code: str, *values: float | int | bool) -> None:
        """Append numbers, one ``struct`` format character each, e.g. ``put("Iid", 1, 2, 3.0)``."""
        for letter, value in zip(code, values, strict=True):
            self._align(struct.calcsize(letter))
            self._append(struct.pack("<" + letter, value))

    def text(self, value: str) -> None:
        """Append a string: length, bytes, terminating zero."""
        data = value.encode() + b"\0"
        self.put("I", len(data))
        self._append(data)

    def rows(self, values: np.ndarray) -> None:
        """Append a sequence of N structures with C numbers of one type each, from [N,C]."""
        self.put("I", len(values))
        if len(values):
            values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            self._align(values.itemsize)
            self._append(values.tobytes())

    def message(self) -> bytes:
        """The serialised message."""
        return b"".join([_ENCAPSULATION, *self._parts])

    def _align(self, size: int) -> None:
        self._append(b"\0" * (-self._size % size))

    def _append(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)


class CdrReader:
    """Reads the values of a serialised message in order.

    Raises:
        InputError: (also from every method) the message ends too early or is not little-endian CDR.
    """

    def __init__(self, message: bytes) -> None:
        if message[:2] != _ENCAPSULATION[:2]:
            raise InputError("the message is not little-endian CDR; publish it with a usual middleware")
        self._data = memoryview(message)[4:]
        self._at = 0

    def get(self, code: str) -> tuple[float, ...]:
        """Read numbers, one ``struct`` format character each."""
        return tuple(struct.unpack("<" + letter, self._take(struct.calcsize(letter), align=True))[0] for letter in code)

    def count(self) -> int:
        """Read the length of a sequence."""
        return int(self.get("I")[0])

    def text(self) -> str:
        """Read a string."""
        return bytes(self._take(self.count())).rstrip(b"\0").decode(errors="replace")

    def rows(self, dtype: str, columns: int) -> np.ndarray:
        """Read a sequence of structures with ``columns`` numbers each: [N,C], a view of the message."""
        count = self.count()
        size = np.dtype(dtype).itemsize
        if count == 0:
            return np.zeros((0, columns), dtype)
        self._align(size)
        return np.frombuffer(self._take(count * columns * size), "<" + dtype).reshape(count, columns)

    def _align(self, size: int) -> None:
        self._at += -self._at % size

    def _take(self, size: int, *, align: bool = False) -> memoryview:
        if align:
            self._align(size)
        if self._at + size > len(self._data):
            raise InputError("the message ends before its last field; it was cut or is of another type")
        self._at += size
        return self._data[self._at - size : self._at]
