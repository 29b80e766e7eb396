"""Which object is which from frame to frame: numbers that stay with an object while labels of masks may permute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

_PAD = 0.01  # metres a box is grown by on every side: flat and small things overlap in spite of noise
_LABELS = 65535  # of a mask, at most
_LEAST = 0.3  # share of two grown boxes' union that must be common to both


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    number: int
    box: np.ndarray
    seen: int


class Tracker:
    """Numbers objects by the overlap of their boxes with those of the frames before.

    The pairs with the greatest overlap in sum are taken (Hungarian method), so that neighbours do not change numbers. An object
    that is not seen keeps its number for ``memory`` seconds, one that was moved farther than it overlaps gets a new one. The
    first number tried is the label; no number is given to two objects.

    Args:
        memory: Seconds of stamps.
    """

    def __init__(self, memory: float = 10.0) -> None:
        self._memory = round(memory * 1e9)
        self._tracks: list[_Track] = []
        self._used: set[int] = set()  # those that a label may be
        self._highest = 0
        self._frame = ""
        self._last = 0

    def update(
        self,
        stamp: int,
        frame_id: str,
        boxes: Mapping[int, np.ndarray],
        carried: Mapping[int, np.ndarray | None] | None = None,
    ) -> dict[int, int]:
        """The number of every label.

        Args:
            stamp: Nanoseconds; one that steps back (a bag that loops) forgets nothing.
            frame_id: Of the boxes; another one than before forgets everything.
            boxes: Label to lower and upper corner [2,3], metres.
            carried: Numbers of objects in a gripper, with the box [2,3] where they are now or None where that is not
                known: such a one is looked for at its old place only until it has left it.
        """
        if frame_id != self._frame:
            self._tracks = []
        self._frame = frame_id
        candidates = self._candidates(stamp, carried or {})
        numbers = _matched(boxes, candidates)
        for label in boxes:
            if label not in numbers:
                numbers[label] = self._new_number(label)
        seen = {numbers[label]: _Track(numbers[label], box, stamp) for label, box in boxes.items()}
        self._tracks = [*(track for track in self._tracks if track.number not in seen), *seen.values()]
        self._last = stamp
        return numbers

    def _candidates(self, stamp: int, carried: Mapping[int, np.ndarray | None]) -> list[_Track]:
        """Forgets the old; those that an object of this frame may be."""
        kept, candidates = [], []
        for old in self._tracks:
            track = replace(old, seen=min(old.seen, stamp))
            if track.number in carried:
                box = carried[track.number]
                candidate = box is not None or old.seen == self._last
                track = replace(
                    track, box=track.box if box is None else box, seen=stamp if box is not None else track.seen
                )
            elif stamp - track.seen > self._memory:
                continue
            else:
                candidate = True
            kept.append(track)
            if candidate:
                candidates.append(track)
        self._tracks = kept
        return candidates

    def _new_number(self, label: int) -> int:
        is_new = label > self._highest or (label <= _LABELS and label not in self._used)
        number = label if is_new else self._highest + 1
        self._highest = max(self._highest, number)
        if number <= _LABELS:
            self._used.add(number)
        return number


def box_of(points: np.ndarray) -> np.ndarray:
    """Lower and upper corner [2,3] of points [N,3]."""
    return np.stack([points.min(axis=0), points.max(axis=0)]).astype(np.float64)


def _matched(boxes: Mapping[int, np.ndarray], tracks: list[_Track]) -> dict[int, int]:
    """Label to number where they overlap enough, the greatest overlap in sum."""
    if not boxes or not tracks:
        return {}
    labels = list(boxes)
    overlap = _overlaps(np.stack([boxes[label] for label in labels]), np.stack([track.box for track in tracks]))
    overlap[overlap < _LEAST] = 0
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-overlap)
    return {labels[r]: tracks[c].number for r, c in zip(rows, columns, strict=True) if overlap[r, c] > 0}


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[N,M] share of the union of boxes [N,2,3] and [M,2,3], grown, that is common to both."""
    grow = np.array([[-_PAD], [_PAD]])
    a, b = first + grow, second + grow
    low = np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 1], b[None, :, 1])
    common = np.maximum(high - low, 0).prod(axis=-1)
    volumes = [np.prod(box[:, 1] - box[:, 0], axis=-1) for box in (a, b)]
    return common / (volumes[0][:, None] + volumes[1][None] - common)
