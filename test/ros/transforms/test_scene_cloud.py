"""The scene comes into the frame of the objects, or says why it can't; TF is listened to while it is needed."""

import numpy as np
import pytest

pytest.importorskip("rclpy")
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.parameters.declaration import check
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.transforms.scene_cloud import SceneCloud
from gsn_perception.ros.transforms.scene_cloud import scene_of

SECOND = 1_000_000_000
POINTS = np.array([[0.1, 0.2, 0.5], [-0.3, 0.0, 0.9], [np.nan, 0.0, 0.0]], np.float32)
MATRIX = make_transform(Rotation.from_euler("xyz", [2.5, 0.1, -0.7]).as_matrix(), np.array([0.4, -0.2, 0.8]))


class Source:
    """Knows one transform at one stamp."""

    def __init__(self) -> None:
        self.is_open = True

    def lookup(self, target, source, stamp):
        if (target, source, stamp) != ("base", "cam", 2 * SECOND):
            raise InputError(f"no transform from {source} to {target}")
        return MATRIX

    def close(self) -> None:
        self.is_open = False


def cloud(stamp: int = 2 * SECOND, frame_id: str = "cam"):
    rows = np.zeros(len(POINTS), [(n, "<f4") for n in "xyz"])
    rows["x"], rows["y"], rows["z"] = POINTS.T
    return clouds.to_message(rows, make_header(stamp, frame_id))


@pytest.fixture
def listening():
    """A scene and the sources of transforms it asked for."""
    made: list[Source] = []
    return SceneCloud(lambda: made.append(Source()) or made[-1]), made


def test_without_a_cloud_nothing_is_asked_for(listening):
    scene, made = listening
    assert scene.positions(make_header(SECOND, "base"), 1.0) is None
    assert scene.header is None
    assert not made


def test_a_cloud_in_the_cameras_frame_is_transformed_at_its_own_stamp(listening):
    scene, made = listening
    scene.take(cloud())
    found = scene.positions(make_header(2 * SECOND + 500_000_000, "base"), 1.0)
    np.testing.assert_allclose(found, POINTS[:2] @ MATRIX[:3, :3].T + MATRIX[:3, 3], atol=1e-6)
    assert found.dtype == np.float32
    assert len(made) == 1
    scene.close()
    assert not made[0].is_open


def test_tf_is_left_alone_once_the_frames_are_the_same_and_asked_again_when_they_are_not(listening):
    scene, made = listening
    scene.take(cloud())
    np.testing.assert_array_equal(scene.positions(make_header(2 * SECOND, "cam"), 1.0), POINTS[:2])
    assert [source.is_open for source in made] == [False]
    scene.take(cloud())
    assert len(made) == 1
    scene.positions(make_header(2 * SECOND, "base"), 1.0)
    assert [source.is_open for source in made] == [False, True]


@pytest.mark.parametrize(
    ("sent", "objects", "said"),
    [
        (cloud(3 * SECOND), make_header(3 * SECOND, "base"), "'cam', the objects are in 'base', and no transform"),
        (cloud(frame_id=""), make_header(2 * SECOND, "base"), "the scene is in frame ''"),
        (cloud(SECOND), make_header(9 * SECOND, "base"), "8.00 s older"),
    ],
)
def test_a_cloud_that_cannot_be_used_is_refused(listening, sent, objects, said):
    scene, _ = listening
    scene.take(sent)
    with pytest.raises(InputError, match=said):
        scene.positions(objects, 1.0)


def test_missing_tf_is_said_only_where_it_is_needed():
    def listen():
        raise InputError("transforms need tf2_ros")

    scene = SceneCloud(listen)
    scene.take(cloud())
    assert scene.positions(make_header(2 * SECOND, "cam"), 1.0) is not None
    with pytest.raises(InputError, match="transforms need tf2_ros; publish the transform, give scene_to_target"):
        scene.positions(make_header(2 * SECOND, "base"), 1.0)


def test_a_fixed_pose_needs_no_tf():
    quaternion = Rotation.from_matrix(MATRIX[:3, :3]).as_quat()
    settings = GraspSettings(scene_to_target=(*MATRIX[:3, 3], *quaternion))
    check(settings)
    scene = scene_of(settings, None, lambda error: None)
    scene.take(cloud())
    found = scene.positions(make_header(2 * SECOND, "base"), 1.0)
    np.testing.assert_allclose(found, POINTS[:2] @ MATRIX[:3, :3].T + MATRIX[:3, 3], atol=1e-6)
    with pytest.raises(InputError, match="scene_to_target needs x y z"):
        check(GraspSettings(scene_to_target=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)))
