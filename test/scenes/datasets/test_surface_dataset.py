"""What `gsn data --what surface` stores, against inside tests and nearest points found otherwise."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import trimesh

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.scenes.datasets import building
from gsn_perception.scenes.datasets.shots import ShotSettings
from gsn_perception.scenes.datasets.surface_dataset import SurfaceSettings
from gsn_perception.scenes.datasets.surface_dataset import build_surface_dataset
from gsn_perception.scenes.datasets.surface_samples import SampleCounts
from gsn_perception.scenes.datasets.surface_samples import displacement_samples
from gsn_perception.scenes.datasets.surface_samples import occupancy_samples
from gsn_perception.scenes.datasets.surface_samples import unit_frame
from gsn_perception.scenes.datasets.surface_samples import unit_mesh
from gsn_perception.scenes.loader import load_mesh
from gsn_perception.scenes.loader import mesh_sources
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface.solid.completion import Completion
from gsn_perception.training.surface.data import SurfaceDataset

COUNTS = SampleCounts(uniform=600, near=600, displaced=500, cloud=800)
SETTINGS = SurfaceSettings(views=2, counts=COUNTS, shots=ShotSettings(size=64, cloud=300))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("meshes")
    trimesh.creation.icosphere(subdivisions=4, radius=0.06).export(place / "ball.ply")
    trimesh.creation.box((0.05, 0.1, 0.2)).export(place / "brick.ply")
    trimesh.creation.torus(0.08, 0.02).export(place / "ring.ply")
    return place


def build(sources, out, **changes):
    options = {"settings": SETTINGS, "workers": 0, "progress": False, **changes}
    return SurfaceDataset(build_surface_dataset(sources, out, **options))


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    return build(mesh_sources(folder), tmp_path_factory.mktemp("surface") / "set")


def brick():
    return Mesh(*(np.asarray(a) for a in (lambda m: (m.vertices, m.faces))(trimesh.creation.box((0.05, 0.1, 0.2)))))


def test_unit_frame_is_centred_at_unit_extent():
    mesh = Mesh(brick().vertices + 3.0, brick().faces[:, ::-1])  # off the origin and inside out
    unit = unit_mesh(mesh)
    np.testing.assert_allclose(np.abs(unit.vertices).max(axis=0), [0.125, 0.25, 0.5], atol=1e-5)
    assert unit.volume() > 0
    T = unit_frame(mesh)
    np.testing.assert_allclose(unit.vertices @ T[:3, :3].T + T[:3, 3], mesh.vertices, atol=1e-5)


def test_occupancy_of_a_box_and_of_a_box_with_a_hole():
    rng = np.random.default_rng(0)
    unit = unit_mesh(brick())
    for mesh, sure in ((unit, 1.0), (Mesh(unit.vertices, unit.faces[1:]), 0.9)):  # one of twelve triangles is missing
        points, inside = occupancy_samples(mesh, SampleCounts(uniform=3000, near=2000), rng)
        assert points.dtype == np.float16
        distance = np.abs(points.astype(float)) - [0.125, 0.25, 0.5]
        clear = np.abs(distance.max(axis=1)) > (0.0 if sure == 1.0 else 0.05)
        assert ((distance < 0).all(axis=1) == inside)[clear].mean() >= sure - (0.001 if sure == 1.0 else 0.0)


def test_displacements_are_exact():
    mesh = unit_mesh(load_torus())
    queries, vectors = displacement_samples(mesh, SampleCounts(displaced=400), np.random.default_rng(0))
    q, v = queries.astype(float), vectors.astype(float)
    surface = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    nearest, distance, _ = trimesh.proximity.closest_point(surface, q)
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), distance, atol=2e-4)
    assert trimesh.proximity.closest_point(surface, q + v)[1].max() < 2e-4
    assert np.quantile(np.linalg.norm(q + v - nearest, axis=1), 0.99) < 1e-3  # but on the medial axis
    assert 0.001 < np.median(distance) < 0.02


def load_torus():
    ring = trimesh.creation.torus(0.08, 0.02)
    return Mesh(ring.vertices, ring.faces)


def test_round_trip(made, folder):
    assert made.names == ["ball", "brick", "ring"]
    assert made.shapes == ["box", "box", "open"]
    assert made.views == 2
    np.testing.assert_allclose(made.half[1], [0.125, 0.25, 0.5], atol=1e-6)
    ball = made.row("points", 0).astype(float)
    radius = np.linalg.norm(ball, axis=1)
    clear = np.abs(radius - 0.5) > 0.003  # an icosphere is a polyhedron
    assert (made.row("inside", 0) == (radius < 0.5))[clear].all()
    assert made.row("surface", 0).shape == (800, 3)
    assert np.abs(np.linalg.norm(made.row("surface", 0), axis=1) - 0.5).max() < 0.003


def test_clouds_lie_on_the_surface_as_a_depth_camera_sees_it(made):
    for index in (0, 1):
        for view in range(2):
            T = made.unit_from_normalised[index, view]
            scale = np.cbrt(np.linalg.det(T[:3, :3]))
            assert 0.7 < scale < 2
            cloud = made.row("clouds", index)[view].astype(float)
            unit = cloud @ T[:3, :3].T + T[:3, 3]
            assert made.row("observed", index)[view].all()
            distance = np.abs(np.linalg.norm(unit, axis=1) - 0.5) if index == 0 else box_distance(unit)
            assert np.median(distance) < 0.01
            assert np.quantile(distance, 0.95) < 0.04
            eye = T[:3, 3] - T[:3, 2] / (2 * np.sin(made.theta[index, view]))  # of the camera, unit frame
            if index == 0:  # only the half that faces the camera
                assert (unit @ eye / np.linalg.norm(eye) > 0.1).all()


def box_distance(points):
    q = np.abs(points) - [0.125, 0.25, 0.5]
    return np.abs(np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0))


def test_crops_show_the_object_with_measured_depth(made):
    alpha, depth = (made.views_of(n, np.array([0, 1]), np.array([1, 0])) for n in ("alpha", "depth"))
    assert alpha.shape == (2, 64, 64)
    assert 0.1 < (alpha > 127).mean() < 0.7
    assert (depth[alpha == 0] == 0).mean() > 0.99
    near = depth[(depth > 0) & (alpha > 127)].astype(float)
    assert len(near) > 300


class Knows:
    """A network that knows the object: its points are on the true surface, its scale five per cent off."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, observation):
        view = ObjectView.of_mask(observation.mask > 0, observation.camera, 64)
        solid = unit_mesh(load_mesh(self.folder / "ball.ply").mesh)
        return Completion(view, 1.05 * 0.12, sample_surface(solid, 2000, np.random.default_rng(0))[0])


