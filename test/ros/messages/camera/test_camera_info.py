"""CameraInfo: pixel centres, P against K, ROI and binning, distortion, what is not calibrated."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import RegionOfInterest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.camera.camera_info import Undistortion
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.camera.camera_info import to_camera
from gsn_perception.ros.messages.headers import make_header

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


def codes(item, **options):
    remarks = []
    camera = to_camera(item, remarks=remarks, **options)
    return camera, [remark.code for remark in remarks]


def test_k_that_is_binned_already_is_used_as_it_is():
    """avt_vimba_camera#82: the full size, binning 4, K of the binned image."""
    k = [299.54, 0, 254.14, 0, 300.14, 183.94, 0, 0, 1]
    camera, said = codes(info(width=2064, height=1544, k=k, p=np.zeros(12), binning_x=4, binning_y=4))
    assert (camera.width, camera.height, said) == (516, 386, ["camera_info_binned"])
    np.testing.assert_allclose(camera.integer_centre_K.reshape(-1), k)


@pytest.mark.parametrize("k_is", ["full", "binned"])
def test_a_size_that_is_binned_already_is_told_by_the_image(k_is):
    small = K / 2 if k_is == "binned" else K
    small = np.array([[small[0, 0], 0, small[0, 2]], [0, small[1, 1], small[1, 2]], [0, 0, 1]])
    item = info(width=320, height=240, k=small.reshape(-1), p=np.zeros(12), binning_x=2, binning_y=2)
    camera, said = codes(item, size=(320, 240))
    assert (camera.width, camera.height, said) == (320, 240, ["camera_info_binned"])
    assert camera.K[0, 0] == pytest.approx(250)


def test_right_binning_is_no_remark():
    for size in (None, (320, 240)):
        assert codes(info(binning_x=2, binning_y=2), size=size)[1] == []
    assert codes(info(), size=(640, 480))[1] == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"k": [585, 0, 0.5, 0, 585, 0.5, 0, 0, 1], "p": np.zeros(12)}, "in pixels, not as fractions"),
        ({"k": [0.9, 0, 319.5, 0, 1.2, 239.5, 0, 0, 1], "p": np.zeros(12)}, "nearly 180 degrees"),
        ({"k": [-585, 0, 319.5, 0, 585, 239.5, 0, 0, 1], "p": np.zeros(12)}, "negative focal length"),
        ({"p": [585, 0, 319.5, 0, 0, -585, 239.5, 0, 0, 0, 1, 0]}, "negative focal length"),
        ({"p": [585, 0, np.nan, 0, 0, 585, 239.5, 0, 0, 0, 1, 0]}, "not finite"),
        ({"d": [0.1, np.nan, 0, 0]}, None),
    ],
)
def test_doubtful_matrices_are_refused_by_name(changes, sentence):
    if sentence is None:
        to_camera(info(**changes))  # D is not used where the image is rectified
        sentence = "not finite"
        with pytest.raises(InputError, match=sentence):
            to_camera(info(**changes), rectify=True)
        return
    with pytest.raises(InputError, match=sentence):
        to_camera(info(**changes))


@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
@pytest.mark.parametrize("distorted", [False, True])
def test_skew_is_undone(model, distorted):
    skewed = K.copy()
    skewed[0, 1] = 40.0
    d = np.array([-0.1, 0.02, 0.0, 0.0]) * distorted
    item = info(k=skewed.reshape(-1), d=d, distortion_model=model)
    assert to_camera(item, rectify=True).K[0, 1] == 0
    maps = Undistortion.of(item)
    rays = np.array([[0.3, -0.2, 1.0], [-0.4, 0.3, 1.0]])
    project = cv2.fisheye.projectPoints if model == "equidistant" and distorted else cv2.projectPoints
    bent = project(rays[:, None], np.zeros(3), np.zeros(3), np.eye(3), d)[0][:, 0]
    raw = np.c_[bent, np.ones(2)] @ skewed.T
    ideal = (rays @ K.T).astype(np.float32)
    found = [cv2.remap(m, ideal[:, 0], ideal[:, 1], cv2.INTER_LINEAR).reshape(-1) for m in (maps.map_x, maps.map_y)]
    np.testing.assert_allclose(np.stack(found, -1), raw[:, :2], atol=0.02)


def test_skew_of_a_rectified_image_is_refused_or_small():
    def with_skew(s):
        return info(p=[500, s, 319.5, 0, 0, 510, 239.5, 0, 0, 0, 1, 0])

    assert codes(with_skew(0.5))[1] == ["skew_ignored"]
    assert codes(with_skew(1e-9))[1] == []
    with pytest.raises(InputError, match="set rectify"):
        to_camera(with_skew(-5))


def test_second_camera_of_a_stereo_pair():
    P = np.concatenate([K, [[-50.0], [0], [0]]], axis=1)
    camera, said = codes(info(p=P.reshape(-1)))
    np.testing.assert_allclose(camera.integer_centre_K, K)
    assert said == []


@pytest.mark.parametrize(
    "name", ["Brown Conrady", "brown_conrady", "BROWN-CONRADY", "thin_prism", "radtan", "rational_polynomial"]
)
def test_names_of_one_model(name):
    d = np.array([-0.2, 0.05, 0.001, -0.002, 0.01])
    wanted = Undistortion.of(info(d=d))
    found = Undistortion.of(info(d=d, distortion_model=name))
    np.testing.assert_array_equal(found.map_x, wanted.map_x)
    np.testing.assert_array_equal(found.map_y, wanted.map_y)


@pytest.mark.parametrize("count", range(1, 15))
def test_any_number_of_coefficients(count):
    d = np.full(count, 0.001)
    full = np.pad(d, (0, 14 - count))
    found = Undistortion.of(info(d=d))
    raw = cv2.projectPoints(np.array([[0.3, 0.2, 1.0]]), np.zeros(3), np.zeros(3), K, full)[0][0, 0]
    ideal = np.array([0.3, 0.2]) * [500, 510] + [319.5, 239.5]
    row, column = np.rint(ideal[::-1]).astype(int)
    assert abs(found.map_x[row, column] - raw[0]) < 1
    assert abs(found.map_y[row, column] - raw[1]) < 1
    with_zeros = Undistortion.of(info(d=np.pad(d, (0, 20 - count))))
    np.testing.assert_array_equal(found.map_x, with_zeros.map_x)


def test_too_many_coefficients_are_refused():
    for model, count in (("plumb_bob", 15), ("equidistant", 8)):
        with pytest.raises(InputError, match="unknown"):
            Undistortion.of(info(d=[0.01] * count, distortion_model=model))
