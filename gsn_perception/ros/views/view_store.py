"""``ViewStore``: earlier frames of a moving camera with their poses, to be fused with the newest frame."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.pipeline.fusion.posed_view import PosedView
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings

MOST_ADDED = 16
"""Views that a user can add; each holds its images."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    observation: Observation
    pose: np.ndarray

    @property
    def eye(self) -> np.ndarray:
        return np.asarray(self.pose[:3, 3])


class ViewStore:
    """Views that were added by a service, and the last ones of a window; thread-safe.

    All poses are in one static frame. A recent view is kept once the camera has moved by ``fuse_min_baseline`` from the kept
    recent view before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: list[_Kept] = []
        self._recent: list[_Kept] = []

    def __len__(self) -> int:
        with self._lock:
            return len(self._added) + len(self._recent)

    @property
    def has_added(self) -> bool:
        """Whether a view was added by hand."""
        with self._lock:
            return bool(self._added)

    def clear(self) -> int:
        """Forget all views; returns how many were added by hand."""
        with self._lock:
            count = len(self._added)
            self._added, self._recent = [], []
            return count

    def add(self, observation: Observation, pose: np.ndarray, settings: ReconstructionSettings) -> str:
        """Keep a view until :meth:`clear`; it replaces added views from the same place. Returns what was done.

        Args:
            observation: The frame.
            pose: [4,4] ``T_static_camera``.
            settings: Parameters of the node.

        Raises:
            InputError: too many views were added.
        """
        kept = _Kept(observation, pose)
        with self._lock:
            others = [view for view in self._added if _apart(view, kept) >= settings.fuse_min_baseline]
            if len(others) >= MOST_ADDED:
                raise InputError(f"{MOST_ADDED} views are kept already; call ~/clear_views first")
            replaced = len(self._added) - len(others)
            last = others[-1] if others else None
            self._added = [*others, kept]
            count = len(self._added)
        text = f"{count} view(s) kept"
        if last is not None:
            text += f"; the camera moved by {1000 * _apart(last, kept):.0f} mm"
        if replaced:
            text += (
                f"; it replaces a view from nearly the same place (fuse_min_baseline = {settings.fuse_min_baseline} m)"
            )
        return text

    def earlier(self, observation: Observation, pose: np.ndarray, settings: ReconstructionSettings) -> list[PosedView]:
        """The views to fuse with a frame, oldest first; the frame itself may be kept as a recent view for later ones.

        Args:
            observation: The frame.
            pose: [4,4] ``T_static_camera``.
            settings: Parameters of the node.
        """
        now = _Kept(observation, pose)
        with self._lock:
            self._forget_old(observation.stamp, settings)
            far = [v for v in (*self._added, *self._recent) if _apart(v, now) >= settings.fuse_min_baseline]
            far = [v for v in far if v.observation.stamp != observation.stamp]
            if settings.fuse_views > 0:
                chosen = self._added + [view for view in far if view in self._recent][-settings.fuse_views :]
                if not self._recent or _apart(self._recent[-1], now) >= settings.fuse_min_baseline:
                    self._recent = [*self._recent, now][-(settings.fuse_views + 1) :]
            else:
                chosen, self._recent = list(self._added), []
        return [posed(v.observation, v.pose, settings) for v in far if v in chosen]

    def _forget_old(self, stamp: int, settings: ReconstructionSettings) -> None:
        """Drop recent views outside the window, also those of the future: time jumped back."""
        window = settings.fuse_window * NANOSECONDS
        self._recent = [view for view in self._recent if 0 <= stamp - view.observation.stamp <= window]


def posed(observation: Observation, pose: np.ndarray, settings: ReconstructionSettings) -> PosedView:
    """The frame with its pose and the pose's errors by the parameters; doubts about an earlier frame stay with it."""
    errors = (settings.fuse_position_error, settings.fuse_rotation_error)
    return PosedView(replace(observation, remarks=()), pose, *errors)


def _apart(a: _Kept, b: _Kept) -> float:
    return float(np.linalg.norm(a.eye - b.eye))
