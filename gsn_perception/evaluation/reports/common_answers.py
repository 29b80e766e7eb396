"""Like with like: figures over what every method answered, beside the share refused; small objects apart.

A method that refuses the hard objects looks better than it is in a mean over its own answers.
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
    """Whether a row holds a method's answer, neither a refusal nor an empty mesh."""
    return not row.get("refused") and not row.get("empty")


def compare(rows: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, dict[str, float]]]:
    """Means of several methods over the same objects: by method, then by group of objects.

    Groups: ``all``, ``answered by all`` (the objects for which every method had an answer), the shape classes, and
    ``small`` where there are any. Wherever a method may refuse, ``refused`` is its share of the group's objects; in
    ``answered by all`` it is that of all objects.

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
    """Groups worth a row, in order; ``answered by all`` only where it is not the same as ``all``."""
    names = list(dict.fromkeys(name for groups in summary.values() for name in groups))
    same = all(groups[COMMON]["objects"] == groups["all"]["objects"] for groups in summary.values() if COMMON in groups)
    return [name for name in names if name != COMMON or not same]


def _common(rows: Mapping[str, Sequence[Row]]) -> set[tuple[Any, ...]]:
    """What every method answered."""
    sets = [{_object(row) for row in entries if answered(row)} for entries in rows.values()]
    return set.intersection(*sets) if sets else set()


def _object(row: Row) -> tuple[Any, ...]:
    return row.get("name"), row.get("turn")
