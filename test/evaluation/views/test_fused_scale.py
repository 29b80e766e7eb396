"""Pairs of views of a known object, and the figures of the scale that is made of them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gsn_perception.evaluation.views.fused_scale import ROTATION
from gsn_perception.evaluation.views.fused_scale import evaluate_fused_scale
from gsn_perception.evaluation.views.fused_scale import frames_of
from gsn_perception.evaluation.views.fused_scale import scale_summary
from gsn_perception.evaluation.views.view_pairs import PairCase
from gsn_perception.evaluation.views.view_pairs import pair_case
from gsn_perception.evaluation.views.view_pairs import with_pose_error
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.objects import random_object


@pytest.fixture(scope="module")
def case() -> PairCase:
    return pair_case(random_object(3, "carton").scaled(0.8), (30.0,), 0)


def test_both_views_see_the_object_at_the_angle(case: PairCase) -> None:
    seen, pose = case.others[30.0]
    there = transform_points(np.linalg.inv(pose), case.centre)
    for observation, centre in ((case.reference, case.centre), (seen, there)):
        column, row = np.floor(observation.camera.project(centre)).astype(int)
        assert observation.mask[row, column] == 1
        assert observation.support_plane is None
    a, b = -case.centre, pose[:3, 3] - case.centre
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(30.0, abs=0.1)
    assert abs(float(case.plane.height(case.truth.vertices.astype(np.float64)).min())) < 1e-4


def test_errors_of_poses(case: PairCase) -> None:
    pose = case.others[30.0][1]
    error = np.linalg.inv(pose) @ with_pose_error(pose, 2.0, 0.5, np.random.default_rng(1))
    assert np.linalg.norm(error[:3, 3]) == pytest.approx(0.002)
    assert np.rad2deg(np.linalg.norm(Rotation.from_matrix(error[:3, :3]).as_rotvec())) == pytest.approx(ROTATION)
    (first, last) = frames_of(case, 30.0, exact=False, plane=True, depth=False, seed=0)
    assert first[3] == pytest.approx(np.deg2rad(0.5) / np.sqrt(3))
    assert last[0].support_plane is case.plane
    assert first[0].depth is None
    assert len(frames_of(case, None, exact=True, plane=False, depth=True, seed=0)) == 1


def test_every_setting_has_its_row_and_refusals_are_counted(case: PairCase) -> None:
    rows = evaluate_fused_scale([case], lambda frames: [Refusal(1, f"{len(frames)} frames")], None)
    assert len(rows) == 1 + 4
    assert [row["reason"] for row in rows["plane alone"]] == ["1 frames"]
    assert scale_summary(rows["30 deg, exact"]) == {"objects": 1.0, "refused": 1.0}


def test_figures() -> None:
    rows = [{"refused": 0.0, "ratio": ratio, "sigma": 0.02} for ratio in (1.01, 0.97, 1.05)]
    figures = scale_summary(rows)
    assert figures["median"] == pytest.approx(0.03)
    assert figures["one_sigma"] == pytest.approx(1 / 3)
    assert figures["two_sigma"] == pytest.approx(2 / 3)
