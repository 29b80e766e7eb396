"""The outcome of an executed grasp: verdict, stage, force, slip, snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["held", "no candidate", "collision on approach", "slipped", "missed", "tipped"]
VERDICTS: tuple[Verdict, ...] = ("held", "no candidate", "collision on approach", "tipped", "missed", "slipped")


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One moment of a trial.

    Attributes:
        stage: approach, close, lift or shake: the end of it.
        T_world_object: [4,4].
        T_world_tcp: [4,4].
        width: Opening between the pads, metres.
    """

    stage: str
    T_world_object: np.ndarray
    T_world_tcp: np.ndarray
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The verdict on one grasp.

    Attributes:
        verdict: ``held``, or the first failure.
        stage: Where it ended: approach, close, lift or shake.
        force: Largest contact force on the hand during the approach (mean over the reflex window), newton.
        slip: Motion of the object in the hand from closing to the end, metres; NaN where it was not held.
        snapshots: Ends of the stages that were reached.
    """

    verdict: Verdict
    stage: str
    force: float
    slip: float
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the object was still in the hand after the shake."""
        return self.verdict == "held"
