"""Remarks on implausible sizes, size hints and incomplete meshes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.gsn.scale import Scale
from gsn_perception.pipeline.meshing.result_plausibility import hint_remarks
from gsn_perception.pipeline.meshing.result_plausibility import mesh_remarks
from gsn_perception.pipeline.meshing.result_plausibility import scale_remarks


def _codes(remarks) -> list[str]:
    return [remark.code for remark in remarks]


def _splat(*sides: float) -> Gaussians:
    """Centres that fill a box of these sides, turned, 0.8 m before the camera."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    means = (rng.uniform(-0.5, 0.5, (2000, 3)) * sides) @ turn.T + [0, 0, 0.8]
    count = len(means)
    return Gaussians(
        torch.tensor(means, dtype=torch.float32),
        torch.full((count, 3), 1e-3),
        torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1),
        torch.full((count, 3), 0.5),
        torch.full((count,), 0.9),
    )


@pytest.mark.parametrize(
    ("sides", "large"),
    [
        ((0.1, 0.08, 0.12), False),
        ((0.5, 0.05, 0.02), False),  # a wrench
        ((0.4, 0.3, 0.1), False),  # a box with a side to grasp
        ((1.1, 0.9, 0.8), True),  # a mug in 0.1 mm
        ((0.44, 0.35, 0.4), True),  # a mug in 0.25 mm: no side to grasp
        ((0.9, 0.05, 0.05), True),
    ],
)
def test_sizes(sides: tuple[float, float, float], large: bool) -> None:
    splat = _splat(*sides)
    found = scale_remarks(Scale(1.0, 0.01, "depth"), splat, has_depth=True, max_extent=0.6)
    assert _codes(found) == (["size_implausible"] if large else [])
    assert not scale_remarks(Scale(1.0, 0.01, "depth"), splat, has_depth=True, max_extent=0)
    hinted = scale_remarks(Scale(1.0, 0.01, "size_hint"), splat, has_depth=False, max_extent=0.6)
    assert not hinted  # the user said so


@pytest.mark.parametrize(("sigma", "told"), [(0.02, False), (0.08, True), (float("nan"), False)])
def test_an_uncertain_scale_of_a_plane(sigma: float, told: bool) -> None:
    splat = _splat(0.1, 0.1, 0.1)
    found = scale_remarks(Scale(0.2, 0.2 * sigma, "support_plane"), splat, has_depth=False, max_extent=0.6)
    assert _codes(found) == (["scale_uncertain"] if told else [])
    if told:
        assert "8% (64 mm)" in found[0].text  # at 0.8 m
    hinted = scale_remarks(Scale(0.2, 0.2 * sigma, "size_hint"), splat, has_depth=False, max_extent=0.6)
    assert not hinted


def test_depth_that_was_of_no_use() -> None:
    found = scale_remarks(Scale(1.0, float("nan"), "size_hint"), _splat(0.1, 0.1, 0.1), has_depth=True, max_extent=0.6)
    assert _codes(found) == ["depth_unused"]
    assert "size hint" in found[0].text


def test_a_hint_in_another_unit_is_told() -> None:
    splat = _splat(14.0, 9.0, 8.0)  # 14 for 14 cm
    (found,) = scale_remarks(Scale(1.0, 0.01, "size_hint"), splat, has_depth=False, max_extent=0.6)
    assert (found.code, "size hint" in found.text) == ("size_implausible", True)


def test_a_speck_right_before_the_lens_is_depth_in_another_unit() -> None:
    splat = _splat(0.1, 0.08, 0.12)
    tenth = replace(splat, means=splat.means / 10)  # 80 mm away
    assert _codes(scale_remarks(Scale(1.0, 0.01, "depth"), tenth, has_depth=True, max_extent=0.6)) == [
        "size_implausible"
    ]
    small = replace(splat, means=(splat.means - torch.tensor([0, 0, 0.8])) / 10 + torch.tensor([0, 0, 0.2]))  # a screw
    assert not scale_remarks(Scale(1.0, 0.01, "depth"), small, has_depth=True, max_extent=0.6)


@pytest.mark.parametrize(("hinted", "told"), [(0.15, False), (0.08, False), (0.3, False), (0.6, True), (0.015, True)])
def test_a_hint_beside_depth(hinted: float, told: bool) -> None:
    found = hint_remarks(Scale(0.15, 0.01, "depth"), Scale(hinted, 0.01, "size_hint"), hinted)
    assert _codes(found) == (["size_hint_contradicts_depth"] if told else [])


@pytest.mark.parametrize(("part", "told"), [(1.0, False), (0.9, False), (0.5, True)])
def test_a_mesh_that_lost_a_part(part: float, told: bool) -> None:
    """A bar along x at 1 m, of which the mesh has only a part."""
    camera = Camera(np.array([[100.0, 0, 40], [0, 100, 30], [0, 0, 1]]), 80, 60)
    mask = np.zeros((60, 80), bool)
    mask[28:32, 10:70] = True
    x = -0.3 + 0.6 * part * np.linspace(0, 1, 20)
    vertices = np.stack([x, np.where(np.arange(20) % 2, 0.02, -0.02), np.ones(20)], axis=1)
    assert _codes(mesh_remarks(vertices, camera, mask)) == (["mesh_incomplete"] if told else [])
