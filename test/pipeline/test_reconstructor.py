"""The pipeline on self-made scenes with the shipped weights: metres, frames, refusals."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from gsn_perception import Camera
from gsn_perception import GraspPlanner
from gsn_perception import Gripper
from gsn_perception import InputError
from gsn_perception import Observation
from gsn_perception import Plane
from gsn_perception import Reconstruction
from gsn_perception import Reconstructor
from gsn_perception import Refusal
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.pipeline import pick_device
from gsn_perception.pipeline.settings import UprightMode
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.objects import random_object


@pytest.fixture(scope="module")
def reconstructor() -> Reconstructor:
    return Reconstructor.from_pretrained(device="cpu", settings=ReconstructorSettings(mesh_resolution=48))


def _camera(roll: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Camera:
    eye = np.array([0.45, -0.2, 0.4])
    pose = look_at(eye, np.array([shift[0], shift[1], 0.05]), roll=roll)
    return Camera.from_fov(np.deg2rad(55), 320, 320, pose)


def _observe(family: str, camera: Camera, seed: int = 3) -> tuple[Observation, np.ndarray]:
    """The observation and the true vertices in the camera frame."""
    item = random_object(seed, family)
    scale = 0.14 / float(np.ptp(item.mesh.vertices, axis=0).max())
    placed = PlacedObject(item, make_transform(np.eye(3), np.zeros(3), scale), 1)
    view = RayCaster([placed]).render(camera)
    truth = (
        camera.camera_from_world @ placed.T_world_object @ np.c_[item.mesh.vertices, np.ones(len(item.mesh.vertices))].T
    )[:3].T
    return Observation(view.rgb, camera, view.labels.astype(np.uint8), view.depth), truth


def _only(results: list) -> Reconstruction:
    assert len(results) == 1
    assert isinstance(results[0], Reconstruction), results[0]
    return results[0]


@pytest.mark.parametrize(("family", "shift"), [("carton", (0.0, 0.0)), ("jar", (0.12, 0.05))])
def test_metres_in_the_camera_frame(reconstructor: Reconstructor, family: str, shift: tuple[float, float]) -> None:
    """Also off the image centre, and whatever the camera's pose in the world."""
    observation, truth = _observe(family, _camera(shift=shift))
    r = _only(reconstructor(observation))
    centre = (truth.min(0) + truth.max(0)) / 2
    assert np.linalg.norm(r.T_camera_object[:3, 3] - centre) < 0.03
    distances, _ = cKDTree(r.mesh.vertices).query(truth)
    assert np.median(distances) < 0.015
    assert r.scale_source == "depth"
    assert r.scale_sigma < 0.1 * r.scale
    assert r.quality["silhouette_iou"] > 0.85
    assert r.mesh.is_watertight()
    assert r.mesh.volume() > 0
    # the splat seen by the very camera covers the mask
    rgba = r.gaussians.render(observation.camera.at(np.eye(4)))
    seen, mask = rgba[..., 3] > 0.5, observation.mask > 0
    assert (seen & mask).sum() / (seen | mask).sum() > 0.85


@pytest.mark.parametrize("mode", ["auto", "moments"])
def test_rolling_the_camera_rolls_the_whole_answer(reconstructor: Reconstructor, mode: UprightMode) -> None:
    """Gaussian by Gaussian the splat lies where it lay, however the camera is rolled; unless crops stay as seen."""
    apart = {}
    for way in (mode, "off"):
        chain = reconstructor.with_settings(ReconstructorSettings(mesh_resolution=32, upright=way))
        first, *others = (_in_the_world(chain, roll) for roll in (0.0, 1.1, -2.3))
        apart[way] = max(float(np.median(np.linalg.norm(first - other, axis=1))) for other in others)
    assert apart[mode] < 0.01  # the mug's hundred pixels differ from roll to roll
    assert apart[mode] < 0.5 * apart["off"]


def _in_the_world(chain: Reconstructor, roll: float) -> np.ndarray:
    """Centres [N,3] of the splat, metres."""
    camera = _camera(roll)
    observation, _ = _observe("mug", camera)
    up = camera.camera_from_world[:3, :3] @ np.array([0.0, 0.0, 1.0])
    table = Plane(up, -float(up @ camera.camera_from_world[:3, 3]))
    view, splat = chain.sculpt(replace(observation, depth=None, support_plane=table), 1)
    means = splat.transform(view.similarity(0.14)).means.double().numpy()
    return means @ camera.world_from_camera[:3, :3].T + camera.world_from_camera[:3, 3]


def test_depth_size_hint_and_plane_agree_on_the_scale(reconstructor: Reconstructor) -> None:
    observation, truth = _observe("carton", _camera())
    by_depth = _only(reconstructor(observation))
    extent = float(np.ptp(truth, axis=0).max())
    by_size = _only(reconstructor(replace(observation, depth=None, size_hint=0.14)))
    assert by_size.scale_source == "size_hint"
    assert 0 < by_size.scale_sigma < 0.2 * by_size.scale
    assert by_size.scale == pytest.approx(by_depth.scale, rel=0.35)
    assert extent > 0


