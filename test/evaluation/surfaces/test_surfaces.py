"""Surface scores against known answers; whole clouds and single views with methods that know the truth."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from gsn_perception.evaluation.metrics.distances import convex_hull
from gsn_perception.evaluation.surfaces.cloud_methods import ball_pivoting
from gsn_perception.evaluation.surfaces.cloud_methods import poisson
from gsn_perception.evaluation.surfaces.cloud_methods import unit_of_cloud
from gsn_perception.evaluation.surfaces.mesh_pictures import mesh_sheet
from gsn_perception.evaluation.surfaces.scores import side_scores
from gsn_perception.evaluation.surfaces.scores import surface_scores
from gsn_perception.evaluation.surfaces.scores import truth_scores
from gsn_perception.evaluation.surfaces.scores import volume_iou
from gsn_perception.evaluation.surfaces.single_views import evaluate_views
from gsn_perception.evaluation.surfaces.single_views import hull_finders
from gsn_perception.evaluation.surfaces.whole_clouds import CloudProtocol
from gsn_perception.evaluation.surfaces.whole_clouds import evaluate_full
from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.pipeline import Reconstructor
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.scenes.datasets.surface_samples import unit_mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.objects import random_object


def ball(radius=0.5, offset=0.0, subdivisions=4):
    made = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return Mesh(made.vertices + offset, made.faces)


def cube(side=1.0, offset=(0.0, 0.0, 0.0)):
    made = trimesh.creation.box((side,) * 3)
    return Mesh(made.vertices + np.asarray(offset), made.faces)


def rng():
    return np.random.default_rng(0)


def test_volumes_of_shifted_cubes_overlap_as_they_should():
    assert volume_iou(cube(), cube(offset=(0.5, 0, 0)), rng(), samples=20_000) == pytest.approx(1 / 3, abs=0.02)
    assert volume_iou(cube(), cube(), rng(), samples=5000) == 1.0
    assert volume_iou(cube(), cube(offset=(2, 0, 0)), rng(), samples=5000) == 0.0
    holed = Mesh(ball().vertices, ball().faces[5:])
    assert volume_iou(holed, ball(), rng(), samples=20_000) > 0.98


def test_concentric_balls_are_as_far_apart_as_their_radii():
    found = surface_scores(ball(0.52), ball(0.5), rng(), samples=5000)
    assert found["chamfer"] == pytest.approx(2.0, abs=0.1)
    assert found["f1"] == 0.0
    assert found["nc"] > 0.99
    close = surface_scores(ball(0.505), ball(0.5), rng(), samples=5000)
    assert close["f1"] == 1.0
    small = surface_scores(ball(0.052), ball(0.05), rng(), samples=5000)
    assert small["chamfer"] == pytest.approx(found["chamfer"], rel=0.05)  # whatever the unit


def test_sides_are_told_apart():
    truth = ball()
    dented = Mesh(np.where(truth.vertices[:, :1] < -0.2, truth.vertices * 0.8, truth.vertices), truth.faces)
    found = side_scores(dented, truth, rng(), samples=8000, eye=np.array([4.0, 0.0, 0.0]))
    assert found["chamfer_observed"] < 0.1
    assert found["chamfer_completed"] > 1.0


def test_the_floor_is_zero_and_sampling_alone_would_show_more():
    found = truth_scores(ball(), rng(), samples=4000)
    assert found["chamfer"] < 1e-3
    assert found["iou"] == found["f1"] == 1.0
    assert found["points_chamfer"] > 0.5


def whole(item_mesh):
    return TexturedMesh("thing", item_mesh, shape="box")


def test_whole_clouds_are_scored_in_the_objects_own_frame():
    item = whole(cube(0.2))
    truth = unit_mesh(item.mesh)

    def knows(points):
        """The cube around a turned cloud, by the cloud's principal frame: exact up to sampling."""
        return convex_hull(points)

    def refuses(points):
        raise InputError("no")

    keep = {}
    rows = evaluate_full(
        [item], {"hull": knows, "none": refuses}, CloudProtocol(points=4000, rotations=2), samples=4000, keep=keep
    )
    assert len(rows["hull"]) == len(rows["none"]) == len(rows["truth"]) == 2
    for row in rows["hull"]:
        assert row["chamfer"] < 0.2
        assert row["iou"] > 0.98
    assert rows["none"][0]["refused"] == 1
    assert rows["none"][0]["f1"] == 0.0
    assert np.ptp(keep["thing"][0].vertices, axis=0).max() == pytest.approx(np.ptp(truth.vertices, axis=0).max())
    sheet = mesh_sheet({"thing": keep["thing"]}, ["truth", "hull"])
    assert sheet.ndim == 3
    assert (sheet < 250).mean() > 0.05


def test_noise_and_seed_make_the_cloud():
    item = whole(cube(0.2))
    clouds = [next(iter(CloudProtocol(points=500, noise=n, rotations=0, seed=s).clouds(item)))[1] for n, s in
              ((0.0, 0), (0.0, 0), (0.01, 0), (0.0, 1))]  # fmt: skip
    np.testing.assert_array_equal(clouds[0], clouds[1])
    assert np.abs(np.abs(clouds[0]).max(axis=1) - 0.5).max() < 1e-6
    assert 0.003 < np.abs(np.abs(clouds[2]).max(axis=1) - 0.5).mean() < 0.02
    assert not np.allclose(clouds[0], clouds[3])


@pytest.mark.parametrize("method", [poisson, ball_pivoting])
def test_classical_methods_find_a_ball(method):
    points = ball(0.3, offset=0.1).vertices[:2500]
    mesh = method(points)
    assert surface_scores(mesh, ball(0.3, offset=0.1), rng(), samples=4000)["chamfer"] < 1.0
    assert mesh.volume() > 0
    T = unit_of_cloud(points)
    np.testing.assert_allclose(np.abs((points - T[:3, 3]) / T[0, 0]).max(), 0.5, atol=1e-4)


@pytest.fixture(scope="module")
def pipeline():
    return Reconstructor.from_pretrained(device="cpu", settings=ReconstructorSettings(allow_cut=True))


@pytest.mark.parametrize("what", ["rgbd", "rgb"])
def test_single_views_with_a_finder_that_knows(pipeline, what):
    item = random_object(2)  # a bottle
    case = surface_case(item, Protocol())
    keep, seen = {}, []

    def knows(frame, found):
        seen.append((frame, found.scale.value))
        return case.truth

    finders = {"knows": knows, **hull_finders(what)}
    rows = evaluate_views([case], pipeline.splats, finders, what, samples=3000, keep=keep)
    assert rows["knows, true scale"][0]["chamfer"] < 1e-2
    assert rows["knows, true scale"][0]["iou"] > 0.99
    assert rows["knows, true scale"][0]["scale_ratio"] == pytest.approx(1.0)
    assert rows["knows, estimated scale"][0]["scale_ratio"] == pytest.approx(seen[0][1] / seen[1][1])
    assert (seen[0][0].depth is None) == (what == "rgb")
    hull = rows["visual hull and plane, true scale"][0]
    assert 0.1 < hull["iou"] < 0.98
    assert hull["chamfer_observed"] < hull["chamfer_completed"] or what == "rgb"
    assert ("hull of measured points, true scale" in rows) == (what == "rgbd")
    np.testing.assert_allclose(keep[case.name][0].vertices[:, 2].min(), 0.0, atol=1e-4)  # z up, on the table
