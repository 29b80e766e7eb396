"""Shapes end on their support plane: against solids whose volume and height are known."""

import numpy as np
import pytest

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Plane
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.extraction.implicit_shape import closed_mesh
from gsn_perception.surface.solid.ground_warp import GroundWarp
from gsn_perception.surface.solid.grounded_shape import ObjectSupport
from gsn_perception.surface.solid.grounded_shape import grounded_shape
from gsn_perception.surface.solid.mirrored_columns import MirroredColumns
from gsn_perception.surface.watertight.flattening import clamped_to_plane

TILT = np.array([0.2, -0.3, 0.9])
TILT /= np.linalg.norm(TILT)


def ball_shape(radius=0.3):
    def field(points):
        return (radius - np.linalg.norm(points, axis=1)).astype(np.float32)

    return ImplicitShape(field, np.full(3, -0.5), np.full(3, 0.5))


def meshed(shape, resolution=48):
    return closed_mesh(shape, resolution=resolution, bisections=4)


@pytest.mark.parametrize(("seen", "end"), [(0.3, -0.4), (0.3, 0.2), (0.5, 0.45), (0.3, 0.5)])
def test_the_map_keeps_what_was_seen_and_is_inverted(seen, end):
    ground = GroundWarp.of(Plane(TILT, 0.1), seen, end)
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    above = ground.height(points) >= seen
    assert above.any()
    assert np.array_equal(ground.to_field(points)[above], points[above])
    assert np.allclose(ground.to_real(ground.to_field(points)), points, atol=1e-9)
    along = points - ground.height(points)[:, None] * TILT
    moved = ground.to_field(points)
    assert np.allclose(moved - ground.height(moved)[:, None] * TILT, along)  # along the normal alone


@pytest.mark.parametrize("offset", [0.2, 0.45])
@pytest.mark.parametrize("normal", [np.array([0, 0, 1.0]), TILT])
def test_a_ball_ends_on_the_plane_whether_it_sank_or_hung(offset, normal):
    """Seen from above down to its equator; the guess goes 0.1 through the plane or ends 0.15 above it."""
    support = ObjectSupport(Plane(normal, offset), lowest_seen=offset)
    shape, ground = grounded_shape(ball_shape(), support, steepness=1.0)
    mesh = clamped_to_plane(meshed(shape), support.plane)
    height = support.plane.height(mesh.vertices.astype(float))
    assert mesh.is_watertight()
    assert -1e-6 < height.min() < 0.01
    assert height.max() == pytest.approx(offset + 0.3, abs=0.01)
    upper = 2 / 3 * np.pi * 0.3**3
    # half an ellipsoid where the guess is pressed together, a cylinder and half a ball where it is drawn out
    pressed, drawn = upper * offset / 0.3, upper + np.pi * 0.3**2 * (offset - 0.3)
    assert mesh.volume() == pytest.approx(upper + (pressed if offset < 0.3 else drawn), rel=0.1)
    assert len(ground.heights)


def test_what_hangs_is_cut_and_not_drawn_out():
    support = ObjectSupport(Plane(np.array([0, 0, 1.0]), 0.5), lowest_seen=0.5, stands=False)
    mesh = meshed(grounded_shape(ball_shape(), support, steepness=1.0)[0])
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)
    assert support.plane.height(mesh.vertices).min() == pytest.approx(0.2, abs=0.01)
    sunk = ObjectSupport(Plane(np.array([0, 0, 1.0]), 0.0), lowest_seen=0.0, stands=False)
    assert meshed(grounded_shape(ball_shape(), sunk, steepness=1.0)[0]).volume() == pytest.approx(
        2 / 3 * np.pi * 0.3**3, rel=0.05
    )


def test_a_shape_below_its_plane_is_refused():
    with pytest.raises(InputError, match="below its support plane"):
        grounded_shape(ball_shape(), ObjectSupport(Plane(np.array([0, 0, 1.0]), -0.6), lowest_seen=0.0))


def tops(kind, count=40_000):
    """What a camera straight above sees of a box, a lying cylinder or a ball on z = 0, and its volume."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-0.2, 0.2, (2, count))
    if kind == "box":
        inside, z, volume = (abs(x) < 0.15) & (abs(y) < 0.1), np.full(count, 0.06), 0.3 * 0.2 * 0.06
    elif kind == "cylinder":
        inside, volume = (abs(x) < 0.15) & (abs(y) < 0.05), np.pi * 0.05**2 * 0.3
        z = 0.05 + np.sqrt(np.maximum(0.05**2 - y**2, 0))
    else:
        inside, volume = np.hypot(x, y) < 0.1, 4 / 3 * np.pi * 0.1**3
        z = 0.1 + np.sqrt(np.maximum(0.1**2 - x**2 - y**2, 0))
    return np.stack([x, y, z], axis=1)[inside], volume


@pytest.mark.parametrize("kind", ["box", "cylinder", "ball"])
def test_columns_mirror_their_tops(kind):
    points, volume = tops(kind)
    columns = MirroredColumns(points, Plane(np.array([0, 0, 1.0]), 0.0))
    box = np.random.default_rng(1).uniform([-0.25, -0.25, -0.05], [0.25, 0.25, 0.3], (200_000, 3))
    found = (columns(box) > 0).mean() * 0.5 * 0.5 * 0.35
    assert found == pytest.approx(volume, rel=0.12)


def test_columns_of_nothing_hold_nothing():
    columns = MirroredColumns(np.zeros((0, 3)), Plane(np.array([0, 0, 1.0]), 0.0))
    assert (columns(np.random.default_rng(0).normal(size=(50, 3))) <= 0).all()
