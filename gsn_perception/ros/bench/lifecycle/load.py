"""``python -m gsn_perception.ros.bench.lifecycle.load`` keeps one core busy until it is interrupted."""

from __future__ import annotations

import signal
import sys
import threading


def main() -> int:
    """Count until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        sum(range(10_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
