"""The next frame waits for the grasps of the last one, and never for a grasp node that does not answer."""

import pytest

pytest.importorskip("rclpy")
from geometry_msgs.msg import PoseArray
from rclpy.serialization import serialize_message

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.node import planning_turns
from gsn_perception.ros.node.planning_turns import PlanningTurns


def grasps(stamp):
    return bytes(serialize_message(PoseArray(header=make_header(stamp, "camera"))))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still: its first element is the time."""
    now = [100.0]
    monkeypatch.setattr(planning_turns.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def turns(clock):
    woken = []
    made = PlanningTurns(lambda: 2.0, lambda: woken.append(clock[0]))
    made.woken = woken
    return made


def answered(turns, stamp):
    turns.publishing(stamp)
    turns.take(grasps(stamp))


def test_no_frame_waits_before_a_grasp_node_has_answered(turns):
    assert turns.wait() == 0
    turns.publishing(1)
    assert turns.wait() == 0
    turns.take(grasps(7))  # of another source
    turns.publishing(2)
    assert turns.wait() == 0
    assert turns.woken == []


def test_a_frame_waits_until_the_last_one_is_answered(turns, clock):
    answered(turns, 1)
    assert turns.wait() == 0
    turns.publishing(1_700_000_000_999_999_999)
    clock[0] += 0.5
    assert turns.wait() == pytest.approx(1.5)
    turns.take(grasps(1))
    assert turns.wait() == pytest.approx(1.5)
    turns.take(grasps(1_700_000_000_999_999_999))
    assert turns.wait() == 0
    assert len(turns.woken) == 2


def test_a_grasp_node_that_ends_costs_one_wait(turns, clock):
    answered(turns, 1)
    turns.publishing(2)
    clock[0] += 2.1
    assert turns.wait() == 0
    turns.publishing(3)
    assert turns.wait() == 0
    turns.take(grasps(3))  # it is back
    turns.publishing(4)
    assert turns.wait() > 0
    turns.reset()
    assert turns.wait() == 0


def test_a_damaged_message_is_refused(turns):
    with pytest.raises(InputError, match="ends before its last field"):
        turns.take(grasps(1)[:7])
