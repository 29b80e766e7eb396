"""Several views of a table of self-made objects: the scale from the camera's motion, labels, hidden and wrong views."""

from dataclasses import replace

import numpy as np
import pytest

from gsn_perception import InputError
from gsn_perception import Observation
from gsn_perception import PosedView
from gsn_perception import Reconstruction
from gsn_perception import Reconstructor
from gsn_perception import Refusal
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.tabletop import TabletopScene
from gsn_perception.scenes.tabletop import random_tabletop

EXACT = {"position_error": 0.0, "rotation_error": 0.0}


@pytest.fixture(scope="module")
def reconstructor() -> Reconstructor:
    settings = ReconstructorSettings(mesh_resolution=24, mesh_method="gaussians")
    return Reconstructor.from_pretrained(device="cpu", settings=settings)


@pytest.fixture(scope="module")
def table() -> tuple[TabletopScene, list[Observation]]:
    """Two objects from three places, without depth; poses are those of the cameras."""
    items = [random_object(seed, family) for seed, family in ((3, "carton"), (5, "jar"))]
    items = [item.scaled(0.11 / float(item.extent.max())) for item in items]
    scene, camera = random_tabletop(items, 1, 2)
    cameras = scene.orbit(camera, 3, arc=np.deg2rad(60))
    cameras = [c.resized(480, 360) for c in cameras]
    return scene, [_bare(scene.observe(c, seed=k, supersample=1)) for k, c in enumerate(cameras)]


def _bare(seen: Observation) -> Observation:
    return replace(seen, depth=None, support_plane=None)


def _views(frames: list[Observation], **changes: float) -> list[PosedView]:
    return [PosedView(frame, frame.camera.world_from_camera, **{**EXACT, **changes}) for frame in frames]


def _by_label(results: list[Reconstruction | Refusal]) -> dict[int, Reconstruction]:
    refused = [r for r in results if isinstance(r, Refusal)]
    assert not refused, refused
    return {r.label: r for r in results if isinstance(r, Reconstruction)}


def _centre(scene: TabletopScene, frame: Observation, label: int) -> np.ndarray:
    vertices = scene.mesh(label).vertices
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    inverse = frame.camera.camera_from_world
    return inverse[:3, :3] @ centre + inverse[:3, 3]


def test_two_views_fix_the_scale(reconstructor: Reconstructor, table) -> None:
    scene, frames = table
    assert all(isinstance(r, Refusal) for r in reconstructor(frames[0]))  # one colour image alone has no scale
    found = _by_label(reconstructor.fuse(_views(frames[:2])))
    assert set(found) == {1, 2}
    for label, item in found.items():
        assert item.scale_source == "views"
        axis, centre = item.T_camera_object[:3, 2], _centre(scene, frames[1], label)
        assert abs(float(axis @ item.T_camera_object[:3, 3]) / float(axis @ centre) - 1) < 0.05
        assert 0.005 < item.scale_sigma / item.scale < 0.06
        assert item.mesh.is_watertight()
        assert item.remarks == ()


def test_labels_may_differ_and_the_reference_moves_the_results(reconstructor: Reconstructor, table) -> None:
    _, frames = table
    swapped = replace(frames[0], mask=np.array([0, 2, 1], np.uint8)[frames[0].mask])
    first = _by_label(reconstructor.fuse(_views(frames[:2])))
    again = _by_label(reconstructor.fuse(_views([swapped, frames[1]])))
    for label, item in first.items():
        assert again[label].scale == pytest.approx(item.scale, rel=1e-9)
    # poses in another frame, and the views in another order: the same results in the camera frame of the reference view
    other = make_transform(rotation_about_z(0.7), np.array([1.0, -2.0, 0.3]))
    views = [replace(v, T_reference_camera=other @ v.T_reference_camera) for v in _views(frames[:2])]
    moved = _by_label(reconstructor.fuse(views[::-1], reference=0))
    for label, item in first.items():
        np.testing.assert_allclose(moved[label].T_camera_object, item.T_camera_object, atol=1e-5)
        np.testing.assert_allclose(moved[label].mesh.vertices.mean(0), item.mesh.vertices.mean(0), atol=1e-4)
    # in the other view's frame the objects are at the same place of the world
    there = _by_label(reconstructor.fuse(_views(frames[:2]), reference=0))
    for label, item in first.items():
        places = [
            f.camera.world_from_camera @ r.T_camera_object for f, r in ((frames[1], item), (frames[0], there[label]))
        ]
        assert np.linalg.norm(places[0][:3, 3] - places[1][:3, 3]) < 0.03


