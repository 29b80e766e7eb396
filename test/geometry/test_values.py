"""Splats, meshes, grasps and observations."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.gaussians import cat
from gsn_perception.geometry.gaussians import quat_multiply
from gsn_perception.geometry.gaussians import quat_to_matrix
from gsn_perception.geometry.mesh import merge_meshes
from gsn_perception.geometry.transforms import invert
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import matrix_from_quat
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.geometry.transforms import transform_points


def _splat(count: int = 7) -> Gaussians:
    g = torch.Generator().manual_seed(0)
    r = lambda *s: torch.rand(*s, generator=g, dtype=torch.float64)  # noqa: E731
    return Gaussians(r(count, 3), 0.1 + r(count, 3), r(count, 4) - 0.5, r(count, 3), r(count))


def _similarity() -> np.ndarray:
    return make_transform(Rotation.from_rotvec([0.4, -1.0, 0.3]).as_matrix(), np.array([0.1, 0.2, -0.5]), 2.5)


def test_quaternions_against_scipy() -> None:
    a, b = Rotation.random(5, random_state=0), Rotation.random(5, random_state=1)
    qa, qb = (torch.from_numpy(r.as_quat()[:, [3, 0, 1, 2]]) for r in (a, b))
    np.testing.assert_allclose(quat_to_matrix(qa).numpy(), a.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(quat_to_matrix(quat_multiply(qa, qb)).numpy(), (a * b).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(quat_to_matrix(torch.from_numpy(quat_from_matrix(a.as_matrix()))).numpy(), a.as_matrix())
    np.testing.assert_allclose(matrix_from_quat(3 * qa.numpy()), a.as_matrix(), atol=1e-12)


def test_quaternions_of_half_turns_and_tiny_turns() -> None:
    axes = np.concatenate([np.eye(3), -np.eye(3), np.random.default_rng(0).normal(size=(50, 3))])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    for angle in (np.pi, np.pi - 1e-9, 1e-9, 0.0):
        turns = Rotation.from_rotvec(angle * axes).as_matrix()
        quats = quat_from_matrix(turns)
        np.testing.assert_allclose(matrix_from_quat(quats), turns, atol=1e-12)
        assert (quats[:, 0] >= 0).all()
    np.testing.assert_array_equal(quat_from_matrix(np.diag([-1.0, -1.0, 1.0])), [0, 0, 0, 1])


@pytest.mark.parametrize("bad", [[0.0, 0, 0, 0], [np.nan, 0, 0, 1]])
def test_a_quaternion_without_length_is_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match="length zero"):
        matrix_from_quat(np.array(bad))


def test_a_similarity_moves_means_and_covariances() -> None:
    splat, T = _splat(), _similarity()
    moved = splat.transform(T)
    A = torch.from_numpy(T[:3, :3].copy())
    torch.testing.assert_close(moved.means, splat.means @ A.T + torch.from_numpy(T[:3, 3].copy()))
    torch.testing.assert_close(moved.covariances(), A @ splat.covariances() @ A.T)
    back = moved.transform(invert(T))
    torch.testing.assert_close(back.means, splat.means)


def test_shear_and_mirror_are_refused() -> None:
    with pytest.raises(InputError, match="rotation"):
        _splat().transform(np.diag([-1.0, 1, 1, 1]))
    with pytest.raises(InputError, match="shears"):
        _splat().transform(np.diag([1.0, 2, 1, 1]))


def test_select_cat_and_shapes() -> None:
    splat = _splat()
    both = cat([splat.select(splat.opacities > 0.5), splat.select(splat.opacities <= 0.5)])
    assert len(both) == len(splat)
    with pytest.raises(InputError, match="scales"):
        Gaussians(splat.means, splat.scales[:3], splat.quats, splat.colors, splat.opacities)


def _tetrahedron() -> Mesh:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    return Mesh(vertices, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))


def test_mesh_volume_watertightness_and_normals() -> None:
    mesh = _tetrahedron()
    assert mesh.volume() == pytest.approx(1 / 6)
    assert mesh.is_watertight()
    assert not Mesh(mesh.vertices, mesh.faces[:3]).is_watertight()
    assert not Mesh(mesh.vertices, np.vstack([mesh.faces[:3], mesh.faces[3:, ::-1]])).is_watertight()
    assert mesh.transform(_similarity()).volume() == pytest.approx(2.5**3 / 6, rel=1e-5)
    outward = mesh.with_vertex_normals().normals[1] @ np.array([1.0, 0, 0])
    assert outward > 0.5
    two = merge_meshes([mesh, mesh.transform(make_transform(np.eye(3), [3, 0, 0]))])
    assert two.volume() == pytest.approx(2 / 6)
    with pytest.raises(InputError, match="damaged"):
        Mesh(mesh.vertices, np.array([[0, 1, 9]]))


def test_grasp_moves_rigidly() -> None:
    pose = make_transform(Rotation.from_rotvec([0, 1.0, 0]).as_matrix(), np.array([0.1, 0, 0.5]))
    T = make_transform(Rotation.from_rotvec([0.3, 0, 0]).as_matrix(), np.array([0.0, 1, 0]))
    np.testing.assert_allclose(Grasp(pose, 0.04, 0.9).transform(T).T_frame_tcp, T @ pose, atol=1e-12)


def test_plane_height_and_normalisation() -> None:
    plane = Plane(np.array([0.0, 0, 2]), -1.0)
    assert plane.height(np.array([[5.0, 5, 2]]))[0] == pytest.approx(1.5)
    with pytest.raises(InputError, match="zero"):
        Plane(np.zeros(3), 1.0)


CAMERA = Camera.from_fov(1.0, 8, 6)
IMAGE = np.zeros((6, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"image": np.zeros((6, 8), np.uint8)}, "RGB"),
        ({"image": IMAGE.astype(float)}, "uint8"),
        ({"image": np.zeros((8, 6, 3), np.uint8)}, "intrinsics of this image"),
        ({"mask": np.zeros((5, 8), np.uint8)}, "sizes must agree"),
        ({"mask": np.full((6, 8), -1, np.int64)}, "labels"),
        ({"mask": np.full((6, 8), 70000, np.int64)}, "labels"),
        ({"mask": np.full((6, 8), np.nan)}, "labels"),
        ({"mask": np.full((6, 8), 1.5)}, "probabilities"),
        ({"mask": np.zeros((6, 8), complex)}, "labels"),
        ({"mask": [[0, 1]]}, "labels"),
        ({"depth": np.ones((3, 4), np.float32)}, "register depth"),
        ({"depth": np.ones((6, 8), np.uint16)}, "float metres"),
        ({"size_hint": -1.0}, "positive length"),
        ({"size_hint": float("nan")}, "positive length"),
        ({"roi": (5, 5, 10, 10)}, "outside"),
    ],
)
def test_bad_observations_are_one_sentence(values: dict, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        Observation(**{"image": IMAGE, "camera": CAMERA, **values})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.int64, np.uint32, np.float32, np.float64])
def test_masks_of_any_type_of_whole_numbers_are_labels(dtype: type) -> None:
    labels = np.zeros((6, 8), dtype)
    labels[2:4, 3:5] = 1
    mask = Observation(IMAGE, CAMERA, mask=labels).mask
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, labels.astype(int))
    if np.dtype(dtype).itemsize > 2:
        assert Observation(IMAGE, CAMERA, mask=labels * 40000).mask.max() == 40000


def test_measured_points_are_what_the_sensor_saw():
    depth = np.full((CAMERA.height, CAMERA.width), np.nan, dtype=np.float32)
    depth[3, 5], depth[4, 2] = 0.5, 1.5
    points = Observation(IMAGE, CAMERA, depth=depth).measured_points()
    np.testing.assert_allclose(CAMERA.at(np.eye(4)).project(points), [[5.5, 3.5], [2.5, 4.5]], atol=1e-4)  # the middles
    np.testing.assert_allclose(points[:, 2], [0.5, 1.5])
    assert Observation(IMAGE, CAMERA).measured_points() is None


def test_unusable_depth_becomes_nan() -> None:
    depth = np.array([[np.inf, -1, 0, np.nan, 1, 2, 3, 4]] * 6, np.float32)
    got = Observation(IMAGE, CAMERA, depth=depth).depth
    assert np.isnan(got[:, :4]).all()
    assert np.isfinite(got[:, 4:]).all()


def test_a_plane_moves_with_the_points_it_is_measured_from():
    rng = np.random.default_rng(0)
    plane = Plane(rng.normal(size=3), 0.7)
    points = rng.normal(size=(20, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    T = make_transform(turn * np.linalg.det(turn), rng.normal(size=3), 2.5)
    assert np.allclose(plane.transform(T).height(transform_points(T, points)), 2.5 * plane.height(points))
    assert np.allclose(plane.transform(T).transform(np.linalg.inv(T)).offset, plane.offset)