def test_completed_clouds_hold_both_kinds(folder, tmp_path):
    shots = ShotSettings(size=64, cloud=400, upright=1.0, depth=0.5)
    settings = SurfaceSettings(views=6, counts=COUNTS, shots=shots)
    data = build(
        mesh_sources(folder)[:1], tmp_path / "set", settings=settings, complete=Knows(folder), completed_by="me"
    )
    assert data.completed_by == "me"
    shares = data.row("observed", 0).mean(axis=1)
    with_depth = np.load(tmp_path / "set" / "cameras.npz")["with_depth"][0] > 0
    assert (shares[~with_depth] == 0).all()
    assert (shares[with_depth] > 0).all()
    assert with_depth.any()
    assert not with_depth.all()


def test_complete_sets_are_reused_and_interrupted_ones_resumed(folder, tmp_path, monkeypatch):
    whole = build(mesh_sources(folder), tmp_path / "whole")
    original, calls = building._build_object, []

    def stopping(source, index, **options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(index)
        return original(source, index, **options)

    monkeypatch.setattr(building, "_build_object", stopping)
    with pytest.raises(KeyboardInterrupt):
        build(mesh_sources(folder), tmp_path / "set")
    with pytest.raises(InputError, match="interrupted"):
        SurfaceDataset(tmp_path / "set")
    calls.clear()
    again = build(mesh_sources(folder), tmp_path / "set")
    assert calls == [2]
    for name in ("points", "inside", "queries", "displacements", "clouds", "rgb"):
        for index in range(3):
            np.testing.assert_array_equal(again.row(name, index), whole.row(name, index))
    calls.clear()
    build(mesh_sources(folder), tmp_path / "set")
    assert calls == []


def test_broken_objects_are_left_out_and_foreign_folders_refused(folder, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "broken.ply").write_text("no mesh")
    data = build([*mesh_sources(tmp_path / "bad"), partial(random_object, 3)], tmp_path / "set")
    assert len(data) == 1
    assert data.broken[0][0].count("broken.ply")
    assert np.isfinite(data.row("points", 0)).all()
    header = json.loads((tmp_path / "set" / "dataset.json").read_text())
    (tmp_path / "set" / "dataset.json").write_text(json.dumps({**header, "kind": "views"}))
    with pytest.raises(InputError, match="--what surface"):
        SurfaceDataset(tmp_path / "set")
    with pytest.raises(InputError, match="no objects"):
        build([], tmp_path / "none")