def test_errors_of_the_pose_enter_the_sigma(reconstructor: Reconstructor, table) -> None:
    _, frames = table
    exact = _by_label(reconstructor.fuse(_views(frames[:2])))
    loose = _by_label(reconstructor.fuse(_views(frames[:2], position_error=0.01, rotation_error=0.03)))
    for label, item in exact.items():
        assert loose[label].scale_sigma > 1.5 * item.scale_sigma


def test_a_view_without_the_objects_changes_nothing(reconstructor: Reconstructor, table) -> None:
    scene, frames = table
    away = frames[0].camera.at(look_at(np.array([0.2, 0.1, 0.6]), np.array([3.0, 2.0, 0.0])))
    empty = _bare(scene.observe(away, supersample=1))
    assert not (np.asarray(empty.mask) > 0).any()
    alone = _by_label(reconstructor.fuse(_views(frames[:2])))
    three = _by_label(reconstructor.fuse(_views([empty, *frames[:2]])))
    for label, item in alone.items():
        assert three[label].scale == pytest.approx(item.scale, rel=1e-9)
        assert [remark.code for remark in three[label].remarks] == ["view_unusable"]


def test_a_wrong_pose_is_remarked_and_not_used(reconstructor: Reconstructor, table) -> None:
    """With the support plane known, the results are those of the plane."""
    scene, frames = table
    reference = replace(frames[1], support_plane=scene.support_plane(frames[1].camera))
    alone = _by_label(reconstructor(reference))
    turned = make_transform(rotation_about_z(0.0), np.array([0.0, 0.25, 0.0]))  # a quarter of a metre beside
    views = _views([frames[0], reference])
    wrong = replace(views[0], T_reference_camera=views[0].T_reference_camera @ turned)
    for label, item in _by_label(reconstructor.fuse([wrong, views[1]])).items():
        assert item.scale == pytest.approx(alone[label].scale, rel=1e-9)
        assert item.scale_source == "support_plane"
        codes = {remark.code for remark in item.remarks}
        assert codes & {"view_unmatched", "view_contradicts_pose", "views_contradict_scale"}, codes


@pytest.mark.parametrize(
    ("pose", "word"),
    [
        (np.eye(3), "shape"),
        (np.full((4, 4), np.nan), "not finite"),
        (np.diag([2.0, 2.0, 2.0, 1.0]), "scales by 2"),
        (np.diag([1.0, 1.0, -1.0, 1.0]), "rotation"),
        ("here", "not numeric"),
    ],
)
def test_bad_poses_are_refused(table, pose, word: str) -> None:
    with pytest.raises(InputError, match=word):
        PosedView(table[1][0], pose)


def test_bad_calls_are_refused(reconstructor: Reconstructor, table) -> None:
    frames = table[1]
    with pytest.raises(InputError, match="no view to fuse"):
        reconstructor.fuse([])
    with pytest.raises(InputError, match="no view 2"):
        reconstructor.fuse(_views(frames[:2]), reference=2)
    views = _views(frames[:2])
    millimetres = replace(views[0], T_reference_camera=make_transform(np.eye(3), np.array([500.0, 0, 0])))
    with pytest.raises(InputError, match="apart; give poses in metres"):
        reconstructor.fuse([millimetres, views[1]])
    with pytest.raises(InputError, match="position_error"):
        PosedView(frames[0], np.eye(4), position_error=-1.0)
