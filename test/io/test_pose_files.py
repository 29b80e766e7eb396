"""pose.json: what is written reads back, and bad files give one sentence."""

import json

import numpy as np
import pytest

from gsn_perception import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.io.pose import read_pose
from gsn_perception.io.pose import write_pose


def test_round_trip(tmp_path):
    pose = make_transform(rotation_about_z(0.3), np.array([0.1, -0.2, 0.5]))
    write_pose(tmp_path / "pose.json", pose, rotation_error=0.01)
    read, errors = read_pose(tmp_path / "pose.json")
    np.testing.assert_array_equal(read, pose)
    assert errors == {"rotation_error": 0.01}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no json", "not JSON"),
        ("[]", "lacks T_reference_camera"),
        (json.dumps({"T_reference_camera": [[1, 2], [3]]}), "four rows"),
        (json.dumps({"T_reference_camera": np.full((4, 4), 1e400).tolist()}), "finite"),
        (json.dumps({"T_reference_camera": np.diag([1000.0, 1000, 1000, 1]).tolist()}), "scales by"),
        (json.dumps({"T_reference_camera": np.diag([1.0, 1, -1, 1]).tolist()}), "rotation"),
        (json.dumps({"T_reference_camera": np.eye(4).tolist(), "position_error": -1}), "position_error"),
    ],
)
def test_bad_files(tmp_path, text, word):
    (tmp_path / "pose.json").write_text(text)
    with pytest.raises(InputError, match=word):
        read_pose(tmp_path / "pose.json")


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot read pose file"):
        read_pose(tmp_path / "pose.json")
