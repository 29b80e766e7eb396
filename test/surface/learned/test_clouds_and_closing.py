"""Clouds for learned fields, fields made of fields, open patches made solid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from analytic import box
from analytic import capsule
from analytic import meshed
from analytic import sphere
from scipy.spatial import cKDTree

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.geometry.transforms import look_at
from gsn_perception.surface.extraction.closing import closed_shape
from gsn_perception.surface.extraction.closing import oriented_outwards
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.fields.combined import CarvedField
from gsn_perception.surface.fields.combined import tight_box
from gsn_perception.surface.fields.depth_views import DepthView
from gsn_perception.surface.learned.config import convonet_config
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.fields import cloud_shape
from gsn_perception.surface.solid.completion import Cloud
from gsn_perception.surface.solid.completion import opaque_centres
from gsn_perception.surface.solid.completion import union_cloud
from gsn_perception.surface.solid.spacing import beyond
from gsn_perception.surface.solid.spacing import farthest_points

BALL = meshed(sphere, 48)


def seen_ball(radius=0.4, distance=1.5, size=96):
    """A camera's exact depth of a ball about the origin; +inf beside it."""
    camera = Camera.from_fov(0.8, size, size, look_at(np.array([distance, 0.0, 0.0]), np.zeros(3)))
    rays = camera.pixel_rays() @ camera.world_from_camera[:3, :3].T
    eye = camera.world_from_camera[:3, 3]
    a, b = (rays**2).sum(-1), rays @ eye
    inside = b**2 - a * (eye @ eye - radius**2)
    depth = np.where(inside >= 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
    return DepthView(camera, depth.astype(np.float32))


def test_farthest_points_against_brute_force():
    points = np.random.default_rng(0).random((80, 3)).astype(np.float32)
    chosen = [5]
    while len(chosen) < 30:
        chosen.append(int(cKDTree(points[chosen]).query(points)[0].argmax()))
    assert farthest_points(points, 30, first=5).tolist() == chosen
    everything = farthest_points(points, 200)
    assert sorted(everything[:80]) == list(range(80))
    assert (everything[80:160] == everything[:80]).all()
    same = np.zeros((10, 3), np.float32)
    assert sorted(farthest_points(same, 10)) == list(range(10))


def spread(mesh, count=3000):
    return sample_surface(mesh, count, np.random.default_rng(1))[0]


def test_points_beyond_others_against_a_search_tree():
    rng = np.random.default_rng(0)
    points, others = (rng.normal(size=(n, 3)).astype(np.float32) for n in (400, 600))
    for distance in (0.01, 0.2, 3.0):
        assert (beyond(points, others, distance) == (cKDTree(others).query(points)[0] > distance)).all()
    assert beyond(points, others[:0], 0.1).all()
    assert not beyond(others, others, 1e-9).any()
    assert len(beyond(points[:0], others, 0.1)) == 0


def test_centres_of_transparent_gaussians_complete_no_cloud():
    means, opacities = torch.rand(50, 3), torch.linspace(0.01, 1.0, 50)
    splat = Gaussians(means, means + 0.1, torch.ones(50, 4), means, opacities)
    found = opaque_centres(splat)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, means[opacities >= 0.3].numpy())


def test_measured_points_replace_the_solid_where_there_are_any():
    view = seen_ball()
    cloud = union_cloud(view, spread(BALL), count=1500, rng=np.random.default_rng(0))
    assert len(cloud) == 1500
    assert np.abs(np.linalg.norm(cloud.points, axis=1) - 0.4).max() < 0.01
    facing = cloud.points[:, 0] > 0.4**2 / 1.5  # the cap that the camera sees
    assert cloud.observed[cloud.points[:, 0] > 0.2].mean() > 0.97
    assert not cloud.observed[~facing & (cloud.points[:, 0] < 0.05)].any()
    gap = cKDTree(cloud.points).query(cloud.points, 2)[0][:, 1]
    assert np.quantile(gap, 0.02) > 0.6 * np.median(gap)  # even spacing


