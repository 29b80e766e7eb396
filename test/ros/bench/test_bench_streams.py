"""What the parts `activations` and `late` of `gsn bench ros` count; the processes are run by test/nodes."""

import importlib.util

import pytest

pytest.importorskip("rclpy")
from gsn_perception.geometry import InputError
from gsn_perception.ros.bench import camera_graph
from gsn_perception.ros.bench.lifecycle import activations
from gsn_perception.ros.bench.streams import late_masks
from gsn_perception.ros.bench.streams import transport
from gsn_perception.ros.bench.streams.late_masks import CASES
from gsn_perception.ros.bench.streams.late_masks import LATE
from gsn_perception.ros.bench.streams.late_masks import Case
from gsn_perception.ros.bench.streams.late_masks import Count
from gsn_perception.ros.bench.streams.late_masks import late_figures
from gsn_perception.ros.bench.streams.segmented_camera import LABEL
from gsn_perception.ros.bench.streams.segmented_camera import LateSegmenter
from gsn_perception.ros.bench.streams.segmented_camera import segmented_frame


def masks_of(segmenter, rate, seconds):
    """(when, stamp) of the masks; stamps are when the image came."""
    found, number = [], 0
    while number < rate * seconds or segmenter.next() < float("inf"):
        due = number / rate
        if segmenter.next() <= due:
            now = segmenter.next()
            found.append((now, segmenter.take(now)))
        else:
            if number < rate * seconds:
                segmenter.add_image(round(1e9 * due), due)
            number += 1
    return found


def test_a_segmenter_looks_at_the_newest_image_when_it_is_free():
    found = masks_of(LateSegmenter(0.4, every=False), 30, 4)
    assert 9 <= len(found) <= 10
    assert all(now - stamp / 1e9 == pytest.approx(0.4) for now, stamp in found)
    every = masks_of(LateSegmenter(1.0, every=True), 30, 4)
    assert [stamp for _, stamp in every] == [round(1e9 * number / 30) for number in range(120)]
    assert masks_of(LateSegmenter(0.0, every=False), 30, 1) == []


def test_the_mask_of_the_scene_holds_one_of_two_objects():
    frame = segmented_frame(0)
    assert set(frame.mask.ravel()) == {0, LABEL}
    assert 1000 < (frame.mask > 0).sum() < 60_000


def test_answers_about_what_has_no_mask_are_counted():
    seen = {
        "sent": {"mask": [1, 2, 3], "depth": [1, 2, 3, 4]},
        "results": [(1, [LABEL]), (2, []), (3, [1]), (4, [LABEL])],
    }
    assert Count.of(seen, 3) == Count(due=3, joined=3, results=4, made_up=2)
    seen = {"sent": {"depth": [1, 3]}, "results": [(1, [1, 2]), (2, [1])]}
    assert Count.of(seen, 2) == Count(due=2, joined=2, results=2, made_up=1)


def test_the_figures_of_late_masks():
    assert {(case.rate, case.late) for case in LATE} == {(r, s) for r in (5, 15, 30) for s in (0.2, 0.4, 1.0)}
    assert len({case.name for case in CASES}) == len(CASES)
    counts = {Case(30.0, 0.4): Count(100, 94, 5, 0), Case(30.0, 0.0, depth_every=2): Count(100, 96, 5, 1)}
    lines = {f.name: f for f in late_figures(counts)}
    assert [f.met for f in lines.values()] == [False, True, True, False]
    assert lines["colour 30 Hz, depth 15 Hz: depth images used"].value == 96


class Graph:
    """A node that dies at its third check and comes back."""

    def __init__(self):
        self.checks, self.started = 0, []

    def check(self):
        self.checks += 1
        if self.checks == 3:
            raise InputError("reconstruction_node ended with code 1: KeyError: 'image'")

    def start(self, module):
        self.started.append(module)

    def report(self, module):
        return {"state": "active"}

    def wait(self, done, timeout, what):
        assert done()


class Transitions:
    """Refuses the second activation."""

    def __init__(self):
        self.asked = []

    def change(self, transition, timeout):
        self.asked.append(transition)
        return self.asked.count(activations.ACTIVATE) != 2 or transition != activations.ACTIVATE


def test_deaths_and_refusals_are_counted_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setattr(activations, "_LONGEST_STAY", 0.0)
    graph, found = Graph(), activations.Activations()
    activations._activate_repeatedly(6, graph, Transitions(), found)
    assert (len(found.seconds), found.refused, graph.started) == (5, 1, ["reconstruction_node"])
    assert found.deaths == ["reconstruction_node ended with code 1: KeyError: 'image'"]


@pytest.mark.parametrize(
    "module",
    [camera_graph.CAMERA, activations.LOAD, late_masks.CAMERA, transport._CAMERA, transport._RECEIVER],
)
def test_the_modules_that_run_as_processes_exist(module):
    assert importlib.util.find_spec(module) is not None
