from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import gripper_names
from gsn_perception.grasping.figure import draw_grasp_frame
from gsn_perception.grasping.glyph import glyph
from gsn_perception.grasping.gripper import _folder


@pytest.mark.parametrize("name", ["panda", "robotiq_2f85", "generic"])
def test_shipped_gripper_is_sound(name):
    gripper = Gripper.named(name)
    assert name in gripper_names()
    assert 0.05 < gripper.max_width < 0.2
    assert gripper.finger_depth > gripper.pad_back
    assert gripper.tip == pytest.approx(gripper.pad_front, abs=1e-3)


def test_fingers_are_mirrored_and_open_with_the_width():
    gripper = Gripper.named("panda")
    boxes = gripper.boxes(np.array([0.02, 0.08]))
    fingers = 2 * len(gripper.fingers)
    left, right = boxes[:, 0:fingers:2], boxes[:, 1:fingers:2]
    np.testing.assert_allclose(left[:, :, 0, 1], -right[:, :, 1, 1])
    np.testing.assert_allclose(left[1, :, :, 1] - left[0, :, :, 1], 0.03)
    np.testing.assert_allclose(boxes[0, fingers:], boxes[1, fingers:])
    assert left[:, 0, 0, 1] == pytest.approx([0.01, 0.04])
    assert (boxes[:, :, 1] > boxes[:, :, 0]).all()


def test_sweep_encloses_the_gripper_at_every_step_of_the_approach():
    gripper = Gripper.named("robotiq_2f85")
    still = gripper.boxes(np.array([0.05]))[0]
    swept = gripper.boxes(np.array([0.05]), swept=0.1)[0]
    for back in np.linspace(0, 0.1, 5):
        moved = still - np.array([0, 0, back])
        assert (swept[:, 0] <= moved[:, 0] + 1e-12).all()
        assert (swept[:, 1] >= moved[:, 1] - 1e-12).all()


def test_reach_holds_every_corner():
    gripper = Gripper.named("panda")
    drawn = glyph(gripper, Grasp(np.eye(4), gripper.max_width, 1.0))
    assert np.linalg.norm(drawn.boxes, axis=-1).max() == pytest.approx(gripper.reach)


def test_glyph_follows_the_grasp():
    gripper = Gripper.named("generic")
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    pose[:3, 3] = [0.1, 0.2, 0.3]
    drawn = glyph(gripper, Grasp(pose, 0.06, 1.0))
    closing = drawn.lines[4]
    np.testing.assert_allclose(closing.mean(axis=0), pose[:3, 3])
    np.testing.assert_allclose(closing[0] - closing[1], 0.06 * pose[:3, 1], atol=1e-12)
    tips = drawn.lines[2:4, 1].mean(axis=0)
    np.testing.assert_allclose(tips, pose[:3, 3] + gripper.tip * pose[:3, 2], atol=1e-12)
    sizes = np.linalg.norm(drawn.boxes[:, drawn.edges[:, 0]] - drawn.boxes[:, drawn.edges[:, 1]], axis=-1)
    expected = np.diff(gripper.boxes(np.array([0.06]))[0], axis=1)[:, 0]
    np.testing.assert_allclose(np.sort(sizes)[:, ::4], np.sort(expected), atol=1e-9)


def _values():
    return yaml.safe_load((_folder() / "generic.yaml").read_text())


def _change(path, value):
    values = _values()
    target = values
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (["max_width"], -1.0, "max_width"),
        (["max_width"], "wide", "max_width"),
        (["max_width"], None, "max_width"),
        (["max_width"], float("nan"), "max_width"),
        (["min_width"], 0.2, "min_width"),
        (["pad"], None, "pad.width"),
        (["fingers"], [], "fingers"),
        (["fingers", 0, "size"], [0.1, 0.1], "fingers"),
        (["fingers", 0, "size"], [0.1, 0.1, -0.1], "fingers"),
        (["fingers", 0, "center"], [0, -0.02, 0], "pad"),
        (["fingers", 0, "center"], [0, 0.02, -0.2], "TCP"),
        (["palm", 0, "center"], [0, 0, 0.1], "palm"),
        (["palm"], {"a": 1}, "palm"),
    ],
)
def test_bad_values_are_named(tmp_path, path, value, word):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(_change(path, value)))
    with pytest.raises(InputError, match=word) as caught:
        Gripper.load(file)
    assert "\n" not in str(caught.value)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        Gripper.load(tmp_path / "none.yaml")
    for text, word in (("{a: [", "not YAML"), ("- 1", "no named values")):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(InputError, match=word):
            Gripper.load(tmp_path / "x.yaml")
    with pytest.raises(InputError, match="panda"):
        Gripper.named("hook")


def test_own_file_loads(tmp_path):
    values = _values() | {"max_width": 0.123, "name": "mine"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    gripper = Gripper.load(tmp_path / "mine.yaml")
    assert (gripper.name, gripper.max_width) == ("mine", 0.123)


def test_figure_is_drawn(tmp_path):
    draw_grasp_frame(tmp_path / "frame.png")
    assert 20_000 < (tmp_path / "frame.png").stat().st_size < 150_000


def test_joints_follow_the_opening():
    panda = Gripper.named("panda")
    assert panda.joint_positions(0.08) == pytest.approx({"panda_finger_joint1": 0.04, "panda_finger_joint2": 0.04})
    robotiq = Gripper.named("robotiq_2f85")
    assert list(robotiq.joint_positions(0.0).values()) == pytest.approx([0.8])
    half = replace(robotiq, max_width=robotiq.max_width / 2)  # limited by a parameter: the joints are the same
    assert half.joint_positions(0.02) == robotiq.joint_positions(0.02)
    renamed = panda.with_joints(["fr3_finger_joint1", "fr3_finger_joint2"])
    assert renamed.joint_positions(0.02) == pytest.approx({"fr3_finger_joint1": 0.01, "fr3_finger_joint2": 0.01})
    one = Gripper.named("generic").with_joints(["gripper"])
    assert one.joint_positions(0.03) == pytest.approx({"gripper": 0.03})
    with pytest.raises(InputError, match="give as many names, not 3"):
        panda.with_joints(["a", "b", "c"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("joints", ["a"]),
        ("joints", {"a": 0.04}),
        ("joints", {"a": {"open": 0.04}}),
        ("joints", {"a": {"open": 0.0, "closed": 0.0}}),
        ("hand", "panda_hand"),
        ("hand", {"frame": "panda_hand", "yaw": "left"}),
    ],
)
def test_joints_and_hands_that_say_nothing_are_refused(tmp_path, key, value):
    values = yaml.safe_load((_folder() / "generic.yaml").read_text())
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({**values, key: value}))
    with pytest.raises(InputError, match=f"own.yaml: {key} must"):
        Gripper.load(tmp_path / "own.yaml")


def test_the_hand_is_behind_the_tcp_and_turned_about_the_approach():
    robotiq = Gripper.named("robotiq_2f85")
    T = robotiq.T_tcp_hand
    np.testing.assert_allclose(T @ [0, 0, robotiq.tcp_offset, 1], [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(T[:3, 0], [0, 1, 0], atol=1e-12)  # its fingers close along its x, ours along y
    np.testing.assert_allclose(Gripper.named("panda").T_tcp_hand[:3, :3], np.eye(3), atol=1e-12)
