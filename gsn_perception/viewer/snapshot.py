"""Takes a screenshot of the viewer's page, where a browser is installed."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.io import write_image
from gsn_perception.viewer.browser import Browser
from gsn_perception.viewer.browser import find_browser
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.server import start_viewer

NAME = "viewer.png"
_CLOSE_NOTES = "document.querySelectorAll('.mantine-Notification-closeButton').forEach(button => button.click())"


def take_snapshot(folder: Path, gripper: Gripper | None = None) -> bool:
    """Write ``viewer.png`` into an output folder: the first view of ``gsn view``.

    Returns:
        Whether it was written; False without a browser, and when the browser fails (with a message on stderr).

    Raises:
        InputError: the folder contains nothing to show or is damaged.
    """
    if find_browser() is None:
        return False
    results = Results.load(folder)
    try:
        write_image(folder / NAME, page_of(results, gripper or Gripper.named(results.gripper or "panda")))
    except InputError as error:
        print(f"no {NAME}: {error}", file=sys.stderr)
        return False
    return True


def page_of(results: Results, gripper: Gripper) -> np.ndarray:
    """A screenshot of the page after start, [H,W,3] uint8 RGB."""
    server = start_viewer(results, gripper, port=8090)
    try:
        with Browser(f"http://127.0.0.1:{server.get_port()}") as browser:
            browser.settled()
            browser.evaluate(_CLOSE_NOTES)  # hide the notification about software WebGL
            return browser.settled()
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()
