"""A node as a child process: start it, watch its memory, end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil

from gsn_perception.geometry import InputError

_POLL = 0.2
_GRACE = 10.0


class NodeProcess:
    """A Python module run as a child process of this interpreter.

    Args:
        module: Module in ``gsn_perception.nodes``, e.g. ``reconstruction_node``; or a full name.
        arguments: Command line.
        log: File of its output.
        domain: DDS domain.
        without: Environment variables that are removed.
        environment: Variables of the process; by default those of this process.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        log: Path,
        domain: int,
        without: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = module.rsplit(".", maxsplit=1)[-1]
        self.peak_bytes = 0
        self.current_bytes = 0
        self._log = log
        self._stop = threading.Event()
        self._asked: float | None = None  # when it was asked to end
        full = module if "." in module else f"gsn_perception.nodes.{module}"
        command = [sys.executable, "-m", full, *arguments]
        with log.open("wb") as sink:
            chosen = os.environ if environment is None else environment
            chosen = {**chosen, "ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1"}
            chosen = {name: value for name, value in chosen.items() if name not in without}
            self._process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=chosen)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Check that the process runs.

        Raises:
            InputError: it ended; the sentence holds its last line of output.
        """
        if self._process.poll() is not None:
            raise InputError(f"{self.name} ended with code {self._process.returncode}: {self.last_line()}")

    def wait(self, timeout: float) -> int:
        """Wait for the end; returns the exit code.

        Raises:
            InputError: it did not end within ``timeout`` seconds.
        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise InputError(f"{self.name} did not end within {timeout:.0f} s: {self.last_line()}") from None

    def last_line(self) -> str:
        """The last line of its output, or ``it printed nothing``."""
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.is_file() else []
        return lines[-1] if lines else "it printed nothing"

    def printed(self) -> str:
        """Its whole output so far."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._process.kill()
        self._process.wait()

    def ask_to_end(self) -> None:
        """Send SIGINT once, without waiting, so that several processes end in parallel."""
        if self._asked is None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._asked = time.monotonic()

    def stop(self) -> None:
        """Send SIGINT, then SIGKILL if it does not end within the grace time."""
        self.ask_to_end()
        if self._process.poll() is None:
            try:
                self._process.wait(max(0.0, (self._asked or 0.0) + _GRACE - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._stop.set()
        self._watcher.join(timeout=2 * _POLL + 1)

    def _watch(self) -> None:
        try:
            process = psutil.Process(self._process.pid)
            while not self._stop.wait(_POLL):
                self.current_bytes = process.memory_info().rss
                self.peak_bytes = max(self.peak_bytes, self.current_bytes)
        except psutil.Error:  # it has ended
            return


def ros_arguments(parameters: Mapping[str, object]) -> list[str]:
    """``--ros-args -p name:=value ...``."""
    words = ["--ros-args"]
    for name, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        words += ["-p", f"{name}:={text}"]
    return words
