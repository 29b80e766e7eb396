"""How tests wait for threads, processes and middleware: for what they should do, not for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 120.0
"""Seconds after which a wait is a hang, on any machine. It says nothing about how long things should take."""


def until(condition: Callable[[], object], timeout: float = LIMIT, what: str = "") -> None:
    """Wait for a condition; it counts also where this process slept through the limit."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        if condition():
            return
        assert not late, what or f"nothing happened for {timeout:.0f} s"
        time.sleep(0.01)
