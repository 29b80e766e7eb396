"""Kept views: baseline, window, order, and steps back of time."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")

from gsn_perception import Camera
from gsn_perception import InputError
from gsn_perception import Observation
from gsn_perception import Remark
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.views.view_store import MOST_ADDED
from gsn_perception.ros.views.view_store import ViewStore

SECOND = 1_000_000_000


def at(x: float) -> np.ndarray:
    return make_transform(np.eye(3), np.array([x, 0.0, 0.0]))


def frame(second: float) -> Observation:
    image = np.zeros((4, 6, 3), np.uint8)
    return Observation(image, Camera.from_fov(1.0, 6, 4), stamp=round(second * SECOND), remarks=(Remark("a", "b"),))


def stamps(views) -> list[float]:
    return [view.observation.stamp / SECOND for view in views]


def test_recent_views_are_a_baseline_apart_and_inside_the_window():
    store = ViewStore()
    settings = ReconstructionSettings(fuse_views=2, fuse_min_baseline=0.1, fuse_window=10.0)
    seen = [
        stamps(store.earlier(frame(second), at(x), settings))
        for second, x in ((1, 0.0), (2, 0.05), (3, 0.2), (4, 0.25), (5, 0.4), (6, 0.6), (20, 0.9))
    ]
    assert seen == [[], [], [1], [1], [1, 3], [3, 5], []]


def test_without_fuse_views_only_added_views_count():
    store, settings = ViewStore(), ReconstructionSettings(fuse_min_baseline=0.1)
    assert store.earlier(frame(1), at(0.0), settings) == []
    assert store.earlier(frame(2), at(1.0), settings) == []
    assert "1 view(s) kept" in store.add(frame(3), at(0.0), settings)
    assert "moved by 500 mm" in store.add(frame(4), at(0.5), settings)
    assert stamps(store.earlier(frame(500), at(1.0), settings)) == [3, 4]
    assert stamps(store.earlier(frame(501), at(0.52), settings)) == [3]  # too near to the other one
    assert "replaces" in store.add(frame(5), at(0.01), settings)
    (view, *_) = store.earlier(frame(502), at(1.0), replace(settings, fuse_position_error=0.5))
    assert (view.position_error, view.observation.remarks) == (0.5, ())
    assert (store.clear(), store.earlier(frame(503), at(1.0), settings)) == (2, [])


def test_views_of_the_future_are_forgotten():
    store = ViewStore()
    settings = ReconstructionSettings(fuse_views=3, fuse_min_baseline=0.1)
    store.earlier(frame(100), at(0.0), settings)
    assert stamps(store.earlier(frame(101), at(1.0), settings)) == [100]
    assert store.earlier(frame(3), at(2.0), settings) == []  # the bag began again
    assert stamps(store.earlier(frame(4), at(0.0), settings)) == [3]


def test_so_many_views_and_no_more():
    store, settings = ViewStore(), ReconstructionSettings()
    for k in range(MOST_ADDED):
        store.add(frame(k + 1), at(float(k)), settings)
    with pytest.raises(InputError, match="clear_views"):
        store.add(frame(99), at(99.0), settings)
    assert len(store) == MOST_ADDED
