"""``mesh_method``: every way gives a closed, painted mesh of the view; missing or foreign weights are sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.measure import marching_cubes

from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Reconstruction
from gsn_perception.pipeline import Reconstructor
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.pipeline.meshing import peif
from gsn_perception.scenes.objects import random_object
from gsn_perception.surface.learned import weights
from gsn_perception.surface.learned.config import convonet_config
from gsn_perception.surface.learned.config import onet_config
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.onet import OccupancyNetwork
from gsn_perception.surface.learned.weights import save_occupancy

SETTINGS = ReconstructorSettings(allow_cut=True, mesh_resolution=32, mesh_max_triangles=4000)
RADIUS = 0.35


@pytest.fixture(scope="module")
def pipeline():
    return Reconstructor.from_pretrained(device="cpu", settings=SETTINGS)


@pytest.fixture(scope="module")
def frame():
    return surface_case(random_object(2), Protocol()).observation


def constant_ball(network):
    """Weights under which every condition gives the logits of a ball, so that meshes need no training."""
    network.decode = lambda p, condition: 60.0 * (RADIUS - p.norm(dim=-1))
    return network


@pytest.mark.parametrize("method", ["onet", "convonet"])
def test_learned_meshes_are_closed_painted_and_know_what_was_seen(method, pipeline, frame, tmp_path, monkeypatch):
    torch.manual_seed(0)
    if method == "onet":
        network = OccupancyNetwork(onet_config("lean"))
        info = {"gsn_sha256": pipeline.origin.sha256}
    else:
        network, info = ConvolutionalOccupancyNetwork(convonet_config("tiny")), {}
    save_occupancy(tmp_path / "w.safetensors", network, info)
    settings = replace(SETTINGS, mesh_method=method, mesh_weights=str(tmp_path / "w.safetensors"))
    made = pipeline.with_settings(settings)
    constant_ball(made.mesher.network)
    ball = lambda p: np.float32(60.0) * (RADIUS - np.linalg.norm(p, axis=1))  # noqa: E731
    monkeypatch.setattr("gsn_perception.surface.learned.fields.decoded_field", lambda network, maps: ball)
    (result,) = made(replace(frame, depth=None, size_hint=0.2))
    assert isinstance(result, Reconstruction)
    mesh = result.mesh
    assert mesh.is_watertight()
    assert 500 < len(mesh.faces) <= 4000
    local = (mesh.vertices - result.T_camera_object[:3, 3]) / result.scale
    assert np.linalg.norm(local, axis=1).max() < RADIUS + 0.03  # the ball, where the silhouette left it
    assert mesh.colors is not None
    assert np.ptp(mesh.confidence) > 0.9
    front = mesh.confidence[local @ result.T_camera_object[:3, 2] < -0.1].mean()
    back = mesh.confidence[local @ result.T_camera_object[:3, 2] > 0.1].mean()
    assert front > back + 0.3
    assert len(result.points) > 0


def ball_patches(field, lower, upper, *, resolution, seeds):
    """Marching cubes of the distance, an open half turned over: what a directed marching may give."""
    axes = [np.linspace(a, b, 40) for a, b in zip(lower, upper, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    distance = np.linalg.norm(field(grid.reshape(-1, 3)), axis=1).reshape(grid.shape[:3])
    inside = np.linalg.norm(grid, axis=-1) < RADIUS
    vertices, faces, _, _ = marching_cubes(np.where(inside, distance, -distance), 0.0, gradient_direction="ascent")
    steps = [(b - a) / 39 for a, b in zip(lower, upper, strict=True)]
    made = Mesh(vertices * steps + lower, faces)
    centre = made.triangles.mean(axis=1)
    faces = made.faces[np.linalg.norm(centre - centre[0], axis=1) > 0.05]
    return Mesh(made.vertices, np.where(np.arange(len(faces))[:, None] % 2 == 0, faces, faces[:, ::-1]))


def test_displacement_fields_become_solids(pipeline, frame, tmp_path, monkeypatch):
    def field(_, cloud):
        assert cloud.shape[1] == 3

        def displacement(points):
            length = np.linalg.norm(points, axis=1, keepdims=True)
            return points / np.maximum(length, 1e-9) * (RADIUS - length)

        return displacement

    monkeypatch.setattr(peif, "load_peif", lambda path: ("network", {}))
    monkeypatch.setattr(peif, "PeifField", field)
    monkeypatch.setattr(peif, "directed_marching", ball_patches)
    settings = replace(SETTINGS, mesh_method="peif", mesh_weights=str(tmp_path / "any.safetensors"))
    (result,) = pipeline.with_settings(settings)(replace(frame, depth=None, size_hint=0.2))
    assert isinstance(result, Reconstruction)
    assert result.mesh.is_watertight()
    local = np.linalg.norm((result.mesh.vertices - result.T_camera_object[:3, 3]) / result.scale, axis=1)
    assert local.max() < RADIUS + 0.03  # the ball, where the silhouette left it
    assert np.median(np.abs(local - RADIUS)) < 0.01


def nothing_shipped(name):
    raise InputError(f"no weights named {name!r} are shipped")


def test_missing_and_foreign_weights_are_sentences(pipeline, tmp_path, monkeypatch):
    with monkeypatch.context() as bare:
        bare.setattr(weights, "shipped", nothing_shipped)
        for method in ("onet", "convonet", "peif"):
            with pytest.raises(InputError, match=f"no weights are shipped for mesh method '{method}'"):
                pipeline.with_settings(replace(SETTINGS, mesh_method=method))
    save_occupancy(tmp_path / "w.safetensors", OccupancyNetwork(onet_config("lean")), {"gsn_sha256": "other"})
    foreign = replace(SETTINGS, mesh_method="onet", mesh_weights=str(tmp_path / "w.safetensors"))
    with pytest.raises(InputError, match="other Gaussian weights"):
        pipeline.with_settings(foreign)
    with pytest.raises(InputError, match="expected convonet"):
        pipeline.with_settings(replace(foreign, mesh_method="convonet"))


def test_the_mesher_is_kept_as_long_as_its_settings_are(pipeline):
    assert pipeline.with_settings(replace(SETTINGS, mesh_resolution=48)).mesher is pipeline.mesher
    assert pipeline.with_settings(replace(SETTINGS, seed=3)).mesher is not pipeline.mesher


def test_auto_takes_the_learned_field_where_depth_was_measured(pipeline, frame):
    made = pipeline.with_settings(replace(SETTINGS, mesh_method="auto"))
    for some, method in ((frame, "convonet"), (replace(frame, depth=None, size_hint=0.2), "gaussians")):
        (auto,) = made(some)
        (direct,) = pipeline.with_settings(replace(SETTINGS, mesh_method=method))(some)
        np.testing.assert_array_equal(auto.mesh.vertices, direct.mesh.vertices)
        assert auto.mesh.is_watertight()


def test_auto_falls_back_where_the_learned_field_is_empty(pipeline, frame, monkeypatch):
    made = pipeline.with_settings(replace(SETTINGS, mesh_method="auto"))
    empty = lambda p: np.full(len(p), -10.0, np.float32)  # noqa: E731
    monkeypatch.setattr("gsn_perception.surface.learned.fields.decoded_field", lambda network, maps: empty)
    monkeypatch.setattr("gsn_perception.surface.learned.fields._FILL", 0.0)
    (auto,) = made(frame)
    (direct,) = pipeline.with_settings(replace(SETTINGS, mesh_method="gaussians"))(frame)
    np.testing.assert_array_equal(auto.mesh.vertices, direct.mesh.vertices)
