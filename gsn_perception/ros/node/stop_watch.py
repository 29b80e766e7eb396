"""Seconds of the stages of a job."""

from __future__ import annotations

import time


class StopWatch:
    """Measures the seconds of consecutive stages, by name."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self.times: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began

    def mark(self, stage: str) -> None:
        """Record the seconds since the start, independent of the laps."""
        self.times[stage] = self.elapsed

    def lap(self, stage: str) -> None:
        """Record the seconds since the last lap, and ``total`` since the start."""
        now = time.perf_counter()
        self.times[stage] = now - self._last
        self.times["total"] = now - self._began
        self._last = now
