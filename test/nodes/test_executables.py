"""The executables' entry points: how threads wait, and Ctrl-C before a node handles signals itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gsn_perception.nodes import executables

ROOT = Path(__file__).parents[2]
NAMES = ("reconstruction_node", "grasp_node", "bringup", "bag_play")


@pytest.mark.parametrize("body", ["raise KeyboardInterrupt", "def main():\n    raise KeyboardInterrupt"])
def test_an_early_interrupt_is_no_failure(body, tmp_path, monkeypatch):
    (tmp_path / "interrupted_node.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "interrupted_node", raising=False)
    assert executables.run_module("interrupted_node") == 0


def test_every_executable_has_its_entry_point():
    text = (ROOT / "setup.py").read_text()
    for name in NAMES:
        assert callable(getattr(executables, name))
        assert f'"{name}"' in text


@pytest.mark.parametrize(("given", "used"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
@pytest.mark.parametrize("name", ["reconstruction_node", "bringup"])
def test_torch_finds_the_policy_of_waiting_threads(name, given, used):
    """Also where the module is run without the entry point: it is set before torch is imported."""
    pytest.importorskip("rclpy")
    script = f"""
import os, sys, gsn_perception.process as process
def ahead(*modules):
    sys.exit(str(os.environ.get("OMP_WAIT_POLICY")) + str("torch" in sys.modules))
from gsn_perception.nodes import {name}
process.threading.Thread = lambda target, **_: ahead()
{name}.main([])
"""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == f"{used}False"