def test_guesses_in_free_space_are_left_out():
    swollen = meshed(lambda p: sphere(p, 0.5), 48)
    cloud = union_cloud(seen_ball(), spread(swollen), count=800, rng=np.random.default_rng(0))
    guessed = cloud.points[~cloud.observed]
    eye = np.array([1.5, 0.0, 0.0])
    along = guessed - eye
    closest = np.linalg.norm(np.cross(along, eye) / np.linalg.norm(along, axis=1, keepdims=True), axis=1)
    assert len(guessed) > 100
    assert (closest < 0.4 + 0.02).all()  # nothing beside the silhouette
    assert (guessed[:, 0] < 0.15).all()  # nothing before the measured cap


def test_one_kind_of_points_suffices_and_none_is_a_sentence():
    rng = np.random.default_rng(0)
    assert union_cloud(seen_ball(), None, count=300, rng=rng).observed.all()
    assert not union_cloud(None, spread(BALL), count=300, rng=rng).observed.any()
    with pytest.raises(InputError, match="surface point"):
        union_cloud(None, None, count=300, rng=rng)


def test_carving_cuts_what_the_camera_saw_past():
    everything = CarvedField(lambda p: np.full(len(p), 5.0, np.float32), seen_ball(), tolerance=0.0, level=1.0)
    before, behind, beside = np.array([[0.5, 0, 0]]), np.array([[0.2, 0, 0]]), np.array([[0, 0.6, 0]])
    assert everything(before) < 1.0
    assert everything(beside) < 1.0
    assert everything(behind) == 5.0
    mesh = closed_mesh(ImplicitShape(everything, np.full(3, -0.6), np.full(3, 0.6), 1.0), resolution=48)
    assert mesh.is_watertight()
    front = mesh.vertices[np.hypot(mesh.vertices[:, 1], mesh.vertices[:, 2]) < 0.2]
    front = front[front[:, 0] > 0]
    assert np.abs(np.linalg.norm(front, axis=1) - 0.4).max() < 0.02


def test_material_stands_behind_what_was_measured_and_nowhere_else():
    view = seen_ball()
    depth = np.where(np.arange(96)[:, None] < 40, np.nan, view.depth)  # the upper rows are unknown
    nothing = lambda p: np.full(len(p), -5.0, np.float32)  # noqa: E731
    filled = CarvedField(nothing, DepthView(view.camera, depth), fill=0.05, level=1.0)
    down = view.camera.world_from_camera[:3, 1]
    front = np.array([[0.4, 0, 0]]) + 0.08 * down  # on rows that are known
    front *= 0.4 / np.linalg.norm(front)
    away = front - view.camera.world_from_camera[:3, 3]
    away /= np.linalg.norm(away)
    assert filled(front + 0.02 * away) > 1.0
    assert filled(front - 0.02 * away) < 1.0
    assert filled(front + 0.08 * away) < 1.0
    assert filled(np.array([[0.36, 0, 0]]) - 0.15 * down) == -5.0


def test_tight_boxes_hold_everything():
    low, high = tight_box(lambda p: -box(p), np.full(3, -1.0), np.full(3, 1.0), level=0.0)
    assert (low <= [-0.4, -0.25, -0.15]).all()
    assert (high >= [0.4, 0.25, 0.15]).all()
    assert (high - low < [1.15, 0.85, 0.65]).all()
    with pytest.raises(InputError, match="empty"):
        tight_box(lambda p: -np.ones(len(p)), np.full(3, -1.0), np.full(3, 1.0), level=0.0)


def holed_and_flipped(mesh, holes, rng):
    """Without caps around random points, and with patches of faces turned over."""
    centre = mesh.triangles.mean(axis=1)
    keep = np.ones(len(centre), bool)
    for point in centre[rng.integers(len(centre), size=holes)]:
        keep &= np.linalg.norm(centre - point, axis=1) > 0.06
    faces = mesh.faces[keep].copy()
    flip = rng.random(len(faces)) < 0.4
    faces[flip] = faces[flip][:, ::-1]
    return Mesh(mesh.vertices, faces)


