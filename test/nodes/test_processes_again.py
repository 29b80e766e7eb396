"""Real processes over real DDS that do the same again and again: transitions, and a bag in a loop."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
import itertools
from statistics import median

import psutil
from conftest import observation
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from real_processes import SECOND
from real_processes import START
from real_processes import answered
from real_processes import ready
from real_processes import stamps
from waiting import LIMIT
from waiting import until

from gsn_perception.ros import interface
from gsn_perception.ros.processes.process import NodeProcess
from gsn_perception.ros.recordings import reading

pytestmark = [pytest.mark.dds, pytest.mark.long]
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
STEP = SECOND // 2
FRAMES = 6


def change(graph, *transitions: int) -> None:
    for number in transitions:
        request = ChangeState.Request(transition=Transition(id=number))
        assert graph.call(ChangeState, "/reconstruction/change_state", request).success, number


def test_fifty_lifecycles_leave_no_thread_and_no_memory_behind(graph, bench):
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    node = bench.start(autostart=False)
    graph.subscribe(interface.POINTS)
    process = psutil.Process(node._process.pid)
    threads, memory = [], []
    for round_ in range(1, 51):
        change(graph, *UP)
        ready(graph, publishers)
        answered(graph, publishers, round_ * SECOND)
        change(graph, *DOWN)
        until(lambda: not any(p.get_subscription_count() for p in publishers.values()))
        threads.append(process.num_threads())
        memory.append(process.memory_info().rss / 1e6)
    # threads of the middleware and arenas of malloc settle within fifteen rounds; one network is tens of megabytes
    assert max(threads[15:]) <= max(threads[:15]) + 1, threads
    assert median(memory[-10:]) < median(memory[15:25]) + 120, memory  # 4 MB a round
    assert "Traceback" not in node.printed()


def test_a_bag_that_loops_jumps_back_in_time_and_goes_on_giving_results(graph, bench, tmp_path, domain):
    """Played by the real player; every run of the bag is answered, though a slow node skips frames of it."""
    recorded = [SECOND + i * STEP for i in range(FRAMES)]
    reading.record(tmp_path / "bag", [observation(stamp) for stamp in recorded])
    node = bench.start()
    graph.subscribe(interface.POINTS)
    until(lambda: graph.node.count_subscribers("/image"), timeout=START, what="no node")
    words = [str(tmp_path / "bag"), "--loop", "--wait", str(LIMIT), "--wait-for", "/image"]
    with NodeProcess("bag_play", words, log=tmp_path / "player.txt", domain=domain) as player:

        def loops() -> int:
            seen = stamps(graph)
            return sum(later < earlier for earlier, later in itertools.pairwise(seen))

        until(lambda: loops() >= 3, what="the node fell silent when time jumped back")
        player.check()
    node.check()
    assert set(stamps(graph)) <= set(recorded)
    assert "Traceback" not in node.printed()
