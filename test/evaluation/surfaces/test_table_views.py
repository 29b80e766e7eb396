"""Meshes on a table scored against answers that are known."""

from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.evaluation.surfaces import table_views as views
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.scenes.objects import random_object


@pytest.fixture(scope="module")
def case():
    item = random_object(5, "carton")
    return views.table_case(item.scaled(0.12 / float(item.extent.max())), 75.0)


def moved(mesh, plane, by):
    return replace(mesh, vertices=(mesh.vertices + by * plane.normal).astype(np.float32))


def test_the_case_is_a_camera_above_an_object_that_touches_the_table(case):
    assert case.plane.height(case.truth.vertices.astype(float)).min() == pytest.approx(0, abs=1e-4)
    towards = -case.truth.vertices.mean(axis=0)
    assert np.degrees(np.arcsin(towards @ case.plane.normal / np.linalg.norm(towards))) == pytest.approx(75, abs=3)
    assert case.observation.support_plane is None
    assert case.observation.mask.any()
    assert not case.flat
    again = views.table_case(random_object(5, "carton").scaled(1.0), 75.0)
    assert again.elevation == 75.0


def test_the_truth_stands_and_has_its_own_volume(case):
    figures = views.table_scores(case.truth, case, np.random.default_rng(0), samples=2000)
    assert figures["on_table"] == 1.0
    assert figures["volume_factor"] == pytest.approx(1.0, abs=0.03)
    assert figures["chamfer"] < 0.05


@pytest.mark.parametrize(("by", "stands"), [(0.004, 1.0), (0.02, 0.0), (-0.02, 0.0)])
def test_what_hangs_or_sinks_does_not_stand(case, by, stands):
    figures = views.table_scores(moved(case.truth, case.plane, by), case, np.random.default_rng(0), samples=2000)
    assert figures["on_table"] == stands
    assert figures["lowest_mm"] == pytest.approx(1000 * by, abs=0.5)


def test_refusals_are_counted_and_volumes_too_small_count_like_too_large(case):
    half = replace(case.truth, vertices=(0.5 * case.truth.vertices).astype(np.float32))
    assert views.table_scores(half, case, np.random.default_rng(0), samples=500)["volume_factor"] == pytest.approx(
        8, rel=0.05
    )
    rows = views.evaluate_table([case], lambda seen: [Refusal(1, "no")], samples=500)
    assert rows["reconstruction"][0]["refused"] == 1
    found = views.summaries(rows["reconstruction"])
    assert found["all"]["refused"] == 1.0
    assert found["75 deg"]["objects"] == 1.0


def test_a_reconstruction_and_the_hull_get_a_row_each(case):
    def perfect(seen):
        empty = Reconstruction(1, None, case.truth, None, np.eye(4), 1.0, 0.0, "depth")
        return [empty]

    rows = views.evaluate_table([case], perfect, samples=500)
    assert rows["reconstruction"][0]["on_table"] == 1.0
    assert rows["reconstruction"][0]["remarked"] == 0.0
    assert rows["hull of measured points"][0]["volume_factor"] > 1.0