@pytest.mark.parametrize("sdf", [sphere, box], ids=["sphere", "box"])
def test_patches_are_turned_outwards_and_closed(sdf):
    rng = np.random.default_rng(3)
    truth = meshed(sdf, 48)
    patches = holed_and_flipped(truth, 4, rng)
    solid = Mesh(truth.vertices * 1.06 + 0.01, truth.faces)  # only roughly like it
    turned = oriented_outwards(patches, solid)
    outwards = np.einsum("ij,ij->i", turned.face_normals(), turned.triangles.mean(axis=1))
    assert (outwards > 0).mean() > 0.99
    mesh = closed_mesh(closed_shape(patches, solid), resolution=48, bisections=5)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(truth.volume(), rel=0.03)
    assert np.abs(sdf(mesh.vertices.astype(float))).max() < 0.04
    with pytest.raises(InputError, match="no surface"):
        closed_shape(Mesh(truth.vertices, truth.faces[:0]), solid)


def test_separate_patches_vote_each_for_itself():
    two = [meshed(lambda p, x=x: sphere(p - np.array([x, 0, 0]), 0.2), 40) for x in (-0.3, 0.3)]
    wrong = two[1].faces[:, ::-1]
    both = Mesh(np.concatenate([m.vertices for m in two]), np.concatenate([two[0].faces, wrong + len(two[0].vertices)]))
    right = Mesh(both.vertices, np.concatenate([two[0].faces, two[1].faces + len(two[0].vertices)]))
    assert oriented_outwards(both, right).volume() == pytest.approx(right.volume(), rel=1e-5)


def test_a_trained_like_field_becomes_a_mesh(monkeypatch):
    """The decoder is replaced by the analytic logit, so that only the way to the mesh is tested."""
    network = ConvolutionalOccupancyNetwork(convonet_config("tiny")).eval()
    logits = lambda p: -60.0 * (np.linalg.norm(p, axis=-1) - 0.4)  # noqa: E731
    monkeypatch.setattr("gsn_perception.surface.learned.fields.decoded_field", lambda network, maps: logits)
    points = 0.4 * np.random.default_rng(0).normal(size=(400, 3))
    points = (0.4 * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    shape = cloud_shape(network, {"dev": {"threshold": 0.5}}, Cloud(points, np.ones(400, bool)))
    mesh = closed_mesh(shape, resolution=48)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.02)
    assert torch.is_grad_enabled()


def random_shape(seed):
    """A union of a few rods, balls and boxes, some hollowed, as a field that is larger inside."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(int(rng.integers(1, 6))):
        kind, centre = int(rng.integers(3)), rng.uniform(-0.25, 0.25, 3)
        if kind == 0:
            end, radius = rng.uniform(-0.45, 0.45, 3), rng.uniform(0.02, 0.12)
            parts.append(lambda p, c=centre, e=end, r=radius: capsule(p, c, e, r))
        elif kind == 1:
            radius = rng.uniform(0.05, 0.25)
            parts.append(lambda p, c=centre, r=radius: sphere(p - c, r))
        else:
            half = rng.uniform(0.03, 0.25, 3)
            parts.append(lambda p, c=centre, h=half: box(p - c, h))
    hollow = rng.random() < 0.3

    def field(points):
        value = np.min([part(points.astype(np.float64)) for part in parts], axis=0)
        return -(np.maximum(value, -(value + 0.03)) if hollow else value).astype(np.float32)

    return field


def extracted(seed):
    field = random_shape(seed)
    shape = ImplicitShape(field, np.full(3, -0.6), np.full(3, 0.6))
    budget = int(np.random.default_rng(seed).choice([2000, 20_000]))
    return closed_mesh(shape, resolution=48, max_triangles=budget, bisections=2, smoothing=seed % 3), budget


@pytest.mark.parametrize("seed", range(6))
def test_extraction_is_watertight(seed):
    mesh, budget = extracted(seed)
    assert mesh.is_watertight()
    assert 0 < len(mesh.faces) <= budget
    assert mesh.volume() > 0


@pytest.mark.long
def test_extraction_is_watertight_on_two_hundred_shapes():
    for seed in range(200):
        mesh, budget = extracted(seed)
        assert mesh.is_watertight(), seed
        assert 0 < len(mesh.faces) <= budget, seed
