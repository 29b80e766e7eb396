"""Times over the size of a problem: a curve, and the exponent of the power law that fits it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student


@dataclass(frozen=True, slots=True)
class Exponent:
    """The slope p of log time over log size, time ~ size^p.

    Attributes:
        value: Least squares over all sizes.
        lower: Lower end of its 95 % interval (Student's t); NaN with fewer than three sizes.
        upper: Upper end.
        last: Slope between the last two sizes: a constant part of the time flattens the start of a curve.
    """

    value: float
    lower: float
    upper: float
    last: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Median times of one piece of work over the size of its input.

    Attributes:
        name: The work.
        sizes: [S] ascending.
        wall: [S] seconds of wall clock.
        cpu: [S] CPU seconds of all threads.
    """

    name: str
    sizes: tuple[float, ...]
    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> Exponent:
    """Fit a power law to at least two sizes."""
    x, y = np.log(np.asarray(sizes, dtype=np.float64)), np.log(np.asarray(seconds, dtype=np.float64))
    fit = linregress(x, y)
    free = len(x) - 2
    half = float(student.ppf(0.975, free) * fit.stderr) if free > 0 else math.nan
    last = float((y[-1] - y[-2]) / (x[-1] - x[-2]))
    return Exponent(float(fit.slope), float(fit.slope) - half, float(fit.slope) + half, last)
