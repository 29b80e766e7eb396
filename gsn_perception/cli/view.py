"""Show an output folder (Gaussians, points, mesh, grasps) in the browser."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Options:
    """Options of ``gsn view``."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The --out folder of gsn reconstruct or gsn demo."""
    gripper: str = "panda"
    """Drawn at the grasps: name of a shipped gripper or a YAML file."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines look."""
    port: int = 8080
    """Port; the next free one is taken when it is in use."""
    seconds: float | None = None
    """Stop after this long; until Ctrl-C by default."""


def run(options: Options) -> int:
    """Serve until interrupted."""
    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.viewer.results import Results
    from gsn_perception.viewer.scene import start_viewer

    gripper = choose_gripper(options.gripper)
    server = start_viewer(Results.load(options.folder), gripper, host=options.host, port=options.port)
    print(f"open http://{options.host}:{server.get_port()} in a browser; Ctrl-C stops", flush=True)
    end = float("inf") if options.seconds is None else time.monotonic() + options.seconds
    try:
        while time.monotonic() < end:
            time.sleep(min(0.5, max(0.0, end - time.monotonic())))
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
    return 0
