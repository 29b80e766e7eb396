"""The page as a browser draws it: the object is large and in the middle, switches and clicks do what they say."""

import numpy as np
import pytest
from viewer_made import write_folder

from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.io import read_image
from gsn_perception.viewer import browser as browser_module
from gsn_perception.viewer.browser import NAMES
from gsn_perception.viewer.browser import Browser
from gsn_perception.viewer.browser import find_browser
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.server import start_viewer
from gsn_perception.viewer.snapshot import take_snapshot

needs_browser = pytest.mark.skipif(
    find_browser() is None, reason=f"no browser: none of {', '.join(NAMES)} is on the path"
)
_PANEL = 940  # pixels from the left


def _red(picture):
    """Rows and columns of the ball's pixels."""
    part = picture[:, :_PANEL].astype(int)
    return np.nonzero((part[..., 0] > 60) & (part[..., 0] > 2 * part[..., 1:].max(axis=-1)))


def _press(page, text):
    page.evaluate(f"[...document.querySelectorAll('button')].find(b => b.textContent.trim() === '{text}').click()")


@pytest.mark.long
@needs_browser
def test_the_object_is_large_and_in_the_middle_of_the_first_picture(tmp_path):
    assert take_snapshot(write_folder(tmp_path))
    picture = read_image(tmp_path / "viewer.png")
    assert picture.shape == (800, 1280, 3)
    rows, columns = _red(picture)
    assert 0.05 < len(rows) / (800 * 1280) < 0.5
    assert abs(np.median(rows) - 400) < 80
    assert abs(np.median(columns) - 640) < 80
    assert 250 < np.ptp(rows) < 720  # whole
    green = (picture[..., 1] > 120) & (picture[..., [0, 2]].max(axis=-1) < 0.8 * picture[..., 1])
    assert green[:, :_PANEL].sum() > 1000  # the grasp
    assert (picture[700:, :200] < 235).all(axis=-1).sum() > 50  # the grid


@pytest.mark.long
@needs_browser
def test_switches_and_clicks(tmp_path):
    server = start_viewer(Results.load(write_folder(tmp_path)), Gripper.named("panda"))
    try:
        with Browser(f"http://127.0.0.1:{server.get_port()}") as page:
            whole = len(_red(page.settled())[0])
            _press(page, "measured")
            half = len(_red(page.settled())[0])
            assert 0.2 * whole < half < 0.95 * whole
            _press(page, "splat")
            assert 0.7 * whole < len(_red(page.settled())[0]) < 2 * whole
            fork = (picture := page.picture()[:, :_PANEL].astype(int))[..., 1] > picture[..., [0, 2]].max(axis=-1) + 60
            row = int(np.nonzero(fork.any(axis=1))[0][10])  # on the stem of the one that comes from above
            page.click(float(np.median(np.nonzero(fork[row])[0])), row)
            page.settled()
            text = page.evaluate("document.body.innerText")
            assert "grasp 1 of 2" in text
            assert "friction" in text
    finally:
        server.stop()


def test_without_a_browser_there_is_no_picture_and_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(browser_module.shutil, "which", lambda _name: None)
    assert not take_snapshot(write_folder(tmp_path))
    assert not (tmp_path / "viewer.png").exists()
    with pytest.raises(InputError, match="no browser was found"):
        Browser("http://127.0.0.1:1")


def test_a_browser_that_ends_at_once_gets_a_sentence():
    with pytest.raises(InputError, match="did not start"):
        Browser("http://127.0.0.1:1", executable="/bin/false")
