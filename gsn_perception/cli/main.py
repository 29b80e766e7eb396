"""``gsn`` command line: finds the command, parses its options, reports bad input as one sentence and an exit code.

A command is a module ``gsn_perception.cli.<name>``, or the module ``command`` of a package of that name. It has
``Options`` (a frozen dataclass, or a union of them for sub-commands) and ``run(options) -> int``. It is imported only
when it is used, so that ``gsn --help`` is fast.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

from gsn_perception.process import wait_passively

PACKAGE = "gsn_perception.cli"
COMMANDS = {
    "reconstruct": "one image -> Gaussians, point cloud, mesh and grasps in a folder",
    "grasp": "a mesh file -> ranked grasps",
    "demo": "run the ROS 2 nodes on a recorded table-top scene",
    "export": "convert a splat to glTF or SPZ, for other viewers",
    "view": "show an output folder in the browser",
    "bag": "make, inspect, play and evaluate rosbag2 recordings",
    "warmup": "compile all kernels ahead, e.g. when a container is built",
    "data": "build a training data set",
    "train": "train the network, or a surface network (train surface)",
    "experiment": "controlled training runs that answer a question about the network",
    "fit": "fit parameters of surface extraction or confidence on known objects",
    "eval": "measure quality",
    "bench": "measure speed",
}
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; ``sys.argv[1:]`` by default.

    Returns:
        The exit code: 0 success, 2 bad input (one sentence on stderr), 130 interrupted, anything else from the command.
    """
    wait_passively()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if threading.current_thread() is threading.main_thread():  # `kill` must not leave nodes or a browser running
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        return _dispatch(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of the pipe closed it: not an error here, but printing is no longer possible
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ValueError as error:
        from gsn_perception.geometry.errors import InputError

        if not isinstance(error, InputError):
            raise
        return _complain(str(error))


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_usage(), flush=True)
        return 0 if words else EXIT_BAD_INPUT
    if words[0] == "--version":
        from gsn_perception import __version__

        print(f"gsn_perception {__version__}", flush=True)
        return 0
    if words[0] not in _available():
        return _complain(f"there is no command {words[0]!r}; choose one of {', '.join(_available())}")
    return _run(words[0], words[1:])


def _run(command: str, words: list[str]) -> int:
    import tyro

    module, name = module_of(command), f"gsn {command}"
    subcommands = getattr(module, "SUBCOMMANDS", {})
    if words and words[0] in subcommands:
        name += f" {words[0]}"
        module, words = importlib.import_module(f"{PACKAGE}.{subcommands[words[0]]}"), words[1:]
    options = tyro.cli(module.Options, args=_join_negative(words), prog=name, description=module.__doc__)
    return int(module.run(options) or 0)


def _join_negative(words: list[str]) -> list[str]:
    """``--support-plane -0.1,-0.9,0,0.5`` as one word, because the parser would read ``-0.1,...`` as an option."""
    joined: list[str] = []
    for word in words:
        if re.match(r"-[\d.]", word) and "," in word and joined and re.fullmatch(r"--[\w.-]+", joined[-1]):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    return joined


def module_of(command: str) -> ModuleType:
    """The module with the options of a command, imported."""
    module = importlib.import_module(f"{PACKAGE}.{command}")
    return importlib.import_module(f"{module.__name__}.command") if hasattr(module, "__path__") else module


def _available() -> list[str]:
    return [name for name in COMMANDS if importlib.util.find_spec(f"{PACKAGE}.{name}") is not None]


def _usage() -> str:
    rows = "\n".join(f"  {name:<12} {COMMANDS[name]}" for name in _available())
    return (
        "usage: gsn COMMAND [options]\n\nFrom one image to Gaussians, point cloud, watertight mesh and grasps.\n\n"
        f"commands:\n{rows}\n\ngsn COMMAND --help shows a command's options, gsn --version the version"
    )


def _complain(sentence: str) -> int:
    print(f"gsn: {' '.join(sentence.split())}", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
