"""Real processes over real DDS: cameras that come and go, nodes that are killed, ended, doubled, reconfigured."""

import os
import re
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from conftest import observation
from rcl_interfaces.msg import Parameter
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from real_processes import SECOND
from real_processes import START
from real_processes import answered
from real_processes import begun
from real_processes import ready
from real_processes import stamps
from waiting import until

from gsn_perception.ros import interface
from gsn_perception.ros import qos
from gsn_perception.ros.messages.headers import stamp_to_ns

pytestmark = [pytest.mark.dds, pytest.mark.long]


def left_behind(pid: int) -> list[str]:
    """Files in shared memory that name a process, and its children that still run."""
    import psutil

    names = [f.name for f in Path("/dev/shm").iterdir() if re.search(rf"(^|\D){pid}(\D|$)", f.name)]
    return names + [str(p) for p in psutil.process_iter() if p.ppid() == pid]


@pytest.mark.parametrize("reliable", [True, False])
def test_both_reliabilities_and_late_subscribers(graph, bench, reliable):
    begun(graph, bench, qos.reliable(5) if reliable else qos.sensor(5))
    graph.subscribe(interface.MESH)  # nobody heard it so far: it is converted now
    until(lambda: graph.received["mesh"], what="the late subscriber got nothing")
    assert stamp_to_ns(graph.received["mesh"][-1].markers[0].header.stamp) == SECOND


def test_a_camera_that_vanishes_and_returns(graph, bench):
    _, publishers = begun(graph, bench)
    for publisher in publishers.values():
        graph.node.destroy_publisher(publisher)
    until(lambda: not graph.node.count_publishers("/image"))
    again = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    ready(graph, again)
    answered(graph, again, 2 * SECOND)


def test_killed_under_load_and_started_again(graph, bench):
    """The dead node's latched result stays nobody's: the new one answers for itself."""
    first, publishers = begun(graph, bench, qos.sensor(5))
    stop = threading.Event()

    def stream() -> None:
        number = 2
        while not stop.wait(1 / 30):
            graph.send(publishers, observation(number * SECOND))
            number += 1

    camera = threading.Thread(target=stream)
    camera.start()
    try:
        until(lambda: len(graph.received["points"]) > 2)
        first.kill()
        until(lambda: not graph.node.count_publishers("/points"), what="the dead node is still known")
        newest = max(stamps(graph))
        second = bench.start()
        until(lambda: max(stamps(graph)) > newest, timeout=START, what="it did not come back")
        second.check()
    finally:
        stop.set()
        camera.join()


def test_parameters_change_during_inference(graph, bench):
    process, publishers = begun(graph, bench)
    kinds = {int: ParameterType.PARAMETER_INTEGER, str: ParameterType.PARAMETER_STRING}
    results = []
    for number in range(2, 12):
        graph.send(publishers, observation(number * SECOND))
        for name, value in (("mesh.resolution", 16 + number), ("mask_mode", ("binary", "labels", "both")[number % 3])):
            field = {"integer_value": value} if isinstance(value, int) else {"string_value": value}
            one = Parameter(name=name, value=ParameterValue(type=kinds[type(value)], **field))
            request = SetParameters.Request(parameters=[one])
            answer = graph.call(SetParameters, "/reconstruction/set_parameters", request).results[0]
            results.append((value, answer.successful, answer.reason))
    assert all(ok == (value != "both") for value, ok, _ in results)
    assert all("choose one of" in why for value, _, why in results if value == "both")
    answered(graph, publishers, 20 * SECOND)
    assert "Traceback" not in process.printed()


def test_two_namespaced_instances_keep_apart(graph, bench):
    for side in ("left", "right"):
        bench.start(namespace=side)
        graph.subscribe(interface.POINTS, f"/{side}/points")
    sides = {}
    for side in ("left", "right"):
        sides[side] = {
            t.name: graph.node.create_publisher(t.type, f"/{side}/{t.name}", qos.reliable(5))
            for t in interface.RECONSTRUCTION_INPUTS
        }
        ready(graph, sides[side])
    answered(graph, sides["left"], 1 * SECOND, "/left/points")
    answered(graph, sides["right"], 2 * SECOND, "/right/points")
    assert set(stamps(graph, "/left/points")) == {1 * SECOND}
    assert set(stamps(graph, "/right/points")) == {2 * SECOND}


def test_sigint_ends_it_within_two_seconds_and_leaves_nothing(graph, bench):
    process, _publishers = begun(graph, bench)
    pid = process._process.pid
    busy = max(os.getloadavg()[0] / (os.cpu_count() or 1), 1)
    began = time.monotonic()
    process._process.send_signal(2)
    assert process.wait(60) == 0
    assert time.monotonic() - began < 2 * busy
    output = process.printed()
    assert "cleanup done" in output
    assert "Traceback" not in output
    until(lambda: not graph.node.count_publishers("/points"))
    assert left_behind(pid) == []


def test_weights_replaced_while_running(graph, bench, tmp_path):
    """What was loaded goes on working; diagnostics say that the file is another one now."""
    import shutil

    from diagnostic_msgs.msg import DiagnosticArray

    for suffix in (".safetensors", ".json"):
        shutil.copy(bench.weights.with_suffix(suffix), tmp_path / f"mine{suffix}")
    heard = []
    graph.node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    _, publishers = begun(graph, bench, checkpoint=tmp_path / "mine.safetensors")

    def replaced() -> str:
        return {v.key: v.value for v in heard[-1].status[0].values}.get("weights_replaced", "") if heard else ""

    until(lambda: replaced() == "false")
    (tmp_path / "mine.safetensors").write_bytes(b"not weights at all")
    until(lambda: replaced() == "true")
    answered(graph, publishers, 2 * SECOND)