def test_without_any_scale_it_is_refused_unless_unit_scale_is_asked_for(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    bare = replace(observation, depth=None)
    refusal = reconstructor(bare)[0]
    assert isinstance(refusal, Refusal)
    assert "scale" in refusal.reason
    settings = replace(reconstructor.settings, unit_scale=True)
    unit = _only(reconstructor.with_settings(settings)(bare))
    assert unit.scale_source == "unit"
    assert unit.scale == 1.0


def test_rolling_the_camera_rolls_the_view_exactly(reconstructor: Reconstructor) -> None:
    """The virtual camera rolls with the camera; what the learned network makes of it is measured by eval."""
    a, _ = _observe("bottle", _camera(shift=(0.1, 0.0)))
    b, _ = _observe("bottle", _camera(shift=(0.1, 0.0), roll=0.5))
    chain = reconstructor.with_settings(ReconstructorSettings(upright="off"))
    view_a, _ = chain.sculpt(a)
    view_b, _ = chain.sculpt(b)
    roll = rotation_about_z(0.5).T  # a camera rolled by +0.5 sees the scene turned by -0.5
    np.testing.assert_allclose(view_b.R_camera_virtual, roll @ view_a.R_camera_virtual @ roll.T, atol=0.01)
    assert view_b.theta == pytest.approx(view_a.theta, rel=0.02)


def test_same_input_same_output_and_seeded_points(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("jar", _camera())
    a, b = _only(reconstructor(observation)), _only(reconstructor(observation))
    torch.testing.assert_close(a.gaussians.means, b.gaussians.means)
    np.testing.assert_array_equal(a.points.xyz, b.points.xyz)
    assert set(a.timings) >= {"segment", "look_at", "sculpt", "scale", "skin", "points"}
    assert a.points.confidence.max() == 1.0


def test_one_bad_object_among_several_refuses_itself_alone(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    mask = observation.mask.copy()
    mask[2:5, 2:3] = 7  # three pixels
    mask[100:140, :8] = np.where(mask[100:140, :8] == 0, 9, mask[100:140, :8])  # cut by the border
    results = {r.label: r for r in reconstructor(replace(observation, mask=mask))}
    assert isinstance(results[1], Reconstruction)
    assert "3 pixels" in results[7].reason
    assert "border" in results[9].reason


def test_several_objects_go_through_the_network_in_one_batch(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    mask = observation.mask.copy()
    rows, columns = np.nonzero(mask)
    mask[rows[columns > np.median(columns)], columns[columns > np.median(columns)]] = 2
    mask[2:5, 2:3] = 7  # three pixels: refused before the batch
    sizes: list[int] = []
    reconstructor = Reconstructor(
        deepcopy(reconstructor.network), reconstructor.device, replace(reconstructor.settings, engine="torch")
    )
    hook = reconstructor.network.register_forward_hook(lambda module, given, out: sizes.append(len(given[0])))
    try:
        together = {r.label: r for r in reconstructor(replace(observation, mask=mask))}
        assert sizes == [2]
        assert isinstance(together[7], Refusal)
        for label in (1, 2):
            crop = reconstructor.prepare(replace(observation, mask=mask)).crops[label]
            alone = reconstructor.infer([crop])[0]
            pose = crop.view.similarity(together[label].scale)
            expected = alone.select(alone.opacities >= reconstructor.settings.opacity_threshold).transform(pose)
            torch.testing.assert_close(together[label].gaussians.means, expected.means, atol=1e-4, rtol=1e-3)
        assert together[1].timings["sculpt"] == together[2].timings["sculpt"]
    finally:
        hook.remove()


def test_skins_of_superseded_frames_are_not_made(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    mask = observation.mask.copy()
    rows, columns = np.nonzero(mask)
    mask[rows[columns > np.median(columns)], columns[columns > np.median(columns)]] = 2
    told: list[int] = []
    outcomes = reconstructor(replace(observation, mask=mask), on_splats=told.extend, wanted=lambda: False)
    assert sorted(told) == [1, 2]
    assert all(isinstance(r, Refusal) and "superseded" in r.reason for r in outcomes)


def test_whole_frames_without_anything_to_go_by(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    with pytest.raises(InputError, match="mask is empty"):
        reconstructor(replace(observation, mask=np.zeros_like(observation.mask)))
    with pytest.raises(InputError, match="no mask"):
        reconstructor(replace(observation, mask=None, depth=None))


def test_all_unknown_depth_is_a_reason(reconstructor: Reconstructor) -> None:
    observation, _ = _observe("carton", _camera())
    refusal = reconstructor(replace(observation, depth=np.full_like(observation.depth, np.nan)))[0]
    assert isinstance(refusal, Refusal)
    assert "have depth" in refusal.reason


def test_cuda_where_there_is_none_and_unknown_devices() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no usable CUDA"):
            pick_device("cuda")
    with pytest.raises(InputError, match="unknown"):
        pick_device("abacus")
    with pytest.raises(InputError, match="shipped"):
        Reconstructor.from_pretrained("nothing")


@pytest.mark.parametrize("family", ["mug", "hammer"])
def test_what_fits_between_the_fingers_is_graspable(reconstructor: Reconstructor, family: str) -> None:
    observation, truth = _observe(family, _camera())
    r = _only(reconstructor(observation))
    grasps = GraspPlanner(Gripper.named("panda"))(r)
    assert grasps
    scores = [g.score for g in grasps]
    assert scores == sorted(scores, reverse=True)
    near, _ = cKDTree(truth).query(np.array([g.T_frame_tcp[:3, 3] for g in grasps]))
    assert near.max() < 0.06
