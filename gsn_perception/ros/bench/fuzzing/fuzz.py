"""Fuzzes the code of the callbacks with hostile messages: joining, decoding, and the pipeline before the network.

A refusal is an ``InputError``; any other exception is a crash. The address space of the process is limited, so that an
allocation beyond :data:`BOUND` is a crash, too.
"""

from __future__ import annotations

import re
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Refusal
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.figure import figure_table
from gsn_perception.ros.bench.fuzzing.hostile_frames import frame_messages
from gsn_perception.ros.bench.fuzzing.hostile_objects import object_messages
from gsn_perception.ros.node import grasp_worker
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.streams.frame_assembly import FrameAssembler
from gsn_perception.ros.streams.frame_decoding import FrameDecoder
from gsn_perception.ros.transforms.scene_cloud import SceneCloud
from gsn_perception.ros.transforms.sources import FixedTransforms

BOUND = 1 << 29
"""Bytes of address space beyond those in use after the warm-up."""
HANG = 1.0
"""Longest time of one case, seconds."""
_WARM_UP = 50
_GRASP = GraspSettings()


@dataclass(frozen=True, slots=True, eq=False)
class FuzzResult:
    """Result of a fuzzing run.

    Attributes:
        cases: Number of cases.
        accepted: Cases with a frame for the network, or with valid inputs of a grasp plan.
        incomplete: Cases without a complete frame (a message missing or too far in time), as in a live stream.
        refusals: Sentence, without numbers and names, to its count.
        crashes: Exceptions that are no refusals, with the number of the case.
        slowest: Seconds of the slowest case.
        peak: Growth of the largest resident memory since the warm-up, bytes.
    """

    cases: int
    accepted: int
    incomplete: int
    refusals: dict[str, int]
    crashes: list[str]
    slowest: float
    peak: int


class Fuzzer:
    """Runs cases in sequence; one in five is for the grasp node. A context manager that limits the address space.

    State that the nodes keep between messages is kept between cases. The address space is limited to :data:`BOUND` more
    than after the warm-up.
    """

    def __init__(self) -> None:
        self._intake = _ReconstructionInput()
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._crashes: list[str] = []
        self._slowest = 0.0
        self._peak_before: int | None = None
        self._limits: tuple[int, int] | None = None

    def __enter__(self) -> Fuzzer:
        self._limits = resource.getrlimit(resource.RLIMIT_AS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._limits is not None:
            resource.setrlimit(resource.RLIMIT_AS, self._limits)

    def forget(self) -> None:
        """Reset the state from earlier messages, so that the next case is independent."""
        self._intake.forget()

    def case(self, rng: np.random.Generator) -> str:
        """Run one case from ``rng``; returns the exception of a crash as text, or an empty string."""
        number = self._counts["cases"]
        self._counts["cases"] += 1
        if number == _WARM_UP:
            self._limit()
        for_grasps = bool(rng.integers(5) == 4)
        made = object_messages(rng) if for_grasps else self._intake.make(rng)
        take: Callable[[Any], int] = _take_objects if for_grasps else self._intake.take
        began = time.perf_counter()
        crash = self._attempt(take, made)
        seconds = time.perf_counter() - began
        if number >= _WARM_UP:
            if seconds > HANG / 4:  # again, by processor time: excludes waiting on a busy machine
                seconds = min(seconds, _seconds(take, made))
            self._slowest = max(self._slowest, seconds)
        if crash:
            self._crashes.append(f"case {number}: {crash}")
        return crash

    def found(self) -> FuzzResult:
        """The result of the cases so far."""
        peak = 0 if self._peak_before is None else _most_memory() - self._peak_before
        refusals = dict((self._refusals + self._intake.refusals).most_common())
        counts = self._counts
        cases, taken, incomplete = (counts[name] for name in ("cases", "taken", "incomplete"))
        return FuzzResult(cases, taken, incomplete, refusals, self._crashes, self._slowest, peak)

    def _attempt(self, take: Callable[[Any], int], made: Any) -> str:
        try:
            self._counts["taken" if take(made) else "incomplete"] += 1
        except InputError as error:
            self._refusals[_shape_of(str(error))] += 1
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        return ""

    def _limit(self) -> None:
        self._peak_before = _most_memory()
        if self._limits is not None and Path("/proc/self/statm").is_file():
            resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + BOUND, self._limits[1]))


def fuzz(cases: int, seed: int, *, progress: bool = False) -> FuzzResult:
    """Run ``cases`` cases of a seed."""
    with Fuzzer() as fuzzer:
        for number in tqdm(range(cases), desc="fuzz", disable=not progress, ncols=100):
            fuzzer.case(np.random.default_rng((seed, number)))
        return fuzzer.found()


