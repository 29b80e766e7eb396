"""What `gsn bench ros` and `gsn bench soak` count and print; the processes themselves are run by the commands."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image

from gsn_perception.ros.bench.camera import noise_frame
from gsn_perception.ros.bench.camera import serialised
from gsn_perception.ros.bench.camera import stamped
from gsn_perception.ros.bench.figure import Figure
from gsn_perception.ros.bench.figure import as_dicts
from gsn_perception.ros.bench.figure import figure_table
from gsn_perception.ros.bench.soak import NODES
from gsn_perception.ros.bench.soak import Sample
from gsn_perception.ros.bench.soak import Soak
from gsn_perception.ros.bench.soak import memory_growth
from gsn_perception.ros.bench.soak import soak_figures
from gsn_perception.ros.bench.soak import unaccounted
from gsn_perception.ros.bench.soak_picture import draw_soak
from gsn_perception.ros.messages.headers import stamp_to_ns


def test_a_stamp_is_put_into_a_serialised_message():
    frame = noise_frame(3)
    made = serialised(frame)
    assert list(made)[-1] == "image"
    for stamp in (7_000_000_001, 1_700_000_000_999_999_999):
        image = deserialize_message(stamped(made["image"], stamp), Image)
        info = deserialize_message(stamped(made["camera_info"], stamp), CameraInfo)
        assert stamp_to_ns(image.header.stamp) == stamp_to_ns(info.header.stamp) == stamp
        assert image.header.frame_id == info.header.frame_id == frame.frame_id
        np.testing.assert_array_equal(np.frombuffer(image.data, np.uint8), frame.image.reshape(-1))


def test_figures_say_whether_their_aim_is_met():
    figures = [
        Figure("latency", 12.0, "ms", 15),
        Figure("received", 98.0, "%", 99, least=True),
        Figure("unknown", float("nan"), "ms", 1),
        Figure("plain", 3.0),
    ]
    assert [f.met for f in figures] == [True, False, False, None]
    lines = figure_table(figures, "what").splitlines()
    assert lines[2] == "| latency | 12 ms | <= 15 ms | yes |"
    assert lines[3] == "| received | 98 % | >= 99 % | **no** |"
    assert lines[4] == "| unknown | - | <= 1 ms | **no** |"
    assert [d["met"] for d in as_dicts(figures)] == [True, False, False, None]


def made_soak(growth: float = 1.0, lost: int = 0, complaints=()) -> Soak:
    """600 s; memory settles at 120 s and grows by ``growth`` per cent from there; ``lost`` frames have no account."""
    seconds = np.arange(1, 601)
    resident = np.where(seconds < 120, 1e9 * seconds / 120, 1e9 * (1 + growth / 100 * (seconds - 120) / 480))
    samples = [
        Sample(float(t), dict.fromkeys(NODES, int(m)), {"overtaken": 20 * int(t), "object": 5}, 10 * int(t) - lost)
        for t, m in zip(seconds, resident, strict=True)
    ]
    full = np.arange(1000) % 3  # number of objects; none takes no time
    rows = np.stack([np.linspace(0, 600, 1000), np.where(full > 0, np.linspace(1, 1.5, 1000), 0.01), full], axis=1)
    return Soak(601.0, samples, {"gaussians": rows, "grasps/table": rows}, 18_050, 18_000, list(complaints))


def test_the_soak_counts_memory_latency_and_frames():
    found = {f.name: f for f in soak_figures(made_soak())}
    assert all(f.met is not False for f in found.values())
    assert found["image -> gaussians: latency p50 with objects"].value == pytest.approx(1.25, abs=0.01)
    assert found["images lost before the node (best effort)"].value == 50
    assert found["dropped or remarked: overtaken"].value == 12_000
    assert memory_growth(made_soak(growth=1.0), NODES[0])[0] == pytest.approx(0.9, abs=0.05)  # medians over a tenth


def test_latencies_are_told_by_the_number_of_objects():
    rows = np.array([(0, 0.1, 1)] * 94 + [(0, 0.3, 3)] * 6 + [(0, 0.001, 0)] * 50)
    found = {f.name: f for f in soak_figures(replace(made_soak(), latencies={"grasps/table": rows}))}
    assert found["image -> grasps/table: latency p95 with objects"].met is False  # 3 times the median
    assert found["image -> grasps/table: 94 frames with 1 object, p95"].value == pytest.approx(0.1)
    assert found["image -> grasps/table: 6 frames with 3 objects, p50"].value == pytest.approx(0.3)
    nothing = soak_figures(replace(made_soak(), latencies={"gaussians": rows[:0]}))
    assert "image -> gaussians: results" in [f.name for f in nothing if f.met is False]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"growth": 5.0}, "reconstruction_node: memory growth after 120 s"),
        ({"lost": 100}, "frames without an account"),
        ({"complaints": ["node: Traceback"]}, "exceptions"),
    ],
)
def test_the_soak_says_what_misses_its_aim(changes, name):
    missed = [f.name for f in soak_figures(made_soak(**changes)) if f.met is False]
    assert name in missed
    assert len(missed) <= 2  # both nodes have the same memory here


def test_remarks_on_finished_frames_are_no_drops():
    found = made_soak(lost=7)
    assert unaccounted(found) == 7


def test_the_curves_are_drawn(tmp_path):
    draw_soak(tmp_path / "soak.png", made_soak(), "a machine")
    assert (tmp_path / "soak.png").stat().st_size > 10_000
