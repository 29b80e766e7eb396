"""CameraInfo: pixel centres, P against K, ROI and binning, distortion, what is not calibrated."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import RegionOfInterest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.ros.camera_info import Undistortion
from gsn_perception.ros.camera_info import from_camera
from gsn_perception.ros.camera_info import to_camera
from gsn_perception.ros.headers import make_header

K = np.array([[500.0, 0, 319.5], [0, 510.0, 239.5], [0, 0, 1]])


def info(**changes) -> CameraInfo:
    P = np.concatenate([K, np.zeros((3, 1))], axis=1)
    values = {"width": 640, "height": 480, "k": K.reshape(-1), "p": P.reshape(-1), "distortion_model": "plumb_bob"}
    return CameraInfo(**{**values, **changes})


def test_half_a_pixel_is_added_once():
    camera = to_camera(info())
    np.testing.assert_allclose(camera.K[:2, 2], [320.0, 240.0])
    np.testing.assert_allclose(camera.integer_centre_K, K)


def test_round_trip():
    camera = Camera.from_fov(1.0, 64, 48)
    back = to_camera(from_camera(camera, make_header(0, "cam")))
    np.testing.assert_allclose(back.K, camera.K)
    assert (back.width, back.height) == (64, 48)


def test_p_for_rectified_and_k_for_raw_images():
    P = np.zeros((3, 4))
    P[:, :3] = K @ np.diag([0.9, 0.9, 1.0])
    assert to_camera(info(p=P.reshape(-1))).K[0, 0] == pytest.approx(450)
    assert to_camera(info(p=P.reshape(-1)), rectify=True).K[0, 0] == pytest.approx(500)
    assert to_camera(info(p=np.zeros(12))).K[0, 0] == pytest.approx(500)


@pytest.mark.parametrize("binning", [(1, 1), (0, 0), (2, 2), (2, 4)])
def test_roi_and_binning_see_the_same_ray(binning):
    """A block of full-resolution pixels covers the same rays as its binned pixel."""
    roi = RegionOfInterest(x_offset=40, y_offset=16, width=320, height=240)
    full = to_camera(info())
    camera = to_camera(info(roi=roi, binning_x=binning[0], binning_y=binning[1]))
    bins = np.maximum(binning, 1)
    assert (camera.width, camera.height) == (320 // bins[0], 240 // bins[1])
    uv = np.array([[0.0, 0.0], [10.0, 20.0], [camera.width, camera.height]])
    np.testing.assert_allclose(camera.rays(uv), full.rays(uv * bins + [40, 16]), atol=1e-12)


@pytest.mark.parametrize("changes", [{"k": np.zeros(9), "p": np.zeros(12)}, {"width": 0, "height": 0}])
def test_uncalibrated_is_refused(changes):
    with pytest.raises(InputError, match=r"calibrat|size"):
        to_camera(info(**changes))


def test_undistortion_moves_points_to_where_a_pinhole_sees_them():
    distortion = np.array([-0.2, 0.05, 0.001, -0.002, 0.0])
    maps = Undistortion.of(info(d=distortion))
    assert maps is not None
    points = np.array([[0.1, -0.05, 1.0], [-0.3, 0.2, 1.0], [0.0, 0.0, 1.0]])
    raw = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, distortion)[0][:, 0]
    ideal = points[:, :2] @ K[:2, :2] + K[:2, 2]
    rows, columns = np.rint(ideal[:, 1]).astype(int), np.rint(ideal[:, 0]).astype(int)
    np.testing.assert_allclose(maps.map_x[rows, columns], raw[:, 0], atol=1)
    np.testing.assert_allclose(maps.map_y[rows, columns], raw[:, 1], atol=1)


def test_undistorted_depth_and_labels_are_not_blended():
    maps = Undistortion.of(info(d=[-0.3, 0.1, 0.0, 0.0, 0.0]))
    depth = np.where(np.arange(640) < 320, 0.5, 1.5)[None].repeat(480, 0).astype(np.float32)
    out = maps.values(depth)
    assert set(np.unique(out[np.isfinite(out)])) == {np.float32(0.5), np.float32(1.5)}
    assert set(np.unique(maps.values((depth > 1).astype(np.uint8) * 9))) <= {0, 9}


def test_fisheye_and_unknown_models():
    assert Undistortion.of(info(d=[0.0] * 5)) is None
    assert Undistortion.of(info(d=[])) is None
    assert Undistortion.of(info(d=[0.1, 0.0, 0.0, 0.0], distortion_model="equidistant")) is not None
    with pytest.raises(InputError, match="unknown"):
        Undistortion.of(info(d=[0.1, 0.0, 0.0, 0.0], distortion_model="mystery"))
