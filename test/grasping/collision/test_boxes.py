from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from gsn_perception.grasping.collision.boxes import Blocks
from gsn_perception.grasping.collision.boxes import overlaps


def _touch_by_linear_programme(low, high, corners):
    """A convex combination of the corners inside the box, independently of separating axes."""
    A = np.concatenate([corners.T, -corners.T])
    b = np.concatenate([high, -low])
    weights = np.ones((1, len(corners)))
    return linprog(np.zeros(len(corners)), A_ub=A, b_ub=b, A_eq=weights, b_eq=[1.0], method="highs").status == 0


@pytest.mark.parametrize("corners", [1, 3])
def test_overlap_agrees_with_linear_programming(corners):
    rng = np.random.default_rng(3)
    rotations = Rotation.random(150, random_state=3).as_matrix()
    centers = rng.normal(size=(150, 3)) * 0.2
    low = rng.uniform(-0.6, 0.2, (150, 2, 3))
    boxes = np.stack([low, low + rng.uniform(0.05, 0.7, low.shape)], axis=2)
    soup = rng.normal(size=(3, 1, 3)) * 0.6 + rng.normal(size=(3, corners, 3)) * 0.4
    expected = np.zeros(150, dtype=bool)
    for p in range(150):
        local = (soup - centers[p]) @ rotations[p]
        expected[p] = any(_touch_by_linear_programme(*box, part) for box in boxes[p] for part in local)
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(overlaps(rotations, centers, boxes, Blocks.of(soup)), expected)


def test_blocks_hold_everything_and_change_nothing():
    rng = np.random.default_rng(0)
    soup = rng.normal(size=(1000, 1, 3)) + rng.normal(size=(1000, 3, 3)) * 0.05
    blocks = Blocks.of(soup)
    assert {t.tobytes() for t in blocks.corners} == {t.tobytes() for t in soup}
    for size, spheres in ((8, blocks.spheres), (64, blocks.coarse)):
        mine = spheres[np.arange(1000) // size]
        gaps = np.linalg.norm(blocks.corners - mine[:, None, :3], axis=2) - mine[:, 3:]
        assert gaps.max() < 1e-9
        assert len(spheres) == -(-1000 // size)
    assert np.median(blocks.spheres[:, 3]) < 0.4 * np.linalg.norm(soup, axis=2).max()
    rotations, centers = Rotation.random(40, random_state=0).as_matrix(), rng.normal(size=(40, 3)) * 1.5
    boxes = np.tile(np.array([[[-0.2, -0.3, -0.1], [0.2, 0.3, 0.1]]]), (40, 1, 1, 1))
    one_by_one = [overlaps(rotations, centers, boxes, Blocks.of(t[None])) for t in soup]
    whole = overlaps(rotations, centers, boxes, blocks)
    np.testing.assert_array_equal(whole, np.any(one_by_one, axis=0))
    assert 0 < whole.sum() < 40


def test_nothing_touches_nothing():
    blocks = Blocks.of(np.zeros((0, 1, 3)))
    assert not overlaps(np.eye(3)[None], np.zeros((1, 3)), np.ones((1, 1, 2, 3)), blocks).any()
