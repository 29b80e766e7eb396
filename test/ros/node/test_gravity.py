"""Where down is: from the z axis of target_frame, as far as that says it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.ros.node.reconstruction_worker import FrameProcessor
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.transforms.sources import FixedTransforms

# a camera of base_link that looks along x and 30 degrees down: optical z forwards, x to the right, y down
_FORWARD = np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]])
_CAMERA_TO_BASE = Rotation.from_euler("y", 30, degrees=True) * Rotation.from_matrix(_FORWARD)


def observed(**more):
    settings = ReconstructionSettings(
        target_frame="base_link", camera_to_target=(0.1, 0.0, 0.8, *_CAMERA_TO_BASE.as_quat()), **more
    )
    seen = Observation(np.zeros((8, 8, 3), np.uint8), Camera.from_fov(1.0, 8, 8))
    frame = SimpleNamespace(frame_id="camera_optical_frame", stamp=0)
    transforms = FixedTransforms(settings.camera_to_target)
    return FrameProcessor(settings, None, transforms, lambda frame, settings: replace(seen)).observe(frame)[0]


def test_gravity_is_down_of_the_target_in_the_camera():
    gravity = observed().gravity
    np.testing.assert_allclose(gravity, [0, np.cos(np.deg2rad(30)), np.sin(np.deg2rad(30))], atol=1e-9)


def test_a_frame_that_is_not_level_says_nothing():
    assert observed(target_is_level=False).gravity is None


@pytest.mark.parametrize("target", ["camera_optical_frame", "left_camera_optical_frame", "wrist_color_optical_frame"])
def test_optical_frames_are_not_level(target):
    assert not ReconstructionSettings(target_frame=target).is_level("camera_optical_frame")
    assert ReconstructionSettings(target_frame="world").is_level("camera_optical_frame")
