"""Plan requests of the grasp node, by a frame or a service: the job, its progress and the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from gsn_perception.ros.results.grasp_result import GraspResult
from gsn_perception.ros.streams.latest_slot import LatestItemWorker


@dataclass(frozen=True, slots=True, eq=False)
class PlanJob:
    """A plan for the worker.

    Attributes:
        messages: The inputs of one frame.
        seen: When it was put into the slot, monotonic seconds; it answers the requests made before.
        order: The object that a service requested, by name or label, empty for all; only the service is answered. None
            for a frame, or a frame that is planned again: its result is published.
        is_frame: Whether it began with a new frame.
    """

    messages: Mapping[str, Any]
    seen: float
    order: str | None = None
    is_frame: bool = False


class PlanWorker(LatestItemWorker[PlanJob]):
    """Plans on the newest frame, also where a service asks for a plan while a newer frame comes in.

    Args:
        work: See :class:`LatestItemWorker`.
        on_error: See :class:`LatestItemWorker`.
    """

    def __init__(self, work: Callable[[PlanJob], None], on_error: Callable[[Exception], None]) -> None:
        super().__init__(work, on_error)
        self._inputs: Mapping[str, Any] | None = None  # of the newest frame; changed only while the slot is locked

    @property
    def inputs(self) -> Mapping[str, Any] | None:
        """The inputs of the newest frame, or None."""
        return self._inputs

    def forget(self) -> None:
        """Forget the newest frame."""
        with self._condition:
            self._inputs = None

    def put_frame(self, messages: Mapping[str, Any]) -> bool:
        """Plan on a new frame; returns whether a frame that waited is superseded. A request that waited is served, too."""

        def choose(waiting: PlanJob | None) -> PlanJob:
            self._inputs = messages
            return PlanJob(messages, time.monotonic(), is_frame=True)

        waiting = self.put_chosen(choose)
        return waiting is not None and waiting.is_frame

    def put_request(self, order: str | None) -> None:
        """Plan on the newest frame: for one object by name or label, or (None) as for a frame; a frame that waits serves it."""

        def choose(waiting: PlanJob | None) -> PlanJob | None:
            now = time.monotonic()
            if waiting is not None and waiting.order is None:
                return replace(waiting, seen=now)
            return None if self._inputs is None else PlanJob(self._inputs, now, order)

        self.put_chosen(choose)


@dataclass(frozen=True, slots=True, eq=False)
class PlanAnswer:
    """The answer to a service request.

    Attributes:
        code: Name of a constant of moveit_msgs/MoveItErrorCodes.
        sentence: For the user.
        result: The plan, or None without one.
    """

    code: str
    sentence: str
    result: GraspResult | None = None

    @classmethod
    def of(cls, result: GraspResult, refused: str) -> PlanAnswer:
        """The answer for all objects of a plan; ``refused`` says why there is no plan."""
        if refused:
            return cls("PLANNING_FAILED", refused)
        code = "INVALID_OBJECT_NAME" if result.unknown else "SUCCESS" if result.grasps else "PLANNING_FAILED"
        return cls(code, result.summary, result)

    @property
    def success(self) -> bool:
        """Whether there are grasps."""
        return self.code == "SUCCESS"

    def only(self, target: str) -> PlanAnswer:
        """The answer for one object by name or label; for all with an empty ``target``."""
        return self if self.result is None else PlanAnswer.of(self.result.only(target), "")


@dataclass(frozen=True, slots=True)
class _State:
    state: str = "idle"
    target: str = ""
    objects: str = ""
    message: str = ""


class PlanProgress:
    """Progress of the running plan, for diagnostics."""

    def __init__(self) -> None:
        self._state = _State()  # replaced as a whole, since another thread reads it

    def show(self, target: str, done: int, wanted: int) -> None:
        """A plan for ``target`` runs: ``done`` of ``wanted`` objects are finished."""
        self._state = _State("planning", target, f"{done}/{wanted}")

    def end(self, result: GraspResult, refused: str) -> None:
        """The plan ended."""
        state = "succeeded" if result.grasps else "failed"
        self._state = replace(self._state, state=state, message=refused or result.summary)

    def facts(self) -> dict[str, str]:
        """Key-value pairs for diagnostics."""
        state = self._state
        return {f"plan.{name}": getattr(state, name) for name in ("state", "target", "objects", "message")}
