"""Finished trials as JSON lines: appended when they end, read to resume a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry.grasp import GraspSource

SEARCH = "exhaustive search"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The identity of a line: object, pose, camera and method."""

    object: str
    pose: int
    camera: int
    method: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Key:
        """The key of a line."""
        return cls(str(row["object"]), int(row["pose"]), int(row["camera"]), str(row["method"]))

    @property
    def trial(self) -> tuple[str, int, int]:
        """The trial, without the method."""
        return self.object, self.pose, self.camera


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The lines written so far, none where there is no file; an incomplete last line is ignored.

    Raises:
        InputError: the file is not a record of trials.
    """
    if not path.is_file():
        return []
    lines = path.read_text().splitlines()
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            Key.of(row)
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                break
            raise InputError(f"{path} line {number} is no finished trial; give another file or remove it") from None
        rows.append(row)
    return rows


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append lines; an incomplete last line of an earlier run is removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        text = "".join(json.dumps(row, default=_plain) + "\n" for row in rows)
        file.seek(0)
        whole = file.read()
        if whole and not whole.endswith(b"\n"):
            file.truncate(whole.rfind(b"\n") + 1)
        file.write(text.encode())


def grasp_row(grasp: Grasp) -> dict[str, Any]:
    """The values of a grasp for a line: pose, opening, score, source."""
    pose = pose_row(grasp.T_frame_tcp)
    return {"T_world_tcp": pose, "width": round(grasp.width, 5), "score": round(grasp.score, 5), "source": grasp.source}


def row_grasp(row: Mapping[str, Any]) -> Grasp | None:
    """The grasp of a line, None where there was none."""
    if row.get("T_world_tcp") is None:
        return None
    source: GraspSource = "extruded" if row.get("source") == "extruded" else "mesh"
    return Grasp(row_pose(row["T_world_tcp"]), float(row["width"]), float(row["score"]), source=source)


def pose_row(T: np.ndarray) -> list[list[float]]:
    """The upper three rows of a pose [4,4], rounded to a micrometre."""
    return [[round(float(v), 6) for v in line] for line in T[:3]]


def row_pose(lines: Any) -> np.ndarray:
    """[4,4] pose from three rows."""
    return np.concatenate([np.array(lines, dtype=np.float64), [[0, 0, 0, 1.0]]])


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no figure")
