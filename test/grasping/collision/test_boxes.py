from __future__ import annotations

import numpy as np
import pytest
from brute_force import soup
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from gsn_perception.grasping.collision.boxes import boxes_touch
from gsn_perception.grasping.collision.boxes import free_margins
from gsn_perception.grasping.tree.bounding_tree import bounding_tree
from gsn_perception.grasping.tree.posed import pose_of

MARGINS = np.array([0.0, 0.1, 0.25])


def touch_by_linear_programme(low, high, corners):
    """A convex combination of the corners inside the box, independently of separating axes."""
    A = np.concatenate([corners.T, -corners.T])
    b = np.concatenate([high, -low])
    weights = np.ones((1, len(corners)))
    return linprog(np.zeros(len(corners)), A_ub=A, b_ub=b, A_eq=weights, b_eq=[1.0], method="highs").status == 0


def free(rotation, center, boxes, tree, *, margins=MARGINS, enough=0, hint=-1):
    pose = pose_of(rotation[None], center[None], 0)
    return free_margins(pose, boxes, margins, enough, tree.corners, tree.bounds, hint)


@pytest.mark.parametrize("corners", [1, 3])
def test_margins_agree_with_linear_programming(corners):
    rng = np.random.default_rng(3)
    rotations = Rotation.random(120, random_state=3).as_matrix()
    centers = rng.normal(size=(120, 3)) * 0.2
    low = rng.uniform(-0.6, 0.2, (120, 2, 3))
    boxes = np.stack([low, low + rng.uniform(0.05, 0.7, low.shape)], axis=2)
    count = 3 if corners == 3 else 12
    items = rng.normal(size=(count, 1, 3)) * 0.6 + rng.normal(size=(count, corners, 3)) * 0.4
    tree = bounding_tree(items)
    counts = []
    for p in range(120):
        local = (items - centers[p]) @ rotations[p]
        hit = [
            any(touch_by_linear_programme(b[0] - m, b[1] + m, part) for b in boxes[p] for part in local)
            for m in MARGINS
        ]
        counts.append(hit.index(True) if any(hit) else len(MARGINS))
        assert free(rotations[p], centers[p], boxes[p], tree)[0] == counts[-1]
    assert np.bincount(counts, minlength=4).min() > 5


def test_the_tree_and_its_hint_change_nothing():
    items = soup(1000, 0.05, 0)
    tree, parts = bounding_tree(items), [bounding_tree(item[None]) for item in items]
    rng = np.random.default_rng(0)
    rotations, centers = Rotation.random(40, random_state=0).as_matrix(), rng.normal(size=(40, 3))
    boxes = np.array([[[-0.2, -0.3, -0.1], [0.2, 0.3, 0.1]], [[0.2, 0.1, -0.1], [0.25, 0.3, 0.4]]])
    counts, hint = [], -1
    for R, t in zip(rotations, centers, strict=True):
        wanted = min(free(R, t, boxes, part)[0] for part in parts)
        assert free(R, t, boxes, tree)[0] == wanted
        found, hint = free(R, t, boxes, tree, hint=hint)
        assert found == wanted
        enough, _ = free(R, t, boxes, tree, enough=1)
        assert (enough > 1) == (wanted > 1)
        counts.append(wanted)
    assert set(counts) == {0, 1, 2, 3}


def test_more_boxes_than_bits_are_all_tested():
    boxes = np.tile(np.array([[[5.0, 5, 5], [6, 6, 6]]]), (70, 1, 1))
    boxes[66] = [[-0.1, -0.1, -0.1], [0.1, 0.1, 0.1]]
    assert free(np.eye(3), np.zeros(3), boxes, bounding_tree(np.zeros((1, 1, 3))))[0] == 0


def test_nothing_touches_nothing():
    assert free(np.eye(3), np.zeros(3), np.ones((1, 2, 3)), bounding_tree(np.zeros((0, 1, 3))))[0] == 3


def test_axis_aligned_boxes_touch_as_posed_ones():
    items = soup(300, 0.05, 1)
    tree = bounding_tree(items)
    low = np.random.default_rng(2).uniform(-0.8, 0.8, (200, 3))
    boxes = np.stack([low, low + 0.2], axis=1)
    found = boxes_touch(boxes, tree)
    wanted = [free(np.eye(3), box.mean(axis=0), box[None] - box.mean(axis=0), tree)[0] == 0 for box in boxes]
    np.testing.assert_array_equal(found, wanted)
    assert 0.05 < found.mean() < 0.95
