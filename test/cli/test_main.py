"""The command line's shell: quick help, one sentence and an exit code for bad input, commands found when asked."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
import types
from dataclasses import dataclass

import pytest
from waiting import LIMIT

from gsn_perception.cli import main as shell
from gsn_perception.geometry import InputError


def test_help_is_printed_without_the_heavy_libraries():
    script = (
        "import sys; from gsn_perception.cli.main import main; code = main(['--help']);"
        "heavy = {'torch', 'numba', 'open3d', 'trimesh', 'rclpy', 'viser', 'cv2', 'scipy'} & set(sys.modules);"
        "sys.exit(code or bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "usage: gsn COMMAND" in done.stdout


def test_every_command_listed_has_a_module_with_options_and_run(capsys):
    assert shell.main(["--help"]) == 0
    usage = capsys.readouterr().out
    for name in shell.COMMANDS:
        there = importlib.util.find_spec(f"gsn_perception.cli.{name}") is not None
        assert (f"\n  {name} " in usage) == there


@pytest.mark.parametrize("name", [n for n in shell.COMMANDS if importlib.util.find_spec(f"gsn_perception.cli.{n}")])
def test_options_of_every_command_are_documented(name, capsys):
    with pytest.raises(SystemExit) as caught:
        shell.main([name, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def _command(monkeypatch, run):
    @dataclass(frozen=True)
    class Options:
        plane: str = ""

    module = types.ModuleType("gsn_perception.cli.fake")
    module.Options, module.run = Options, run
    monkeypatch.setitem(sys.modules, "gsn_perception.cli.fake", module)
    monkeypatch.setattr(shell, "_available", lambda: ["fake"])


def _fails(error):
    def run(_options):
        raise error

    return run


def test_bad_input_is_one_sentence_and_exit_code_2(monkeypatch, capsys):
    _command(monkeypatch, _fails(InputError("the mask is empty;\n draw one")))
    assert shell.main(["fake"]) == 2
    assert capsys.readouterr().err == "gsn: the mask is empty; draw one\n"


def test_other_errors_are_not_hidden(monkeypatch):
    _command(monkeypatch, _fails(ValueError("a bug")))
    with pytest.raises(ValueError, match="a bug"):
        shell.main(["fake"])


def test_an_interrupt_is_exit_code_130(monkeypatch):
    _command(monkeypatch, _fails(KeyboardInterrupt()))
    assert shell.main(["fake"]) == 130


def test_a_list_that_starts_with_a_minus_is_a_value(monkeypatch):
    seen = []
    _command(monkeypatch, lambda options: seen.append(options.plane))
    for words in (["--plane", "-0.1,-0.9,0,0.5"], ["--plane=-0.1,-0.9,0,0.5"]):
        assert shell.main(["fake", *words]) == 0
    assert seen == ["-0.1,-0.9,0,0.5"] * 2


def test_unknown_commands_and_no_command(capsys):
    assert shell.main(["sing"]) == 2
    assert "there is no command 'sing'" in capsys.readouterr().err
    assert shell.main([]) == 2
    assert shell.main(["--version"]) == 0
    assert "0.1.0" in capsys.readouterr().out


def test_sigterm_ends_a_command_as_an_interrupt_so_that_what_it_started_ends_too(monkeypatch, capsys):
    ended = []

    def dispatch(words):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            ended.append(words)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(shell, "_dispatch", dispatch)
    try:
        assert shell.main(["demo"]) == shell.EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended == [["demo"]]
    assert "interrupted" in capsys.readouterr().err
