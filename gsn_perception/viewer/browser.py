"""Controls a headless Chromium over the DevTools protocol, for screenshots of the viewer; software rendering, no GPU."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from gsn_perception.geometry import InputError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--remote-debugging-port=0",
)
_POLL = 0.5  # seconds between two screenshots


def find_browser() -> str | None:
    """The first Chromium or Chrome on the path; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page in its own Chromium process, open for the duration of the ``with`` block.

    Args:
        url: Opened at start.
        size: Width and height in pixels.
        timeout: Seconds to wait for the browser to start, and for each of its answers.
        executable: The browser; by default the first one found.

    Raises:
        InputError: there is no browser, or it does not start.
    """

    def __init__(
        self, url: str, size: tuple[int, int] = (1280, 800), timeout: float = 60.0, executable: str | None = None
    ) -> None:
        executable = executable or find_browser()
        if executable is None:
            raise InputError(f"no browser was found; install one of {', '.join(NAMES)}")
        self._timeout = timeout
        self._number = 0
        with contextlib.ExitStack() as stack:
            profile = stack.enter_context(tempfile.TemporaryDirectory(prefix="gsn-", ignore_cleanup_errors=True))
            words = [executable, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", url]
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(words, **quiet, start_new_session=True)  # type: ignore[call-overload]
            stack.callback(_end, self._process)
            port = self._wait(lambda: _debugging_port(Path(profile)), "did not start")
            page = self._wait(lambda: _page(port), "opened no page")
            try:
                self._socket = stack.enter_context(connect(page, max_size=None, open_timeout=timeout))
            except (OSError, WebSocketException) as error:
                raise InputError(f"the browser cannot be talked to ({error})") from None
            metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
            self.call("Emulation.setDeviceMetricsOverride", **metrics)
            self._stack = stack.pop_all()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its answer.

        Raises:
            InputError: the browser refuses it or does not answer in time.
        """
        self._number += 1
        end = time.monotonic() + self._timeout
        try:
            self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
            return self._answer(method, end)
        except TimeoutError:
            raise InputError(f"the browser did not answer {method} within {self._timeout:.0f} s") from None
        except WebSocketException as error:
            raise InputError(f"the browser went away during {method} ({error})") from None

    def _answer(self, method: str, end: float) -> dict[str, Any]:
        while True:
            answer = json.loads(self._socket.recv(timeout=max(0.0, end - time.monotonic())))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise InputError(f"the browser refuses {method}: {answer['error'].get('message')}")
                return answer["result"]

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self) -> np.ndarray:
        """A screenshot of the page, [H,W,3] uint8 RGB."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise InputError("the browser sent a screenshot that is not an image")
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)

    def settled(self, seconds: float = 60.0) -> np.ndarray:
        """The first screenshot that is equal to the next three, or the last one after ``seconds``."""
        end, alike = time.monotonic() + seconds, 0
        before = self.picture()
        while alike < 3 and time.monotonic() < end:
            time.sleep(_POLL)
            now = self.picture()
            alike = alike + 1 if np.array_equal(now, before) else 0
            before = now
        return before

    def click(self, x: float, y: float) -> None:
        """Click the left mouse button at a pixel."""
        for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)
            time.sleep(0.1)

    def _wait(self, look: Any, complaint: str) -> Any:
        end = time.monotonic() + self._timeout
        while (found := look()) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise InputError(f"the browser {complaint}; start {self._process.args[0]} by hand to see why")
            time.sleep(0.1)
        return found


def _debugging_port(profile: Path) -> int | None:
    try:
        return int((profile / "DevToolsActivePort").read_text().splitlines()[0])
    except (OSError, IndexError, ValueError):
        return None


def _page(port: int) -> str | None:
    """WebSocket address of the debugger of the first page."""
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
            pages = json.load(answer)
    except (OSError, ValueError):
        return None
    return next((p["webSocketDebuggerUrl"] for p in pages if p.get("type") == "page"), None)


def _end(process: subprocess.Popen) -> None:
    """Terminate the browser and its child processes, which share its session."""
    import os

    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
