"""Plans that the grasp node was asked for: by a frame or by a service, how far they are, and what they came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from gsn_perception.ros.results.grasp_result import GraspResult


@dataclass(frozen=True, slots=True, eq=False)
class PlanJob:
    """What waits for the worker.

    Attributes:
        messages: Of one frame.
        seen: When they were complete or asked for, monotonic seconds.
        order: The object that a service asked for, by name or label, empty for all: only the service is answered. None
            for a frame, or one planned on anew: its result is published.
    """

    messages: Mapping[str, Any]
    seen: float
    order: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlanAnswer:
    """To a service.

    Attributes:
        code: The name of a code of moveit_msgs/MoveItErrorCodes.
        sentence: For the user.
        result: Or None where there was no plan.
    """

    code: str
    sentence: str
    result: GraspResult | None = None

    @classmethod
    def of(cls, result: GraspResult, refused: str) -> PlanAnswer:
        """To who asked for all of a plan; ``refused`` says why there was none."""
        if refused:
            return cls("PLANNING_FAILED", refused)
        code = "INVALID_OBJECT_NAME" if result.unknown else "SUCCESS" if result.grasps else "PLANNING_FAILED"
        return cls(code, result.summary, result)

    @property
    def success(self) -> bool:
        """Whether there are grasps."""
        return self.code == "SUCCESS"

    def only(self, target: str) -> PlanAnswer:
        """About one object by name or label; about all for an empty ``target``."""
        return self if self.result is None else PlanAnswer.of(self.result.only(target), "")


@dataclass(frozen=True, slots=True)
class _State:
    state: str = "idle"
    target: str = ""
    objects: str = ""
    message: str = ""


class PlanProgress:
    """How far the plan is that runs, for diagnostics; what an action would give as feedback."""

    def __init__(self) -> None:
        self._state = _State()  # replaced as a whole: read by another thread

    def show(self, target: str, done: int, wanted: int) -> None:
        """A plan for ``target`` runs; so many objects are done."""
        self._state = _State("planning", target, f"{done}/{wanted}")

    def end(self, result: GraspResult, refused: str) -> None:
        """It came to an end."""
        state = "succeeded" if result.grasps else "failed"
        self._state = replace(self._state, state=state, message=refused or result.summary)

    def facts(self) -> dict[str, str]:
        """Values for diagnostics."""
        state = self._state
        return {f"plan.{name}": getattr(state, name) for name in ("state", "target", "objects", "message")}