def fuzz_figures(found: FuzzResult) -> list[Figure]:
    """Figures of a run."""
    return [
        Figure("cases", found.cases, "", 20_000, least=True),
        Figure("accepted", found.accepted, ""),
        Figure("no whole frame", found.incomplete, ""),
        Figure("refused with a sentence", sum(found.refusals.values()), ""),
        Figure("distinct refusals", len(found.refusals), ""),
        Figure("crashes", len(found.crashes), "", 0),
        Figure("slowest case", found.slowest, "s", HANG),
        Figure("memory needed beyond the start, at most", found.peak / 1e6, "MB", BOUND / 1e6),
    ]


def fuzz_text(found: FuzzResult) -> str:
    """Table of the figures, then every distinct refusal."""
    rows = ["| refusal | cases |", "|---|---:|"]
    rows += [f"| {sentence.replace('|', '/')} | {count} |" for sentence, count in found.refusals.items()]
    return "\n".join([figure_table(fuzz_figures(found), "fuzz"), "", *rows, *found.crashes[:20]])


def _most_memory() -> int:
    """Largest resident memory of this process so far, also before the fuzzing, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(take: Callable[[Any], int], made: Any) -> float:
    began = time.process_time()
    with suppress(Exception):  # already counted
        take(made)
    return time.process_time() - began


class _ReconstructionInput:
    """The steps of the reconstruction node before the network; its state is kept between cases."""

    def __init__(self) -> None:
        from gsn_perception.gsn import CONFIGS
        from gsn_perception.gsn import GSN
        from gsn_perception.pipeline import Reconstructor
        from gsn_perception.pipeline import pick_device

        settings = ReconstructionSettings(min_mask_pixels=20)
        self._reconstructor = Reconstructor(GSN(CONFIGS["tiny"]), pick_device("cpu"), settings.pipeline())
        self._kinds = [
            replace(settings, rectify=rectify, mask_mode=mode, use_mask=use)
            for rectify in (False, True)
            for mode in ("labels", "binary")
            for use in (True, True, False)
        ]
        self.refusals: Counter[str] = Counter()  # of single objects and of dropped frames
        self._alive = True
        self.forget()

    def forget(self) -> None:
        """Reset the state, as on activation."""
        self._decode = FrameDecoder()
        self._assembler = FrameAssembler(("depth", "mask"), 2 * 10**7, lambda stream: self._alive, self._drop)

    def make(self, rng: np.random.Generator) -> tuple[ReconstructionSettings, bool, dict[str, Any]]:
        """Settings, whether depth and mask have a publisher, and the messages."""
        return self._kinds[int(rng.integers(len(self._kinds)))], bool(rng.random() < 0.9), frame_messages(rng)

    def take(self, made: tuple[ReconstructionSettings, bool, dict[str, Any]]) -> int:
        """Number of frames that reached the network."""
        settings, self._alive, messages = made
        reconstructor = self._reconstructor.with_settings(settings.pipeline())
        frames = 0
        for stream, message in messages.items():
            frame = self._assembler.add(stream, message)
            if frame is None:
                continue
            prepared = reconstructor.prepare(self._decode(frame, settings))
            found = [crop for crop in prepared.crops.values() if isinstance(crop, Refusal)]
            self.refusals.update("object: " + _shape_of(refusal.reason) for refusal in found)
            frames += 1
        return frames

    def _drop(self, reason: str) -> None:
        self.refusals[f"frame dropped: {reason}"] += 1


def _take_objects(made: tuple[dict[str, Any], Any]) -> int:
    messages, cloud = made
    scene = SceneCloud(lambda: FixedTransforms((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)))
    if cloud is not None:
        scene.take(cloud)
    grasp_worker.decode(messages, scene, _GRASP)
    return 1


def _shape_of(sentence: str) -> str:
    """The sentence without numbers and names."""
    sentence = re.sub(r"(?<!\w)'.*?'(?!\w)", "'...'", sentence, flags=re.DOTALL)
    sentence = re.sub(r"field\(s\) [^;]*", "field(s) ...", sentence)
    sentence = re.sub(r"different frames \(.*\)", "different frames (...)", sentence, flags=re.DOTALL)
    sentence = re.sub(r"\b(the|depth) \w+ (image|encoding)\b", r"\1 ... \2", sentence)
    return re.sub(r"-?\d[\d.]*(e[-+]?\d+)?|\b(nan|inf)\b", "#", sentence)[:160]
