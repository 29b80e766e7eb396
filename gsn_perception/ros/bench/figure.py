"""A measured figure beside what it should be."""

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
        value: NaN when it could not be.
        unit: Of the value.
        limit: The most (or, with ``least``, the least) it may be; None where there is no aim.
        least: Whether the limit is a lower one.
    """

    name: str
    value: float
    unit: str = "ms"
    limit: float | None = None
    least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.limit is None:
            return None
        return bool(self.value >= self.limit if self.least else self.value <= self.limit)  # NaN meets nothing


def figure_table(figures: Sequence[Figure], title: str) -> str:
    """A Markdown table: figure, value, aim, whether it is met."""
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
    """For JSON."""
    return [{"name": f.name, "value": f.value, "unit": f.unit, "aim": f.limit, "met": f.met} for f in figures]


def own_domain() -> int:
    """The DDS domain to measure in: the one chosen, else one of this process's own; on this machine only."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return int(os.environ.get("ROS_DOMAIN_ID") or 1 + (7 * os.getpid() + 3) % 100)
