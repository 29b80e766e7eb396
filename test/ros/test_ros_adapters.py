"""What may be missing: the sentences, fixed transforms, TF and MoveIt with stand-in modules, diagnostics."""

import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.ros import optional
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.node.diagnostics import Diagnostics
from gsn_perception.ros.parameters.pose import pose_matrix
from gsn_perception.ros.transforms.sources import FixedTransforms
from gsn_perception.ros.transforms.sources import TfTransforms

HEADER = make_header(5_000_000_007, "cam")


@pytest.mark.parametrize("name", ["tf2_ros", "moveit_msgs", "moveit_msgs.msg", "rosbags", "rclpy"])
def test_missing_modules_say_what_to_install(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    assert optional.find(name) is None
    with pytest.raises(InputError, match=r"install|run"):
        optional.require(name)


def test_broken_modules_count_as_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_bridge.py").write_text("import numpy\nnumpy.this_is_gone\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert optional.find("broken_bridge") is None


def test_fixed_transforms():
    rotation = Rotation.from_euler("xyz", [0.1, 0.2, 0.3])
    source = FixedTransforms([1.0, 2.0, 3.0, *rotation.as_quat()])
    np.testing.assert_allclose(source.lookup("base", "cam", 0), make_transform(rotation.as_matrix(), [1, 2, 3]))
    np.testing.assert_array_equal(source.lookup("cam", "cam", 0), np.eye(4))
    for wrong in ([0.0] * 7, [0.0] * 6, [np.nan] * 7):
        with pytest.raises(InputError, match="x y z qx qy qz qw"):
            pose_matrix(wrong)


def test_tf_without_tf2_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    with pytest.raises(InputError, match="camera_to_target"):
        TfTransforms(None, 0.0)


def values(message):
    return {v.key: v.value for v in message.status[0].values}


def test_diagnostics_count_rates_latencies_and_drops():
    diagnostics = Diagnostics("/left/reconstruction")
    for _ in range(3):
        diagnostics.count("image")
    diagnostics.latency({"skin": 0.1})
    diagnostics.latency({"skin": 0.3})
    diagnostics.drop("stale", "the frame is too old")
    message = diagnostics.message(Time(sec=3), "active")
    assert stamp_to_ns(message.header.stamp) == 3_000_000_000
    assert (message.status[0].name, message.status[0].level) == ("/left/reconstruction: frames", DiagnosticStatus.WARN)
    assert message.status[0].message == "the frame is too old"
    found = values(message)
    assert (found["state"], found["image.total"], found["dropped.stale"]) == ("active", "3", "1")
    assert (found["latency.skin.mean_ms"], found["latency.skin.max_ms"]) == ("200.0", "300.0")
    assert float(found["image.rate_hz"]) > 0


def test_diagnostics_levels():
    diagnostics = Diagnostics("node")
    assert diagnostics.message(Time(), "inactive").status[0].level == DiagnosticStatus.OK
    diagnostics.drop("stale", "old")
    diagnostics.message(Time(), "active")
    again = diagnostics.message(Time(), "active")
    assert (again.status[0].level, values(again)["dropped.stale"]) == (DiagnosticStatus.OK, "1")
    assert diagnostics.message(Time(), "active", "waiting for image").status[0].level == DiagnosticStatus.WARN
    diagnostics.fail("configure failed: no weights")
    failed = diagnostics.message(Time(), "unconfigured").status[0]
    assert (failed.level, failed.message) == (DiagnosticStatus.ERROR, "configure failed: no weights")
    diagnostics.recover()
    assert diagnostics.message(Time(), "inactive").status[0].level == DiagnosticStatus.OK


def test_stamps():
    assert stamp_to_ns(make_header(1_700_000_000_123_456_789, "x").stamp) == 1_700_000_000_123_456_789


def test_percentiles_are_of_the_last_frames():
    diagnostics = Diagnostics("node")
    for value in [9.0] * 50 + [i / 1000 for i in range(1, 301)]:
        diagnostics.latency({"total": value})
    found = values(diagnostics.message(Time(), "active"))
    assert float(found["latency.total.p50_ms"]) == pytest.approx(150, abs=2)
    assert float(found["latency.total.p95_ms"]) == pytest.approx(285, abs=2)


def test_why_nothing_is_published_is_always_said():
    diagnostics = Diagnostics("node")

    def why(state="active", waiting=""):
        return values(diagnostics.message(Time(), state, waiting))["why_nothing"]

    assert "configure and activate" in why("unconfigured")
    assert why(waiting="waiting for image") == "waiting for image"
    assert why() == "no new frame was finished"
    diagnostics.count("frames")
    assert "nobody is subscribed" in why()
    diagnostics.drop("bad_frame", "the image is damaged")
    assert why() == why() == "the image is damaged", "it stays until something is published"
    diagnostics.publish("mesh", empty=True)
    assert why() == "the image is damaged", "an empty result is no result"
    diagnostics.count("frames")
    diagnostics.publish("mesh", empty=True)
    diagnostics.publish("points")
    assert why() == ""
    assert why() == "no new frame was finished"
    diagnostics.fail("configure failed: no weights")
    assert why("unconfigured") == "configure failed: no weights"


def test_empty_results_are_no_results():
    diagnostics = Diagnostics("node")

    def why():
        return values(diagnostics.message(Time(), "active"))["why_nothing"]

    diagnostics.count("frames")
    diagnostics.publish("grasps", empty=True)
    assert why() == "every result was empty"
    diagnostics.empty_result("there is no object to grasp")
    diagnostics.count("frames")
    diagnostics.publish("grasps", empty=True)
    message = diagnostics.message(Time(), "active").status[0]
    assert {v.key: v.value for v in message.values}["why_nothing"] == "there is no object to grasp"
    assert message.level == DiagnosticStatus.OK, "nothing to grasp is no fault"


def test_facts_are_among_the_values():
    assert values(Diagnostics("node").message(Time(), "active", facts={"device": "cpu"}))["device"] == "cpu"
