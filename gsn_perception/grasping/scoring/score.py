"""Grasp score: the probability that a grasp holds, by logistic regression on outcomes in physics simulation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.grasping.scoring.features import FEATURES

_FILE = "score.json"
_AS_IT_IS = {"slope": 1.0, "shift": 0.0}


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """Logistic weights of the features: score = 1 / (1 + exp(-(bias + weights . features))).

    Attributes:
        weights: One per feature of :data:`FEATURES`, not negative, so that a better feature never lowers the score.
        bias: Of the logit.

    Raises:
        InputError: a weight is missing, negative or not finite.
    """

    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        values = np.array([*self.weights, self.bias], dtype=np.float64)
        if len(self.weights) != len(FEATURES) or not np.isfinite(values).all() or (values[:-1] < 0).any():
            raise InputError(f"the score needs {len(FEATURES)} finite weights, none negative, and a bias")

    def __call__(self, figures: np.ndarray) -> np.ndarray:
        """[P] scores in (0, 1) of features [P,11]."""
        logit = figures @ np.array(self.weights) + self.bias
        return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))

    @classmethod
    @cache
    def fitted(cls) -> ScoreModel:
        """The shipped weights, fitted on training objects."""
        return cls.parse(json.loads(_place().read_text()))

    @classmethod
    @cache
    def fitted_extruded(cls) -> ScoreModel:
        """The shipped weights for grasps on measured points extruded to the plane.

        Its logit has its own fitted ``slope`` and ``shift``; where none were fitted it is the same score.

        Raises:
            InputError: the stored values are not usable.
        """
        values = json.loads(_place().read_text())
        try:
            slope, shift = (float(values.get("extruded", _AS_IT_IS)[name]) for name in ("slope", "shift"))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the score of extruded points is unusable ({error}); fit it again") from None
        return cls.parse(values).rescaled(slope, shift)

    def rescaled(self, slope: float, shift: float) -> ScoreModel:
        """A model whose logit is ``slope`` times this one's plus ``shift`` (Platt 1999)."""
        return ScoreModel(tuple(slope * w for w in self.weights), slope * self.bias + shift)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> ScoreModel:
        """From named weights, as :meth:`named` returns them.

        Raises:
            InputError: a name is missing or a value is not a number.
        """
        try:
            weights = tuple(float(values["weights"][name]) for name in FEATURES)
            return cls(weights, float(values["bias"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the score's weights are unusable ({error}); fit them again") from None

    def named(self) -> dict[str, Any]:
        """The weights by name."""
        return {"weights": dict(zip(FEATURES, self.weights, strict=True)), "bias": self.bias}

    def store(self, notes: Mapping[str, Any] | None = None) -> Path:
        """Store this as the shipped model and return the file; ``notes`` describe the fit and may contain ``extruded``."""
        from gsn_perception.io import atomic_write

        path = Path(str(_place()))
        old = json.loads(path.read_text()) if path.exists() else {}
        kept = {"extruded": old["extruded"]} if "extruded" in old else {}
        with atomic_write(path) as partial:
            partial.write_text(json.dumps({**self.named(), **kept, **(notes or {})}, indent=1) + "\n")
        ScoreModel.fitted.cache_clear()
        ScoreModel.fitted_extruded.cache_clear()
        return path


def _place() -> Any:
    return resources.files("gsn_perception.grasping") / _FILE
