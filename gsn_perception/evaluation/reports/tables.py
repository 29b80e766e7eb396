"""Means over objects and shape classes, as text and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.io import atomic_write

Row = Mapping[str, Any]
_CLASSES = ("box", "mid", "open", "unknown")


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Means over objects of every numeric column: {"all": {...}, "box": {...}, ...}; NaN is left out.

    Args:
        rows: One mapping per object with a ``shape`` and figures (already averaged over the object's views).
    """
    groups = {"all": list(rows)}
    for shape in _CLASSES:
        chosen = [r for r in rows if r.get("shape") == shape]
        if chosen:
            groups[shape] = chosen
    return {name: {"objects": len(group), **_means(group)} for name, group in groups.items()}


def _means(rows: Sequence[Row]) -> dict[str, float]:
    columns = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, (int, float)))
    out = {}
    for column in columns:
        values = np.array([row[column] for row in rows if column in row], dtype=np.float64)
        known = values[np.isfinite(values)]
        out[column] = float(known.mean()) if len(known) else math.nan
    return out


def table(rows: Sequence[tuple[str, Mapping[str, float]]], columns: Mapping[str, str], title: str) -> str:
    """An aligned text table.

    Args:
        rows: (label, figures) per line; a missing figure is printed as a dash.
        columns: Key to a format such as ``".2f"``; the key is the heading.
        title: Heading of the first column.
    """
    cells = [[title, *columns]]
    for label, figures in rows:
        cells.append([label, *(_cell(figures.get(key), spec) for key, spec in columns.items())])
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["  ".join(_pad(c, w, i) for i, (c, w) in enumerate(zip(row, widths, strict=True))) for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _cell(value: float | None, spec: str) -> str:
    return "-" if value is None or not math.isfinite(value) else format(value, spec)


def write_json(path: Path, payload: Mapping[str, Any]) -> None:
    """Write figures as JSON; NaN becomes null, so that any JSON reader accepts it.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(_plain(payload), indent=1, allow_nan=False) + "\n")


def check_writable(*paths: Path | None) -> None:
    """Check before the work that output files can be written.

    Raises:
        InputError: a file cannot be written.
    """
    for path in paths:
        if path is not None and not path.exists():
            with atomic_write(path):
                pass
            path.unlink()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return str(value) if isinstance(value, Path) else value
