"""Frames and requests before the grasp node's worker: the newest frame is planned, and every request is served."""

import threading

import pytest
from waiting import LIMIT

pytest.importorskip("rclpy")
from gsn_perception.ros.node.plan_requests import PlanWorker


@pytest.fixture
def blocked():
    """A worker that is busy with a frame ``busy`` until ``go_on`` is set, and what it planned after that."""
    go_on, begun, done = threading.Event(), threading.Event(), []

    def work(job):
        if job.messages == {"points": "busy"}:
            begun.set()
            assert go_on.wait(LIMIT)
        else:
            done.append(job)

    def fail(error):
        raise error

    worker = PlanWorker(work, fail)
    assert worker.put_frame({"points": "busy"}) is False
    assert begun.wait(LIMIT)

    def finish():
        go_on.set()
        assert worker.wait_idle(LIMIT)
        return done

    yield worker, finish
    go_on.set()
    worker.close(LIMIT)


OLD, NEW = {"points": "old"}, {"points": "new"}


@pytest.mark.parametrize("order", [None, "", "gsn_1"])
def test_a_request_leaves_a_newer_frame_that_waits(blocked, order):
    worker, finish = blocked
    worker.put_frame(NEW)
    before = worker.clear()
    worker.put_frame(NEW)
    worker.put_request(order)
    (job,) = finish()
    assert (job.messages, job.order, job.is_frame) == (NEW, None, True)
    assert job.seen > before.seen, "it answers the request"


@pytest.mark.parametrize("order", [None, "", "gsn_1"])
def test_a_frame_serves_a_request_that_waits_and_is_not_counted_as_overtaking_it(blocked, order):
    worker, finish = blocked
    worker.put_request(order)
    asked = worker.clear()
    assert asked.messages == {"points": "busy"}
    worker.put_request(order)
    assert worker.put_frame(NEW) is False
    (job,) = finish()
    assert (job.messages, job.order) == (NEW, None)
    assert job.seen > asked.seen


def test_a_frame_overtakes_a_frame(blocked):
    worker, finish = blocked
    assert worker.put_frame(OLD) is False
    assert worker.put_frame(NEW) is True
    assert [job.messages for job in finish()] == [NEW]


def test_a_request_plans_on_the_newest_frame_again(blocked):
    worker, finish = blocked
    worker.put_frame(NEW)
    finish().clear()
    worker.put_request("gsn_1")
    (job,) = finish()
    assert (job.messages, job.order, job.is_frame) == (NEW, "gsn_1", False)


def test_a_request_after_the_frames_were_forgotten_plans_nothing(blocked):
    worker, finish = blocked
    worker.forget()
    worker.put_request(None)
    assert finish() == []
    assert worker.inputs is None
