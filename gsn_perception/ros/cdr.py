"""Little-endian CDR (XCDR1) as the middleware expects it, for messages that are too large to be built as objects.

A marker of 20,000 triangles is 60,000 Point and 60,000 ColorRGBA objects in rclpy; as arrays it is two copies.
"""

from __future__ import annotations

import struct

import numpy as np

_ENCAPSULATION = b"\x00\x01\x00\x00"  # plain CDR, little-endian; alignment counts from behind it


class CdrWriter:
    """Appends values with the alignment of CDR; :meth:`message` gives the serialised message."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def put(self, code: str, *values: float | int | bool) -> None:
        """Numbers of one ``struct`` format character each, e.g. ``put("Iid", 1, 2, 3.0)``."""
        for letter, value in zip(code, values, strict=True):
            self._align(struct.calcsize(letter))
            self._append(struct.pack("<" + letter, value))

    def text(self, value: str) -> None:
        """A string with its length, ended by a zero."""
        data = value.encode() + b"\0"
        self.put("I", len(data))
        self._append(data)

    def rows(self, values: np.ndarray) -> None:
        """A sequence of structures that hold numbers of one type: [N,C], C values each."""
        self.put("I", len(values))
        if len(values):
            values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            self._align(values.itemsize)
            self._append(values.tobytes())

    def message(self) -> bytes:
        """The whole message."""
        return _ENCAPSULATION + b"".join(self._parts)

    def _align(self, size: int) -> None:
        self._append(b"\0" * (-self._size % size))

    def _append(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
