from __future__ import annotations

import json
from functools import partial

import numpy as np
import open3d as o3d
import pytest
import trimesh

from gsn_perception.geometry import InputError
from gsn_perception.geometry.object_view import FIELD_MARGIN
from gsn_perception.scenes.datasets import building
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.loader import load_mesh
from gsn_perception.scenes.loader import mesh_sources

SIZE, VIEWS = 48, 4


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "meshes"
    place.mkdir()
    trimesh.creation.icosphere(subdivisions=4, radius=0.06).export(place / "ball.ply")
    trimesh.creation.box((0.05, 0.1, 0.2)).export(place / "brick.ply")
    trimesh.creation.torus(0.08, 0.02).export(place / "ring.ply")
    return place


def build(objects, out, **changes):
    options = {"views": VIEWS, "size": SIZE, "workers": 0, "progress": False, "normals": True, **changes}
    return build_dataset(objects, out, **options)


def read(out):
    names = ("rgb", "alpha", "depth", "points", "normals")
    arrays = {n: np.load(out / f"{n}.npy", mmap_mode="r") for n in names if (out / f"{n}.npy").exists()}
    with np.load(out / "cameras.npz") as cameras:
        return {**arrays, **cameras, "objects": json.loads((out / "objects.json").read_text())}


def test_round_trip(folder, tmp_path):
    out = build(mesh_sources(folder), tmp_path / "set")
    data = read(out)
    assert data["rgb"].shape == (3, VIEWS, SIZE, SIZE, 3)
    assert data["rgb"].dtype == np.uint8
    assert data["depth"].dtype == np.float16
    assert data["points"].shape == (3, 2048, 3)
    assert [o["name"] for o in data["objects"]] == ["ball", "brick", "ring"]
    assert [o["shape"] for o in data["objects"]] == ["box", "box", "open"]
    np.testing.assert_allclose(data["objects"][1]["extent"], [0.05, 0.1, 0.2], atol=1e-6)
    assert data["valid"].all()
    assert json.loads((out / "dataset.json").read_text())["complete"]
    assert not (out / "records").exists()
    empty = data["alpha"][:] == 0
    assert (data["rgb"][:][empty] == 255).all()
    assert (data["depth"][:][empty] == 0).all()
    assert (data["alpha"][:][data["depth"][:] > 0] > 0).all()
    # the cone fills the crop's circle: the object reaches 1 / 1.15 of the way out and no further
    reach = np.tan(data["theta"]) / np.tan(FIELD_MARGIN * data["theta"]) * SIZE / 2
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
    radius = np.where(data["alpha"][:] > 0, np.hypot(rows, columns), 0).max(axis=(2, 3))
    assert np.abs(radius - reach).max() < 1.2


def surface_distance(mesh, points):
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.core.Tensor(mesh.vertices), o3d.core.Tensor(mesh.faces.astype(np.uint32)))
    return scene.compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy()


def normalised_points(data, o, v):
    """What a reader does: pixels with depth as points [N,3] of view v's normalised frame."""
    rows, columns = np.nonzero(data["depth"][o, v])
    theta, z = data["theta"][o, v], data["depth"][o, v][rows, columns].astype(np.float64)
    f = SIZE / 2 / np.tan(FIELD_MARGIN * theta)
    x, y = (columns + 0.5 - SIZE / 2) / f * z, (rows + 0.5 - SIZE / 2) / f * z
    return np.stack([x, y, z - 0.5 / np.sin(theta)], axis=1), rows, columns


def world_from_normalised(data, o, v):
    pose, s = data["world_from_virtual"][o, v].astype(np.float64), data["scale"][o, v]
    T = np.eye(4)
    T[:3, :3] = s * pose[:3, :3]
    T[:3, 3] = pose[:3, 3] + s * 0.5 / np.sin(data["theta"][o, v]) * pose[:3, 2]
    return T


def test_frames_agree_with_the_mesh_and_between_views(folder, tmp_path):
    data = read(build(mesh_sources(folder), tmp_path / "set"))
    for o, path in enumerate(sorted(folder.iterdir())):
        mesh = load_mesh(path).mesh
        extent = np.ptp(mesh.vertices, axis=0).max()
        assert surface_distance(mesh, data["points"][o]).max() < 1e-6
        for v in range(VIEWS):
            p, _, _ = normalised_points(data, o, v)
            assert len(p) > 100
            T = world_from_normalised(data, o, v)
            world = p @ T[:3, :3].T + T[:3, 3]
            assert surface_distance(mesh, world).max() < 3e-3 * extent  # float16 steps at a depth of 7 units
            other = (v + 1) % VIEWS
            seen = np.linalg.inv(world_from_normalised(data, o, other))
            q = world @ seen[:3, :3].T + seen[:3, 3]
            assert hidden_by_silhouette(data, o, other, q).mean() < 0.01
            assert lateral_reach(data, o, other, q) <= 1.001


