"""Plan requests of the grasp node, by a frame or a service: the job, its progress and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from gsn_perception.ros.results.grasp_result import GraspResult


@dataclass(frozen=True, slots=True, eq=False)
class PlanJob:
    """A plan for the worker.

    Attributes:
        messages: The inputs of one frame.
        seen: When they were complete or requested, monotonic seconds.
        order: The object that a service requested, by name or label, empty for all; only the service is answered. None
            for a frame, or a frame that is planned again: its result is published.
    """

    messages: Mapping[str, Any]
    seen: float
    order: str | None = None


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
