"""Processes of a graph end side by side: a busy node must not make the others wait for their signal."""

import os
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from gsn_perception.ros.processes.graph import NodeGraph

ROOT = Path(__file__).parents[3]
ENDER = """
import signal, sys, time
from pathlib import Path
here, name = Path(__file__).parent, __spec__.name.rsplit(".", 1)[-1]

def end(*_):
    (here / f"{name}.asked").touch()
    while len(list(here.glob("*.asked"))) < 2:  # as long as the other one has not been asked
        time.sleep(0.05)
    sys.exit(0)

signal.signal(signal.SIGINT, end)
(here / f"{name}.ready").touch()
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def test_all_are_asked_before_one_is_waited_for(tmp_path, monkeypatch):
    from gsn_perception.ros.processes.collector import Collector

    package = tmp_path / "enders"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("first", "second"):
        (package / f"{name}.py").write_text(ENDER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    graph = NodeGraph({"enders.first": {}, "enders.second": {}}, topics=(), logs=tmp_path, domain=1)
    with graph._group:
        processes = [graph.start(name) for name in ("enders.first", "enders.second")]
        for process in processes:
            assert Collector.wait(None, lambda p=process: "ready" in p.printed(), 120, process.check)
    assert [process.wait(0) for process in processes] == [0, 0]
