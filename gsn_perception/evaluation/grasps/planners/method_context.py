"""The shared context of the compared grasp methods (planner, pipeline, seed), and the type of their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper

Reconstruct = Callable[[Observation], list[Reconstruction | Refusal]]


@dataclass(frozen=True, slots=True, eq=False)
class MethodContext:
    """Planner, pipeline and seed for the methods.

    Attributes:
        planner: The planner that all methods share.
        reconstruct: The pipeline.
        seed: Of a method's random numbers.
    """

    planner: GraspPlanner
    reconstruct: Reconstruct
    seed: int = 0
    _last: list[tuple[Observation, list[Reconstruction | Refusal]]] = field(default_factory=list, repr=False)

    def reconstructed(self, observation: Observation) -> list[Reconstruction | Refusal]:
        """The pipeline's result; the last one is cached, because several methods use it."""
        for known, answer in self._last:
            if known is observation:
                return answer
        self._last[:] = [(observation, self.reconstruct(observation))]
        return self._last[0][1]

    @property
    def gripper(self) -> Gripper:
        """The gripper of the planner."""
        return self.planner.gripper


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The result of a method in a trial.

    Attributes:
        grasps: In the world frame, best first.
        reason: Why there is none, or how many there are.
        figures: Further figures: seconds, scale error.
        features: Per grasp, the features behind its score.
    """

    grasps: tuple[Grasp, ...]
    reason: str
    figures: dict[str, float] = field(default_factory=dict)
    features: tuple[tuple[float, ...], ...] = ()
