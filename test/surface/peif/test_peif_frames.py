"""The frames of degenerate patches, on patches whose symmetry is known."""

import numpy as np
import pytest
import torch
from peif_clouds import CLOUDS
from peif_clouds import motions
from peif_clouds import queries

from gsn_perception.surface.peif.frames import degenerate
from gsn_perception.surface.peif.frames import frames_of
from gsn_perception.surface.peif.patches import Patches
from gsn_perception.surface.peif.patches import PatchIndex
from gsn_perception.surface.peif.patches import fading_weights
from gsn_perception.surface.peif.patches import pose


def one_patch(points, query=(0.0, 0.0, 0.0)):
    offsets = torch.as_tensor(np.asarray(points, dtype=np.float64) - np.asarray(query))[None]
    return Patches(offsets, torch.ones(offsets.shape[:2], dtype=torch.float64))


def frames(points, query=(0.0, 0.0, 0.0)):
    poses = pose(one_patch(points, query))
    return frames_of(poses), poses


def polygon(corners, height=0.0):
    angle = 2 * np.pi * np.arange(corners) / corners + 0.3
    return np.column_stack([np.cos(angle), np.sin(angle), np.full(corners, height)])


def lopsided():
    """No ambiguity at all: extents 3, 2, 1 and one point far out along all of them."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-1, 1, (20, 3)) * [3, 2, 1], [[6, 3, 2]]])


def test_an_unambiguous_patch_has_one_frame_and_the_published_signs():
    found, poses = frames(lopsided())
    assert found.single
    axes = found.axes[0].numpy()
    points = lopsided()
    centred = points - points.mean(0)
    farthest = centred[np.linalg.norm(centred, axis=1).argmax()]
    covariance = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    assert np.abs(np.abs((axes * covariance).sum(0)) - 1).max() < 1e-12
    assert (axes.T @ -farthest > 0).all()  # the anchor: from the farthest point to the centre
    assert not degenerate(poses)[0]


def test_handedness_is_not_forced():
    """A mirrored patch has the mirrored frame, of the other handedness: O(3), not SO(3)."""
    mirror = np.diag([1.0, 1.0, -1.0])
    frame, mirrored = frames(lopsided())[0].axes[0], frames(lopsided() @ mirror)[0].axes[0]
    assert torch.allclose(mirrored, torch.from_numpy(mirror) @ frame)
    assert torch.det(frame) * torch.det(mirrored) < 0


def test_a_flat_patch_takes_the_side_of_the_query():
    rng = np.random.default_rng(1)
    flat = np.column_stack([rng.uniform(-1, 1, 30) * 2, rng.uniform(-1, 1, 30), np.zeros(30)])
    flat[0] = [4, 1, 0]
    for height in (0.5, -0.5):
        found, _ = frames(flat, (0.1, 0.2, height))
        assert found.single
        assert np.sign(float(found.axes[0, 2, 2])) == np.sign(height)
    within, _ = frames(flat, (0.1, 0.2, 0.0))
    assert len(within.weight) == 2
    assert torch.allclose(within.weight, torch.full((2,), 0.5, dtype=torch.float64))
    assert torch.allclose(within.axes[:, 2, 2].sort()[0], torch.tensor([-1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("corners", [3, 5, 8])
def test_a_regular_polygon_has_a_frame_at_every_corner(corners):
    found, poses = frames(polygon(corners), (0.0, 0.0, 0.4))
    assert degenerate(poses)[0]
    assert float(found.weight.sum()) == pytest.approx(1.0)
    assert (found.axes[:, 2, 2] > 0.999).all()  # the normal is defined and on the query's side
    first = found.axes[:, :2, 0]
    along = (first @ torch.from_numpy(polygon(corners)[:, :2].T)).abs()
    assert (along.amax(1) > 1 - 1e-9).all()  # every first axis points at a corner
    assert np.allclose(found.weight, found.weight[0])


@pytest.mark.parametrize("solid", ["tetrahedron", "cube", "octahedron"])
def test_platonic_solids_average_to_nothing(solid):
    """No direction is singled out, so that the mean of a constant prediction over the frames is zero."""
    corners = {
        "tetrahedron": [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
        "cube": np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3),
        "octahedron": np.concatenate([np.eye(3), -np.eye(3)]),
    }[solid]
    found, poses = frames(corners)
    assert degenerate(poses)[0]
    assert float(found.weight.sum()) == pytest.approx(1.0)
    constant = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    mean = (found.weight[:, None] * (found.axes @ constant)).sum(0)
    assert mean.abs().max() < 1e-12
    assert (found.axes @ found.axes.mT - torch.eye(3)).abs().max() < 1e-12


def invariants(found, poses):
    """What every motion must leave: the weighted mean over the frames of some function of the points they see."""
    seen = poses.points[found.patch] @ found.axes  # [F,K,3]
    query = (poses.query[found.patch, None] @ found.axes)[:, 0]
    value = torch.cat([torch.tanh(3 * seen[:, ::2]).sum(1), torch.sin(5 * query)], 1)
    turned = torch.cat([(found.axes @ v[:, :, None])[:, :, 0] for v in value.split(3, 1)], 1)
    count = len(poses.query)
    return torch.zeros(count, 6, dtype=value.dtype).index_add(0, found.patch, found.weight[:, None] * turned)


@pytest.mark.parametrize("gap", [0.0, 1e-9, 1e-6, 1e-4, 5e-4, 9e-4, 1.1e-3])
@pytest.mark.parametrize("pair", ["first two", "last two", "all"])
def test_continuous_through_every_degeneracy(gap, pair):
    """A patch a hair away from another gives a hair's difference, also across repeated eigenvalues."""
    rng = np.random.default_rng(5)
    p = rng.standard_normal((24, 3))
    p -= p.mean(0)
    p = p @ np.linalg.inv(np.linalg.cholesky(p.T @ p / 24)).T  # covariance 1
    stretch = {"first two": [1, 1 - gap, 0.2], "last two": [1, 0.3 + gap, 0.3], "all": [1, 1 - gap, 1 - 2 * gap]}[pair]
    p = p * np.sqrt(stretch)
    step = 1e-9
    before, poses = frames(p, (0.1, 0.2, 0.3))
    value = invariants(before, poses)
    for seed in range(8):
        nudge = step * np.random.default_rng(seed).standard_normal(p.shape)
        after = invariants(*frames(p + nudge, (0.1, 0.2, 0.3)))
        assert (after - value).abs().max() < 2e4 * step  # slope: one over the gap at which axes give way


