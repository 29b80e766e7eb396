"""A given support plane against the depth, gravity, and depth that is only the plane's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.pipeline.inputs.prepared_frame import prepare_frame
from gsn_perception.pipeline.inputs.support import checked_plane
from gsn_perception.pipeline.inputs.support import level_checked
from gsn_perception.pipeline.inputs.support import plane_beside_hint
from gsn_perception.pipeline.settings import ReconstructorSettings

CAMERA = Camera(np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), 320, 240)
SETTINGS = ReconstructorSettings()


def table(pitch=45.0, height=0.45):
    """The plane under a camera that looks down by ``pitch`` degrees."""
    angle = np.deg2rad(pitch)
    return Plane(np.array([0, -np.cos(angle), -np.sin(angle)]), height)


def frame(*, ball=True, noisy=True, **more):
    """A ball of 10 cm on the table, in depth of 2 mm noise."""
    plane, rays = table(), CAMERA.pixel_rays()
    with np.errstate(divide="ignore"):
        depth = -plane.offset / (rays @ plane.normal)
    depth = np.where((depth > 0) & (depth < 2), depth, np.nan)
    middle = CAMERA.rays(np.array([160.0, 130.0]))
    centre = middle * (-plane.offset / (middle @ plane.normal)) + 0.05 * plane.normal
    a, b, c = (rays**2).sum(-1), rays @ centre, centre @ centre - 0.05**2
    root = b**2 - a * c
    hit = root > 0
    if ball:
        depth = np.where(hit, (b - np.sqrt(np.maximum(root, 0))) / a, depth)
    if noisy:
        depth = depth + np.random.default_rng(0).normal(size=depth.shape) * 0.002
    image = np.full((240, 320, 3), 120, np.uint8)
    return Observation(image, CAMERA, mask=hit.astype(np.uint8), depth=depth.astype(np.float32), **more)


def tilted(degrees):
    """The table turned by so many degrees about the ball's foot."""
    plane, middle = table(), CAMERA.rays(np.array([160.0, 130.0]))
    foot = middle * (-plane.offset / (middle @ plane.normal))
    angle = np.deg2rad(degrees)
    normal = np.cos(angle) * plane.normal + np.sin(angle) * np.array([1.0, 0, 0])
    return Plane(normal, -float(normal @ foot))


WRONG = {
    "mm": (Plane(table().normal, 450.0), "millimetres"),
    "cm": (Plane(table().normal, 45.0), "centimetres"),
    "flipped": (Plane(-table().normal, -0.45), "points away"),
    "d flipped": (Plane(table().normal, -0.45), "sign of d"),
    "n flipped": (Plane(-table().normal, 0.45), "sign of the normal"),
    "flipped and mm": (Plane(-table().normal, -450.0), "millimetres and its normal points away"),
    "5 cm low": (Plane(table().normal, 0.50), "0.05 m and 0."),
    "5 cm high": (Plane(table().normal, 0.40), "0.05 m and 0."),
    "8 degrees": (tilted(8), "8.0 degrees"),
}


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", WRONG)
def test_a_plane_that_contradicts_the_depth_is_told_and_replaced(name, masked):
    given, words = WRONG[name]
    seen = frame(support_plane=given)
    prepared = prepare_frame(seen if masked else replace(seen, mask=None), SETTINGS, 64)
    (remark,) = prepared.observation.remarks
    assert remark.code == "support_plane_contradicts_depth"
    assert words in remark.text
    plane = prepared.observation.support_plane
    assert plane.normal @ table().normal > np.cos(np.deg2rad(0.7))
    assert plane.offset == pytest.approx(0.45, abs=0.003)
    kept = checked_plane(seen, replace(SETTINGS, trust_support_plane=True))
    assert kept.support_plane is given
    assert kept.remarks == ()


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("given", [table(), table(height=0.455), tilted(2)])
def test_a_plane_within_the_noise_is_kept_without_a_word(given, masked):
    seen = frame(support_plane=given)
    prepared = prepare_frame(seen if masked else replace(seen, mask=None), SETTINGS, 64)
    assert prepared.observation.support_plane is given
    assert prepared.observation.remarks == ()


def test_a_plane_that_the_depth_does_not_show_is_kept():
    """A shiny table: only the object was measured."""
    seen = frame(support_plane=table())
    seen = replace(seen, depth=np.where(seen.mask > 0, seen.depth, np.nan))
    assert checked_plane(seen, SETTINGS) is seen


