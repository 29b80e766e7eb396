"""Show an output folder (Gaussians, points, mesh, grasps) in the browser."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import tyro

if TYPE_CHECKING:
    from gsn_perception.grasping import Gripper

_DEFAULT = "panda"


@dataclass(frozen=True)
class Options:
    """Options of ``gsn view``."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The --out folder of gsn reconstruct or gsn demo."""
    gripper: str = ""
    """Gripper drawn at the grasps: name of a shipped gripper or a YAML file; by default the gripper of the plan."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 allows access from other machines."""
    port: int = 8080
    """Port; if it is in use, the next free one is used."""
    seconds: float | None = None
    """Stop after this time; by default run until Ctrl-C."""


def run(options: Options) -> int:
    """Serve until interrupted."""
    from gsn_perception.viewer.results import Results
    from gsn_perception.viewer.server import start_viewer

    results = Results.load(options.folder)
    server = start_viewer(results, _gripper(options.gripper, results.gripper), host=options.host, port=options.port)
    here = "localhost" if options.host in ("0.0.0.0", "::") else options.host
    end = float("inf") if options.seconds is None else time.monotonic() + options.seconds
    try:
        print(f"open http://{here}:{server.get_port()} in a browser; Ctrl-C stops", flush=True)
        while time.monotonic() < end:
            time.sleep(min(0.5, max(0.0, end - time.monotonic())))
    except KeyboardInterrupt:
        pass
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()
    return 0


def _gripper(wanted: str, planned_for: str) -> Gripper:
    """The requested gripper, else the one in the report, else the default if that one is not available."""
    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.geometry import InputError

    if wanted or not planned_for:
        return choose_gripper(wanted or _DEFAULT)
    try:
        return choose_gripper(planned_for)
    except InputError as error:
        print(f"{error}; drawing {_DEFAULT}, --gripper chooses another", file=sys.stderr)
        return choose_gripper(_DEFAULT)
