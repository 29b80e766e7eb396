"""A measured figure with its target, and tables of figures."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table.

    Attributes:
        name: What was measured.
        value: NaN when it could not be measured.
        unit: Unit of the value.
        limit: Largest (with ``least``: smallest) allowed value; None without a target.
        least: Whether the limit is a lower bound.
    """

    name: str
    value: float
    unit: str = "ms"
    limit: float | None = None
    least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.limit is None:
            return None
        return bool(self.value >= self.limit if self.least else self.value <= self.limit)  # NaN meets no target


def figure_table(figures: Sequence[Figure], title: str) -> str:
    """A Markdown table: figure, value, target, whether it is met."""
    rows = [f"| {title} | value | aim | met |", "|---|---:|---:|---|"]
    for item in figures:
        whole = not item.unit and float(item.value).is_integer()  # a count
        value = (
            "-" if not math.isfinite(item.value) else f"{item.value:{'.0f' if whole else '.4g'}} {item.unit}".strip()
        )
        sign = ">=" if item.least else "<="
        aim = "" if item.limit is None else f"{sign} {item.limit:g} {item.unit}".strip()
        met = {True: "yes", False: "**no**", None: ""}[item.met]
        rows.append(f"| {item.name} | {value} | {aim} | {met} |")
    return "\n".join(rows)


def as_dicts(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """The figures as dictionaries for JSON."""
    return [{"name": f.name, "value": f.value, "unit": f.unit, "aim": f.limit, "met": f.met} for f in figures]


def own_domain() -> int:
    """The DDS domain of a benchmark: ROS_DOMAIN_ID, else one by the process id; discovery on this machine only."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return int(os.environ.get("ROS_DOMAIN_ID") or 1 + (7 * os.getpid() + 3) % 100)
