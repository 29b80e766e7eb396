"""Hostile messages through the code that the callbacks run: joined, decoded, looked at up to the network.

A refusal is an ``InputError``; anything else that is raised is a crash. The process's address space is limited while
it runs, so that an allocation beyond :data:`BOUND` is a crash, too.
"""

from __future__ import annotations

import re
import time
import traceback
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Refusal
from gsn_perception.ros import planning
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.figure import figure_table
from gsn_perception.ros.bench.hostile import frame_messages
from gsn_perception.ros.bench.hostile_objects import object_messages
from gsn_perception.ros.frames import FrameAssembler
from gsn_perception.ros.frames import FrameDecoder
from gsn_perception.ros.node_settings import GraspSettings
from gsn_perception.ros.node_settings import ReconstructionSettings

BOUND = 1 << 29
"""Bytes of address space beyond what the process has when the first case begins."""
HANG = 1.0
"""Seconds that one case may take."""
_WARM_UP = 50


@dataclass(frozen=True, slots=True, eq=False)
class Fuzzed:
    """What came of it.

    Attributes:
        cases: How many.
        accepted: Frames that reached the network, and grasp inputs that could be planned on.
        incomplete: Cases that made no frame (something missing or apart in time), as a live stream has them.
        refusals: Sentence, numbers and names taken out, to how often.
        crashes: What was raised that is no refusal, with its case's number.
        slowest: Seconds of the slowest case.
        grown: Bytes of resident memory more at the end than after the first cases.
    """

    cases: int
    accepted: int
    incomplete: int
    refusals: dict[str, int]
    crashes: list[str]
    slowest: float
    grown: int


def fuzz(cases: int, seed: int, *, progress: bool = False) -> Fuzzed:
    """Run ``cases`` cases; every fifth is for the grasp node."""
    victims: tuple[Callable[[np.random.Generator], int], ...] = (_Intake(), _grasp_case)
    refusals: Counter[str] = Counter()
    crashes: list[str] = []
    counts: Counter[str] = Counter()
    slowest, resident = 0.0, 0
    intake = victims[0]
    with _limited() as widen:
        for number in tqdm(range(cases), desc="fuzz", disable=not progress, ncols=100):
            if number == _WARM_UP:
                resident = widen()
            victim = victims[number % 5 == 4]
            began = time.perf_counter()
            try:
                made = victim(np.random.default_rng((seed, number)))
                counts["accepted" if made else "incomplete"] += 1
            except InputError as error:
                refusals[_shape_of(str(error))] += 1
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
                crashes.append(f"case {number}: {type(error).__name__}: {error} ({place})")
            if number >= _WARM_UP:
                seconds = time.perf_counter() - began
                slowest = max(slowest, seconds if seconds < HANG / 4 else min(seconds, _again(victim, (seed, number))))
    assert isinstance(intake, _Intake)
    refusals.update(intake.refusals)
    grown = psutil.Process().memory_info().rss - resident if resident else 0
    ordered = dict(refusals.most_common())
    return Fuzzed(cases, counts["accepted"], counts["incomplete"], ordered, crashes, slowest, grown)


def fuzz_figures(found: Fuzzed) -> list[Figure]:
    """The table's lines."""
    return [
        Figure("cases", found.cases, "", 20_000, least=True),
        Figure("accepted", found.accepted, ""),
        Figure("no whole frame", found.incomplete, ""),
        Figure("refused with a sentence", sum(found.refusals.values()), ""),
        Figure("distinct refusals", len(found.refusals), ""),
        Figure("crashes", len(found.crashes), "", 0),
        Figure("slowest case", found.slowest, "s", HANG),
        Figure("resident memory, growth", found.grown / 1e6, "MB", BOUND / 1e6),
    ]


def fuzz_text(found: Fuzzed) -> str:
    """The figures, then every distinct refusal."""
    rows = ["| refusal | cases |", "|---|---:|"]
    rows += [f"| {sentence.replace('|', '/')} | {count} |" for sentence, count in found.refusals.items()]
    return "\n".join([figure_table(fuzz_figures(found), "fuzz"), "", *rows, *found.crashes[:20]])


def _again(victim: Callable[[np.random.Generator], int], seed: tuple[int, int]) -> float:
    """Seconds of a slow case run once more: what only waited for a busy machine is quick now."""
    began = time.perf_counter()
    with suppress(Exception):  # counted the first time
        victim(np.random.default_rng(seed))
    return time.perf_counter() - began


class _Intake:
    """Everything the reconstruction node does with messages before the network; its state lasts over the cases."""

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
        self._decode = FrameDecoder()
        self.refusals: Counter[str] = Counter()  # of single objects and of frames given up
        self._alive = True
        self._assembler = FrameAssembler(("depth", "mask"), 2 * 10**7, lambda stream: self._alive, self._drop)

    def __call__(self, rng: np.random.Generator) -> int:
        settings = self._kinds[int(rng.integers(len(self._kinds)))]
        reconstructor = self._reconstructor.with_settings(settings.pipeline())
        self._alive = bool(rng.random() < 0.9)
        frames = 0
        for stream, message in frame_messages(rng).items():
            frame = self._assembler.add(stream, message)
            if frame is None:
                continue
            looked = reconstructor.look(self._decode(frame, settings))
            found = [crop for crop in looked.crops.values() if isinstance(crop, Refusal)]
            self.refusals.update("object: " + _shape_of(refusal.reason) for refusal in found)
            frames += 1
        return frames

    def _drop(self, reason: str) -> None:
        self.refusals[f"frame given up: {reason}"] += 1


def _grasp_case(rng: np.random.Generator) -> int:
    messages, scene = object_messages(rng)
    planning.decode(messages, scene, _GRASP)
    return 1


_GRASP = GraspSettings()


def _shape_of(sentence: str) -> str:
    """The sentence without what differs from case to case."""
    sentence = re.sub(r"(?<!\w)'.*?'(?!\w)", "'...'", sentence, flags=re.DOTALL)
    sentence = re.sub(r"field\(s\) [^;]*", "field(s) ...", sentence)
    sentence = re.sub(r"\b(the|depth) \w+ (image|encoding)\b", r"\1 ... \2", sentence)
    return re.sub(r"-?\d[\d.]*(e[-+]?\d+)?|\b(nan|inf)\b", "#", sentence)[:160]


@contextmanager
def _limited() -> Iterator[Callable[[], int]]:
    """Calling what it gives limits the address space to :data:`BOUND` more than now; resident bytes come back."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)

    def limit() -> int:
        memory: Any = psutil.Process().memory_info()
        if Path("/proc/self/statm").is_file():
            resource.setrlimit(resource.RLIMIT_AS, (memory.vms + BOUND, before[1]))
        return int(memory.rss)

    try:
        yield limit
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
