import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import gsn_perception
from gsn_perception.cli.main import main
from gsn_perception.evaluation.speed.compare import trees

ROOT = Path(gsn_perception.__file__).resolve().parents[1]
needs_history = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: no commit to compare with")


@pytest.mark.long  # compiles all kernels anew
@needs_history
def test_a_commit_against_itself_is_about_as_fast(tmp_path, capsys):
    words = ["--against", "HEAD", "--rev", "HEAD", "--figures", "gaussians", "--rounds", "1", "--calls", "9"]
    assert main(["bench", "compare", *words, "--cache", str(tmp_path), "--json", str(tmp_path / "c.json")]) == 0
    printed = capsys.readouterr()
    found = json.loads((tmp_path / "c.json").read_text())
    for quantity in ("wall s", "CPU s"):
        ratio = found["figures"]["gaussians"][quantity]
        assert ratio["pairs"] == 9
        assert 0.3 < ratio["ratio"] < 3
        assert ratio["lower"] <= ratio["ratio"] <= ratio["upper"]
        assert 0 < ratio["after"] < 60
        assert f"| image -> Gaussians, batch 1, {quantity} |" in printed.out
    assert "round 1 of 1" in printed.err


@needs_history
def test_an_unknown_revision_is_one_sentence(tmp_path, capsys):
    assert main(["bench", "compare", "--against", "no-such-revision", "--cache", str(tmp_path)]) == 2
    assert "git knows no revision 'no-such-revision'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["rounds", "calls", "repeats", "seconds"])
def test_numbers_must_be_positive(option, capsys):
    assert main(["bench", "compare", "--against", "HEAD", f"--{option}", "0"]) == 2
    assert f"--{option} is 0" in capsys.readouterr().err


def test_outside_a_repository_it_says_so(tmp_path, capsys, monkeypatch):
    (tmp_path / "gsn_perception").mkdir()
    monkeypatch.setattr(trees.gsn_perception, "__file__", str(tmp_path / "gsn_perception" / "__init__.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["bench", "compare", "--against", "HEAD"]) == 2
    assert "not a git repository" in capsys.readouterr().err


@pytest.mark.long
@needs_history
def test_an_interrupt_ends_the_workers(tmp_path):
    words = ["bench", "compare", "--against", "HEAD", "--figures", "mesh", "--cache", str(tmp_path)]
    command = [sys.executable, "-m", "gsn_perception.cli.main", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stderr:
            if line.startswith("warm-up"):
                break
        deadline = time.monotonic() + 120
        while not (workers := psutil.Process(process.pid).children()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
    psutil.wait_procs(workers, timeout=60)
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.long
@pytest.mark.dds
@needs_history
def test_the_nodes_of_two_trees(tmp_path):
    words = ["--against", "HEAD", "--figures", "nodes", "nodes_memory", "--rounds", "1", "--calls", "1"]
    words += ["--seconds", "3", "--cache", str(tmp_path), "--json", str(tmp_path / "c.json")]
    assert main(["bench", "compare", *words]) == 0
    figures = json.loads((tmp_path / "c.json").read_text())["figures"]
    assert figures["nodes, three objects, image -> grasps/table"]["wall s"]["after"] > 0
    assert figures["nodes, start to first grasps"]["CPU s"]["after"] > 0.5
    assert figures["memory of the nodes"]["grasp settled MB"]["after"] > 50