def hidden_by_silhouette(data, o, v, q):
    """[N] bool: points that project outside the other view's silhouette (one pixel of tolerance)."""
    theta = data["theta"][o, v]
    f = SIZE / 2 / np.tan(FIELD_MARGIN * theta)
    z = q[:, 2] + 0.5 / np.sin(theta)
    u, w = (np.floor(f * q[:, i] / z + SIZE / 2).astype(int) for i in (0, 1))
    alpha = np.pad(data["alpha"][o, v] > 0, 1)
    grown = np.any([np.roll(alpha, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)], axis=0)
    return ~grown[w + 1, u + 1]


def lateral_reach(data, o, v, q):
    """The widest angle from the axis over theta."""
    theta = data["theta"][o, v]
    z = q[:, 2] + 0.5 / np.sin(theta)
    return (np.arctan2(np.linalg.norm(q[:, :2], axis=1), z) / theta).max()


def test_normals_are_those_of_the_sphere(folder, tmp_path):
    data = read(build(mesh_sources(folder)[:1], tmp_path / "set"))
    for v in range(VIEWS):
        p, rows, columns = normalised_points(data, 0, v)
        T = world_from_normalised(data, 0, v)
        outward = (p @ T[:3, :3].T + T[:3, 3] - [0, 0, 0.06]) / 0.06
        stored = data["normals"][0, v][rows, columns] / 127 @ data["world_from_virtual"][0, v, :3, :3].T
        assert np.median(np.einsum("ij,ij->i", stored, outward)) > 0.995


def test_a_complete_set_is_reused_and_an_interrupted_one_resumed(folder, tmp_path, monkeypatch):
    whole = read(build(mesh_sources(folder), tmp_path / "whole"))
    out, original, calls = tmp_path / "set", building._build_object, []

    def stopping(source, index, **options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(index)
        return original(source, index, **options)

    monkeypatch.setattr(building, "_build_object", stopping)
    with pytest.raises(KeyboardInterrupt):
        build(mesh_sources(folder), out)
    assert not json.loads((out / "dataset.json").read_text())["complete"]
    calls.clear()
    build(mesh_sources(folder), out)
    assert calls == [2]
    resumed = read(out)
    for name in ("rgb", "alpha", "depth", "points", "normals", "world_from_virtual", "theta", "scale"):
        np.testing.assert_array_equal(resumed[name], whole[name])
    calls.clear()
    build(mesh_sources(folder), out)
    assert calls == []
    build(mesh_sources(folder)[:2], out, seed=1)  # other content: built anew
    assert calls == [0, 1]
    assert read(out)["rgb"].shape[0] == 2


def test_processes_build_the_same(folder, tmp_path):
    alone = read(build(mesh_sources(folder), tmp_path / "alone"))
    together = read(build(mesh_sources(folder), tmp_path / "together", workers=2))
    np.testing.assert_array_equal(alone["rgb"], together["rgb"])
    np.testing.assert_array_equal(alone["world_from_virtual"], together["world_from_virtual"])


def test_an_object_that_fails_is_noted_and_the_rest_built(folder, tmp_path):
    (folder / "broken.ply").write_text("ply\nrubbish")
    data = read(build(mesh_sources(folder), tmp_path / "set"))
    assert data["valid"].tolist() == [True, True, False, True]
    assert "broken.ply" in data["objects"][2]["error"]
    with pytest.raises(InputError, match="no object of the dataset could be built"):
        build([partial(load_mesh, folder / "broken.ply")], tmp_path / "none")


def test_bad_input_is_said(folder, tmp_path):
    with pytest.raises(InputError, match="no objects"):
        build([], tmp_path / "set")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the dataset"):
        build(mesh_sources(folder), tmp_path / "file" / "set")
    with pytest.raises(InputError, match="GB free"):
        build(mesh_sources(folder), tmp_path / "huge", views=10**9)
