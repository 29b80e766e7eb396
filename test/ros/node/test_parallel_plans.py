"""Objects planned in parallel: the result does not depend on which comes first, parts come in between, reasons stay."""

import numpy as np
import pytest

pytest.importorskip("rclpy")
import trimesh

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.settings import PlannerSettings
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node.grasp_worker import plan
from gsn_perception.ros.results.grasp_result import GraspTask


def box(size, place):
    made = trimesh.creation.box(size)
    return Mesh(made.vertices + [*place, size[2] / 2], made.faces)


def task():
    meshes = {
        2: box((0.04, 0.05, 0.12), (0.3, 0)),
        5: box((0.03, 0.03, 0.06), (0.1, 0)),
        7: box((0.05, 0.3, 0.05), (0.2, 0.1)),
    }
    return GraspTask(make_header(0, "table"), meshes, {}, Plane(np.array([0, 0, 1.0]), 0.0))


@pytest.fixture(scope="module")
def planner():
    return GraspPlanner(Gripper.named("panda"), PlannerSettings(num_candidates=64, max_grasps=4))


def rows(result):
    return [(g.label, g.score, g.width, *g.T_frame_tcp.ravel()) for g in result.grasps]


def test_the_order_changes_the_parts_and_not_the_result(planner, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")  # one at a time, so that the parts are in the order of the plans
    whole, parts, steps = {}, {}, {}
    for first in ("largest", "nearest"):
        parts[first], steps[first] = [], []
        whole[first] = plan(
            task(),
            planner,
            ("",),
            lambda *step, f=first: steps[f].append(step),
            first=first,
            on_part=parts[first].append,
        )
    assert {g.label for g in whole["largest"].grasps} == {2, 5, 7}
    assert rows(whole["largest"]) == rows(whole["nearest"])
    assert whole["largest"].reasons == whole["nearest"].reasons
    assert [list(part.reasons) for part in parts["largest"]] == [[7], [2, 7]]
    assert [list(part.reasons) for part in parts["nearest"]] == [[5], [5, 7]]
    assert steps["largest"] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert rows(plan(task(), planner)) == rows(whole["largest"])


def test_an_object_that_cannot_be_planned_gives_its_reason_beside_the_others(planner):
    flat = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    result = plan(GraspTask(task().header, {**task().meshes, 9: flat}, {}, None), planner)
    assert not result.planned
    assert "no surface" in result.reasons[9]
    assert {g.label for g in result.grasps} <= {2, 5, 7}
    assert set(result.reasons) == {2, 5, 7, 9}


def test_a_wish_for_one_object_plans_that_one_alone(planner):
    parts = []
    named = GraspTask(
        task().header, task().meshes, {}, task().support_plane, names={2: "gsn_1", 5: "gsn_2", 7: "gsn_3"}
    )
    result = plan(named, planner, ("gsn_2",), on_part=parts.append)
    assert set(result.reasons) == {5}
    assert parts == []
