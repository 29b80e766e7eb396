"""What every method of a trial has at hand."""

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
class Kit:
    """The tools of the methods.

    Attributes:
        planner: The one planner they share.
        reconstruct: The pipeline.
        seed: Of what a method draws.
    """

    planner: GraspPlanner
    reconstruct: Reconstruct
    seed: int = 0
    _last: list[tuple[Observation, list[Reconstruction | Refusal]]] = field(default_factory=list, repr=False)

    def reconstructed(self, observation: Observation) -> list[Reconstruction | Refusal]:
        """The pipeline's answer; that to the last observation is kept, as several methods ask for it."""
        for known, answer in self._last:
            if known is observation:
                return answer
        self._last[:] = [(observation, self.reconstruct(observation))]
        return self._last[0][1]

    @property
    def gripper(self) -> Gripper:
        """The planner's."""
        return self.planner.gripper


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a method answers to a trial.

    Attributes:
        grasps: In the world, best first.
        reason: Why there is none, or how many.
        figures: Anything worth keeping: seconds, scale error, the features of the best.
    """

    grasps: tuple[Grasp, ...]
    reason: str
    figures: dict[str, float] = field(default_factory=dict)
    features: tuple[tuple[float, ...], ...] = ()