@pytest.mark.parametrize("name", CLOUDS)
def test_equivariant_for_every_patch(name):
    cloud = CLOUDS[name](1200)[:1200] if name != "lattice box" else CLOUDS[name](14)
    asked = queries(cloud, 400)
    index = PatchIndex(cloud)
    poses = pose(index.patches(asked, 12, fade=True, dtype=torch.float64))
    value = invariants(frames_of(poses), poses).reshape(-1, 2, 3)
    for turn, shift in motions(3):
        moved = PatchIndex(cloud @ turn.T + shift).patches(asked @ turn.T + shift, 12, fade=True, dtype=torch.float64)
        poses = pose(moved)
        again = invariants(frames_of(poses), poses).reshape(-1, 2, 3)
        assert (again - value @ torch.from_numpy(turn.T)).abs().max() < 1e-9


def test_weights_fade_to_the_last_point_whatever_the_height():
    radius = np.linspace(0, 1, 9)
    for height in (0.0, 0.3, 5.0):
        weights = fading_weights(torch.from_numpy(np.sqrt(radius**2 + height**2))[None])[0]
        assert np.allclose(weights, 1 - radius**2)
    same = fading_weights(torch.full((1, 6), 2.0))
    assert torch.equal(same, torch.ones(1, 6))


def test_a_patch_of_one_repeated_point_has_finite_frames():
    found, poses = frames(np.full((8, 3), 0.3), (0.1, -0.4, 2.0))
    assert torch.isfinite(found.axes).all()
    assert float(found.weight.sum()) == pytest.approx(1.0)
    assert torch.isfinite(poses.query).all()
    assert float((poses.query[0] * poses.radius[0]).norm()) == pytest.approx(np.linalg.norm([0.2, 0.7, -1.7]))