def test_another_plane_that_the_depth_shows_may_be_given():
    """A board on the table under the object: who gives the table's plane means it."""
    seen = frame()
    given = Plane(table().normal, 0.45 + 0.06)
    points = CAMERA.back_project(seen.depth)
    lower = np.abs(points[..., 0]) > 0.12
    rays = CAMERA.pixel_rays()
    depth = np.where(lower, -given.offset / (rays @ given.normal), seen.depth).astype(np.float32)
    depth[~(depth < 2)] = np.nan
    seen = replace(seen, depth=depth, support_plane=given)
    assert checked_plane(seen, SETTINGS).remarks == ()


def test_without_depth_a_normal_away_from_the_camera_is_turned():
    seen = replace(frame(support_plane=WRONG["flipped"][0]), depth=None)
    turned = checked_plane(seen, SETTINGS)
    np.testing.assert_allclose(turned.support_plane.normal, table().normal)
    assert turned.support_plane.offset == pytest.approx(0.45)
    assert [remark.code for remark in turned.remarks] == ["support_plane_flipped"]


@pytest.mark.parametrize(("name", "words"), [("d flipped", "flipped"), ("n flipped", "flipped"), ("mm", "give 0.45")])
def test_without_depth_the_refusal_names_the_cause(name, words):
    from gsn_perception.geometry.gaussians import Gaussians

    seen = checked_plane(replace(frame(support_plane=WRONG[name][0]), depth=None), SETTINGS)
    view = ObjectView.of_mask(seen.mask > 0, CAMERA, 64)
    import torch

    grid = torch.cartesian_prod(*[torch.linspace(-0.3, 0.3, 4)] * 3)
    ones = torch.ones(len(grid))
    splat = Gaussians(
        grid, 0.02 * ones[:, None].repeat(1, 3), torch.eye(4)[:1].repeat(len(grid), 1), grid * 0 + 0.5, ones
    )
    with pytest.raises(InputError, match=words):
        scale_from_plane(splat, view, seen.support_plane)


def test_depth_that_passes_through_an_object_refuses_it():
    prepared = prepare_frame(frame(ball=False), SETTINGS, 64)
    assert "transparent" in prepared.crops[1].reason
    assert "size hint" in prepared.crops[1].reason
    assert not hasattr(prepare_frame(frame(), SETTINGS, 64).crops[1], "reason")


def test_gravity_is_validated_and_made_unit():
    np.testing.assert_allclose(frame(gravity=np.array([0, 3.0, 4.0])).gravity, [0, 0.6, 0.8])
    for bad in (np.zeros(3), np.array([1.0, np.nan, 0]), np.ones(2), "down"):
        with pytest.raises(InputError, match="gravity"):
            frame(gravity=bad)


def test_a_plane_far_from_level_is_remarked_on():
    down = -table().normal
    assert prepare_frame(frame(gravity=down), SETTINGS, 64).observation.remarks == ()
    prepared = prepare_frame(frame(gravity=np.array([1.0, 0, 0])), SETTINGS, 64)
    assert [remark.code for remark in prepared.observation.remarks] == ["support_plane_not_level"]
    assert "90 degrees" in prepared.observation.remarks[0].text
    assert level_checked(frame()).remarks == ()


def _splat_at(distance):
    """A cube of 10 cm that stands on the table at its middle if that is ``distance`` away."""
    import torch

    from gsn_perception.geometry.gaussians import Gaussians

    axis = CAMERA.rays(np.array([160.0, 120.0]))
    grid = torch.cartesian_prod(*[torch.linspace(-0.05, 0.05, 5)] * 3) + torch.tensor(axis * distance)
    ones = torch.ones(len(grid))
    turn = torch.tensor([[1.0, 0, 0, 0]]).repeat(len(grid), 1)
    return Gaussians(grid.float(), 0.01 * ones[:, None].repeat(1, 3), turn, 0.5 * ones[:, None].repeat(1, 3), ones)


@pytest.mark.parametrize(
    ("plane", "distance", "kept"),
    [
        (table(), 0.57, True),
        (table(), 0.5, True),  # hints are 8 % off
        (table(), 2.5, False),  # far below
        (Plane(table().normal, 450.0), 0.57, False),
        (Plane(-table().normal, 0.45), 0.57, False),
        (Plane(table().normal, -0.45), 0.57, False),
    ],
)
def test_a_size_hint_and_a_plane_that_exclude_each_other(plane, distance, kept):
    seen = replace(frame(support_plane=plane), depth=None)
    left, remarks = plane_beside_hint(seen, _splat_at(distance), Scale(0.15, 0.01, "size_hint"))
    assert (left.support_plane is not None) == kept
    assert [remark.code for remark in remarks] == ([] if kept else ["size_hint_contradicts_plane"])
    assert plane_beside_hint(seen, _splat_at(distance), Scale(0.15, 0.01, "depth")) == (seen, ())
