"""When the nodes have worked off a recording: told by their diagnostics, over DDS."""

import os
import threading
import time

import pytest

pytest.importorskip("rclpy")
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus

from gsn_perception.ros.messages.diagnostics import BUSY
from gsn_perception.ros.messages.diagnostics import node_of
from gsn_perception.ros.node.diagnostics import Diagnostics
from gsn_perception.ros.processes.idleness import IdleWatch

pytestmark = pytest.mark.dds


class Reporter:
    """A node's diagnostics without the node, twenty times a second."""

    def __init__(self, context, name):
        self.node = rclpy.create_node(f"reporter{name.replace('/', '_')}", context=context)
        self.publisher = self.node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.diagnostics = Diagnostics(name)
        self.state, self.busy = "active", True
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.05):
            facts = {BUSY: str(self.busy).lower()}
            self.publisher.publish(self.diagnostics.message(Time(), self.state, facts=facts))
            foreign = DiagnosticStatus(name="/camera: driver", hardware_id="camera")
            self.publisher.publish(DiagnosticArray(status=[foreign]))
            self.sent += 1

    def close(self):
        self._stop.set()
        self._thread.join()
        self.node.destroy_node()


@pytest.fixture
def context():
    made = rclpy.Context()
    rclpy.init(context=made, domain_id=1 + (os.getpid() * 11 + 5) % 100)
    yield made
    made.try_shutdown()


@pytest.fixture
def reporters(context):
    made = [Reporter(context, name) for name in ("/left/reconstruction", "/left/grasp")]
    yield made
    for reporter in made:
        reporter.close()


@pytest.fixture
def watch(context, reporters):
    node = rclpy.create_node("watch", context=context)
    made = IdleWatch(node, [r.diagnostics._name for r in reporters])
    yield made
    made.close()
    node.destroy_node()


def never():
    return False


def test_the_name_of_the_status_leads_back_to_the_node():
    status = Diagnostics("/left/reconstruction").message(Time(), "active").status[0]
    assert status.name == "/left/reconstruction: frames"
    assert node_of(status) == "/left/reconstruction"


def test_it_waits_for_the_last_busy_node(watch, reporters):
    assert watch.wait_active(60, never) == []
    idle_at = []

    def finish():
        reporters[0].busy = False
        time.sleep(0.5)
        idle_at.append(time.monotonic())
        reporters[1].busy = False

    threading.Timer(0.5, finish).start()
    assert watch.wait(60, never) == []
    assert idle_at, "one node was still at work"
    assert time.monotonic() >= idle_at[0]


def test_who_is_busy_in_the_end_is_named(watch, reporters):
    assert watch.wait_active(60, never) == []
    reporters[0].busy = False
    assert watch.wait(2.0, never) == ["/left/grasp"]


def test_frames_that_come_and_go_between_reports_are_work(watch, reporters):
    assert watch.wait_active(60, never) == []
    for reporter in reporters:
        reporter.busy = False
    until = time.monotonic() + 1.5

    def work():
        while time.monotonic() < until:
            reporters[0].diagnostics.count("frames")
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    assert watch.wait(60, never) == []
    assert time.monotonic() > until - 0.1
    thread.join()


def test_a_node_that_is_not_active_says_why(watch, reporters):
    reporters[1].state = "unconfigured"
    reporters[1].diagnostics.fail("configure failed: there is no gripper")
    deadline = time.monotonic() + 60
    late = []
    while late != ["/left/grasp (configure failed: there is no gripper)"]:
        assert time.monotonic() < deadline, late
        late = watch.wait_active(0.5, never)


def test_it_ends_when_told_and_when_nobody_reports(context, watch):
    assert watch.wait(60, lambda: True) == []
    node = rclpy.create_node("alone", context=context, namespace="elsewhere")
    alone = IdleWatch(node, ["/nobody"])
    assert alone.wait_active(0.2, never) == ["/nobody (no diagnostics)"]
    alone.close()
    node.destroy_node()
