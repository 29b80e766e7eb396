"""Checks of launch arguments and parameter files before a launch file starts anything. Imports neither ROS nor numpy."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

NODES = ("reconstruction", "grasp")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


class LaunchError(RuntimeError):
    """Ends a launch with one sentence and an exit code that is not 0."""


def is_true(name: str, text: str) -> bool:
    """A launch argument as a bool.

    Raises:
        LaunchError: it is neither true nor false.
    """
    word = text.strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise LaunchError(f"{name} is {text!r}; give true or false")
    return word in _TRUE


def misspelt(given: Iterable[str], known: Collection[str]) -> list[str]:
    """A sentence for every unknown name that is close to a known one; launch itself accepts any name."""
    out = []
    for name in given:
        near = [] if name in known else get_close_matches(name, known, n=1, cutoff=0.7)
        out += [f"there is no launch argument {name!r}, which is ignored; did you mean {near[0]!r}?"] if near else []
    return out


def check_file(name: str, path: str, *, folder: bool = False) -> None:
    """Check that the launch argument ``name`` is an existing file, or (with ``folder``) a file or folder.

    Raises:
        LaunchError: it does not exist.
    """
    found = Path(path).expanduser()
    if not (found.is_file() or (folder and found.is_dir())):
        raise LaunchError(f"there is no {'recording' if folder else 'file'} {path!r}; check {name}:=")


def read_params(path: str) -> dict[str, Any]:
    """A YAML parameter file: node name to content; empty without one.

    Raises:
        LaunchError: it is missing, no YAML or no mapping.
    """
    if not path:
        return {}
    check_file("params_file", path)
    import yaml

    try:
        found = yaml.safe_load(Path(path).expanduser().read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise LaunchError(f"params_file {path!r} can't be read as YAML ({reason}); mend it") from error
    if not isinstance(found, dict):
        raise LaunchError(f"params_file {path!r} holds no nodes; begin it with a node's name and ros__parameters:")
    return found


def misspelt_nodes(params: dict[str, Any]) -> list[str]:
    """A sentence for every unknown node name of a parameter file that is close to one of our nodes."""
    out = []
    for key in map(str, params):
        name = key.rstrip("/").rsplit("/", maxsplit=1)[-1]
        near = [] if name in NODES else get_close_matches(name, NODES, n=1, cutoff=0.7)
        if near:
            out.append(
                f"params_file: no node is called {key!r}, whose parameters are ignored; did you mean {near[0]!r}?"
            )
    return out


def fixed_frame(params: dict[str, Any]) -> str:
    """``target_frame`` of the node ``reconstruction`` in a parameter file; empty where it is not set."""
    found = ""
    for key, below in params.items():
        name = str(key).rstrip("/").rsplit("/", maxsplit=1)[-1]
        values = below.get("ros__parameters") if isinstance(below, dict) else None
        if name in ("**", "*", NODES[0]) and isinstance(values, dict):
            found = str(values.get("target_frame") or found)
    return found
