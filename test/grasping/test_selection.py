"""Non-maximum suppression against a slow one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.selection import rotation_between
from gsn_perception.grasping.selection import select


def plain(poses, scores, limit, translation, rotation):
    kept: list[int] = []
    for row in np.argsort(-(scores + poses.bonus), kind="stable"):
        near = np.linalg.norm(poses.centers[kept] - poses.centers[row], axis=1) < translation
        if not (near & (rotation_between(poses.rotations[kept], poses.rotations[row]) < rotation)).any():
            kept.append(int(row))
    return sorted(kept, key=lambda row: -scores[row])[:limit]


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_the_same_rows_as_a_slow_selection(limit):
    rng = np.random.default_rng(0)
    poses = Poses.of(Rotation.random(400, random_state=0).as_matrix(), rng.uniform(0, 0.04, (400, 3)), np.zeros(400))
    poses = replace(poses, bonus=rng.choice([0.0, 0.1, 0.2], 400))
    scores = rng.uniform(size=400)
    found = select(poses, scores, limit=limit, translation=0.015, rotation=1.0)
    wanted = plain(poses, scores, limit, 0.015 - 1e-6, 1.0 - 1e-6)
    assert found.tolist() == wanted
    assert len(wanted) == limit if limit < 100 else 100 < len(wanted) < 390


def test_rounding_does_not_decide_about_candidates_exactly_at_the_limit():
    rng = np.random.default_rng(1)
    turns = Rotation.from_rotvec([[0, 0, 0], [0, np.pi / 6, 0]])
    for _ in range(50):
        R = (Rotation.random(random_state=rng) * turns).as_matrix()
        found = select(
            Poses.of(R, np.zeros((2, 3)), np.zeros(2)),
            np.array([0.9, 0.8]),
            limit=5,
            translation=0.015,
            rotation=np.pi / 6,
        )
        assert found.tolist() == [0, 1]


def test_nothing_of_nothing():
    none = Poses.of(np.zeros((0, 3, 3)), np.zeros((0, 3)), np.zeros(0))
    assert not len(select(none, np.zeros(0), limit=5, translation=0.015, rotation=0.5))
