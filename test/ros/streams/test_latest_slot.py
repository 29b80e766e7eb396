"""One slot, one worker; requests that wait; the rate gate."""

import threading
import time

import pytest
from waiting import LIMIT
from waiting import until

from gsn_perception.ros.node.pending_requests import PendingRequests
from gsn_perception.ros.streams.latest_slot import LatestItemWorker


@pytest.fixture
def blocked():
    """A worker that waits for ``release`` before each item."""
    release, begun, done, errors = threading.Semaphore(0), threading.Semaphore(0), [], []

    def work(item):
        begun.release()
        release.acquire(timeout=LIMIT)
        if item == "bad":
            raise ValueError("bad item")
        done.append(item)

    box = LatestItemWorker(work, errors.append)
    yield box, release, begun, done, errors
    release.release(100)
    box.close(LIMIT)


def test_the_newest_item_wins(blocked):
    box, release, begun, done, _ = blocked
    assert box.put(1) is None
    assert begun.acquire(timeout=LIMIT)
    assert box.put(2) is None
    assert box.put(3) == 2
    assert box.put(4) == 3
    assert not box.wait_idle(0.01)
    release.release(2)
    assert box.wait_idle(LIMIT)
    assert done == [1, 4]


def test_the_worker_outlives_errors(blocked):
    box, release, _, done, errors = blocked
    release.release(2)
    box.put("bad")
    assert box.wait_idle(LIMIT)
    box.put("good")
    assert box.wait_idle(LIMIT)
    assert done == ["good"]
    assert [str(e) for e in errors] == ["bad item"]


def test_close_lets_the_running_item_end_and_drops_the_waiting_one(blocked):
    box, release, begun, done, _ = blocked
    box.put(1)
    assert begun.acquire(timeout=LIMIT)
    box.put(2)
    threading.Timer(0.05, release.release).start()
    assert box.close(LIMIT)
    assert done == [1]
    assert box.put(3) is None
    assert box.wait_idle(LIMIT)
    assert done == [1]


def test_clear_takes_the_waiting_item_back(blocked):
    box, release, begun, done, _ = blocked
    box.put(1)
    assert begun.acquire(timeout=LIMIT)
    box.put(2)
    assert box.clear() == 2
    assert box.clear() is None
    release.release()
    assert box.wait_idle(LIMIT)
    assert done == [1]


def test_a_held_item_waits_in_the_slot_and_the_newest_is_taken():
    rest, done = [LIMIT], []
    box = LatestItemWorker(done.append, done.append, lambda: rest[0])
    assert box.put(1) is None
    assert box.put(2) == 1
    assert not box.wait_idle(0.05)
    assert done == []
    rest[0] = 0.0
    box.wake()
    assert box.wait_idle(LIMIT)
    assert done == [2]
    rest[0] = 0.01  # after that time it is asked again
    box.put(3)
    rest[0] = 0.0
    until(lambda: done == [2, 3])
    assert box.close(LIMIT)


def test_a_worker_that_holds_an_item_can_be_closed():
    done = []
    box = LatestItemWorker(done.append, done.append, lambda: LIMIT)
    box.put(1)
    assert box.close(LIMIT)
    assert done == []


def test_tickets_are_answered_once_by_what_was_seen_after_they_were_asked():
    requests = PendingRequests()
    assert not requests
    early = time.monotonic()
    got = []
    thread = threading.Thread(target=lambda: got.append(requests.ask(LIMIT)))
    thread.start()
    until(lambda: requests)
    requests.answer((True, "too early"), seen=early)
    assert requests
    requests.answer((True, "this one"), seen=time.monotonic())
    thread.join(LIMIT)
    assert got == [(True, "this one")]
    assert not requests


def test_a_ticket_that_nobody_answers_is_withdrawn():
    requests = PendingRequests()
    assert requests.ask(0.01) is None
    assert not requests


def test_a_ticket_starts_what_answers_it():
    requests = PendingRequests()
    assert requests.ask(LIMIT, lambda: requests.answer((False, "no"))) == (False, "no")
