"""Fair comparison of methods: means over the objects that every method answered, share of refusals, small objects apart.

In a mean over its own answers, a method that refuses difficult objects looks better than it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from gsn_perception.evaluation.reports.tables import Row
from gsn_perception.evaluation.reports.tables import summarise

SMALL = 0.06
"""Metres: objects whose longest side is shorter are small."""
COMMON, SMALL_GROUP = "answered by all", "small"


def is_small(row: Row) -> bool:
    """Whether a row is about a small object; a row without its ``extent`` is not."""
    return float(row.get("extent", np.inf)) < SMALL


def answered(row: Row) -> bool:
    """Whether a row contains a result of a method, neither a refusal nor an empty mesh."""
    return not row.get("refused") and not row.get("empty")


def compare(rows: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, dict[str, float]]]:
    """Means of several methods over the same objects: by method, then by group of objects.

    Groups: ``all``, ``answered by all`` (the objects for which every method has a result), the shape classes, and
    ``small`` where there are any. Where a method may refuse, ``refused`` is its share of the group's objects; in
    ``answered by all`` it is the share of all objects.

    Args:
        rows: Per method one mapping per object (and ``turn``, where an object comes several times).
    """
    common = _common(rows)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for who, entries in rows.items():
        groups = summarise(entries)
        shared = summarise([row for row in entries if _object(row) in common])["all"]
        if "refused" in groups["all"]:
            shared["refused"] = groups["all"]["refused"]
        small = [row for row in entries if is_small(row)]
        found[who] = {"all": groups.pop("all"), COMMON: shared, **groups}
        if small:
            found[who][SMALL_GROUP] = summarise(small)["all"]
    return found


def shown_groups(summary: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Groups to show, in order; ``answered by all`` only where it differs from ``all``."""
    names = list(dict.fromkeys(name for groups in summary.values() for name in groups))
    same = all(groups[COMMON]["objects"] == groups["all"]["objects"] for groups in summary.values() if COMMON in groups)
    return [name for name in names if name != COMMON or not same]


def _common(rows: Mapping[str, Sequence[Row]]) -> set[tuple[Any, ...]]:
    """The objects for which every method has a result."""
    sets = [{_object(row) for row in entries if answered(row)} for entries in rows.values()]
    return set.intersection(*sets) if sets else set()


def _object(row: Row) -> tuple[Any, ...]:
    return row.get("name"), row.get("turn")
