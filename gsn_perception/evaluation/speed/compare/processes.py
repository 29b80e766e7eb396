"""Processes of a comparison: workers that answer requests, and commands that are timed as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from gsn_perception.evaluation.speed.compare import worker
from gsn_perception.evaluation.speed.compare.trees import Tree
from gsn_perception.geometry import InputError

_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of wall clock and CPU (all threads)."""

    wall: float
    cpu: float


class Worker:
    """A process that runs figures with one tree's code; a context manager.

    Args:
        tree: The tree.
        inputs: Folder of the inputs.
        device: Of the network: auto, cpu or cuda.
        log: File of what the process prints.
    """

    def __init__(self, tree: Tree, inputs: Path, device: str, log: Path) -> None:
        self.tree, self._log = tree, log
        words = [sys.executable, str(Path(worker.__file__).resolve()), str(tree.path), str(inputs), device]
        self.began = time.perf_counter()
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=tree.environment(),
                text=True,
                start_new_session=True,  # Ctrl-C reaches this process only, which ends the worker
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            _close(pipe)
        if kind is not None:
            self._process.kill()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, figure: str, **more: object) -> Mapping[str, float]:
        """The reply to a request; see :mod:`gsn_perception.evaluation.speed.compare.worker`.

        Raises:
            InputError: the process ended; the sentence names the tree and holds its last line of output.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"figure": figure, **more}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise failure(self.tree, figure, self._log)
        reply: Mapping[str, float] = json.loads(line)
        return reply


def timed_command(tree: Tree, module: str, words: Sequence[str], log: Path) -> Spent:
    """Run ``python -m module words`` with a tree's code and measure the whole process.

    Raises:
        InputError: it failed; the sentence names the tree and holds its last line of output.
    """
    began = time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=tree.environment(),
            start_new_session=True,
        )
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise failure(tree, " ".join([module, *words[:1]]), log)
    return Spent(wall, usage.ru_utime + usage.ru_stime)


def failure(tree: Tree, what: str, log: Path) -> InputError:
    """What to report when a tree's process failed."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    said = lines[-1] if lines else "it printed nothing"
    return InputError(f"{tree.name} failed at {what!r}: {said}")


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        with suppress(BrokenPipeError):  # the worker has ended
            pipe.close()
