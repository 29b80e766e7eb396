"""Benchmark: loss and transport time of 640x480 colour images at 30 Hz, best effort, with and without the DDS profile."""

from __future__ import annotations

import json
from pathlib import Path

from gsn_perception.geometry import InputError
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.processes.dds_profile import DDS_CHOICES
from gsn_perception.ros.processes.process import NodeProcess

_CAMERA = "gsn_perception.ros.bench.camera"
_RECEIVER = "gsn_perception.ros.bench.streams.receiver"


def measure_transport(count: int, logs: Path, domain: int) -> list[Figure]:
    """Figures of ``count`` images with and without the profile.

    Raises:
        InputError: a process failed.
    """
    figures = []
    for profile in (True, False):
        found = _run(count, profile, logs, domain)
        name = "with config/fastdds.xml" if profile else "without"
        share = 100 * found["received"] / max(found["sent"], 1)
        aims = (99.0, 2.0) if profile else (None, None)
        figures.append(
            Figure(f"rgb8 640x480 best effort at 30 Hz {name}: frames received", share, "%", aims[0], least=True)
        )
        figures.append(Figure(f"{name}: transport, median", found["median_ms"], "ms", aims[1]))
        if profile:
            figures.append(Figure(f"{name}: to a Python message, median", found["unpack_ms"]))
    return figures


def _run(count: int, profile: bool, logs: Path, domain: int) -> dict[str, float]:
    flags = [] if profile else ["--no-profile"]
    without = () if profile else DDS_CHOICES
    log = logs / f"receiver_{profile}.txt"
    with NodeProcess(_RECEIVER, flags, log=log, domain=domain, without=without) as receiver:
        words = ["--noise", "--count", str(count), *flags]
        log = logs / f"camera_{profile}.txt"
        with NodeProcess(_CAMERA, words, log=log, domain=domain, without=without) as camera:
            if camera.wait(240 + count / 15):
                raise InputError(f"the camera failed: {camera.last_line()}")
            sent = json.loads(camera.last_line())
        if receiver.wait(180):
            raise InputError(f"the receiver failed: {receiver.last_line()}")
        return {**json.loads(receiver.last_line()), "sent": sent["sent"]}
