"""Self-made objects: closed, in one piece, resting, repeatable; and the shapes they are composed of."""

import numpy as np
import pytest

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.scenes.objects import FAMILIES
from gsn_perception.scenes.objects import LONGEST_SIDE
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.shapes import loft
from gsn_perception.scenes.shapes import sdf
from gsn_perception.scenes.shapes.boxes import tray
from gsn_perception.scenes.shapes.marching import component_count
from gsn_perception.scenes.shapes.marching import sample_blocks
from gsn_perception.scenes.shapes.marching import sdf_mesh
from gsn_perception.scenes.shapes.stable_pose import center_of_mass
from gsn_perception.scenes.shapes.stable_pose import settle
from gsn_perception.scenes.shapes.vessels import bowl
from gsn_perception.scenes.shapes.vessels import glass
from gsn_perception.scenes.shapes.vessels import mug


def check_sound(thing):
    mesh = thing.mesh
    assert mesh.is_watertight(), thing.name
    assert mesh.volume() > 0, thing.name
    assert component_count(mesh) == 1, thing.name
    assert len(mesh.faces) <= 8500, thing.name
    assert len(np.unique(mesh.faces)) == len(mesh.vertices), f"{thing.name}: unused vertices"
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert low[2] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose((low + high)[:2], 0, atol=1e-6)
    assert LONGEST_SIDE[0] * 0.999 <= thing.extent.max() <= LONGEST_SIDE[1] * 1.001
    assert thing.extent.min() > 0.001
    if thing.texture is None:
        assert mesh.colors.min() >= 0
        assert mesh.colors.max() <= 1
    else:
        assert np.isfinite(thing.corner_uv).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_sound(family):
    for seed in range(2):
        check_sound(random_object(seed, family))


def test_random_seeds_are_sound_and_mixed():
    things = [random_object(seed) for seed in range(100, 140)]
    for thing in things:
        check_sound(thing)
    shapes = [thing.shape for thing in things]
    assert shapes.count("open") >= 8
    assert shapes.count("box") >= 8
    assert shapes.count("mid") >= 2
    assert len({thing.name.rsplit("_", 1)[0] for thing in things}) >= 12
    longest = np.array([thing.extent.max() for thing in things])
    assert longest.min() < 0.08
    assert longest.max() > 0.25


@pytest.mark.long
def test_many_seeds_are_sound():
    things = [random_object(seed) for seed in range(1000, 1600)]
    for thing in things:
        check_sound(thing)
    assert {thing.name.rsplit("_", 1)[0] for thing in things} == set(FAMILIES)
    share = np.mean([thing.shape == "open" for thing in things])
    assert 0.28 < share < 0.45


@pytest.mark.parametrize("family", ["mug", "carton", "animal", "bottle"])
def test_same_seed_same_object(family):
    a, b, other = random_object(7, family), random_object(7, family), random_object(8, family)
    assert np.array_equal(a.mesh.vertices, b.mesh.vertices)
    assert np.array_equal(a.mesh.faces, b.mesh.faces)
    if a.texture is None:
        assert np.array_equal(a.mesh.colors, b.mesh.colors)
    else:
        assert np.array_equal(a.texture, b.texture)
        assert np.array_equal(a.corner_uv, b.corner_uv)
    assert a.mesh.vertices.shape != other.mesh.vertices.shape or not np.allclose(a.mesh.vertices, other.mesh.vertices)


def test_unknown_family_is_named():
    with pytest.raises(InputError, match="teapot"):
        random_object(0, "teapot")


def heights_on_axis(mesh: Mesh, x: float = 0.003, y: float = 0.002) -> np.ndarray:
    """Heights at which the upright line through (x, y) crosses the surface, from above, by brute force."""
    a, b, c = (mesh.triangles[:, i].astype(np.float64) for i in range(3))
    p = np.array([x, y])

    def side(u, v):
        return (v[:, 0] - u[:, 0]) * (p[1] - u[:, 1]) - (v[:, 1] - u[:, 1]) * (p[0] - u[:, 0])

    wa, wb, wc = side(b, c), side(c, a), side(a, b)
    area = wa + wb + wc
    turn = np.sign(area)
    hit = (np.abs(area) > 1e-15) & (np.stack([wa, wb, wc]) * turn >= 0).all(axis=0)
    z = (wa * a[:, 2] + wb * b[:, 2] + wc * c[:, 2])[hit] / area[hit]
    return np.sort(z)[::-1]


@pytest.mark.parametrize("build", [mug, glass, bowl, tray])
@pytest.mark.parametrize("seed", range(3))
def test_open_vessels_are_hollow(build, seed):
    mesh = build(np.random.default_rng(seed)).mesh
    top, height = mesh.vertices[:, 2].max(), np.ptp(mesh.vertices[:, 2])
    crossings = heights_on_axis(mesh)
    assert len(crossings) == 2, "one floor: its upper and its lower side"
    assert crossings[0] < top - 0.6 * height, "the cavity reaches down to the floor"


def test_boxes_are_solid():
    for seed in range(3):
        thing = random_object(seed, "carton")
        assert thing.shape == "box"
        assert len(heights_on_axis(thing.mesh)) == 2


def test_settled_body_is_stable():
    for seed in range(12):
        thing = random_object(seed, ["bottle", "hammer", "carton", "mug"][seed % 4])
        mesh = thing.mesh
        direction = np.random.default_rng(seed).standard_normal(3)
        rotation = settle(mesh, direction / np.linalg.norm(direction))
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        rested = mesh.vertices @ rotation.T
        center = rotation @ center_of_mass(mesh)
        ground = rested[rested[:, 2] < rested[:, 2].min() + 1e-4 * np.ptp(mesh.vertices)][:, :2]
        assert len(ground) >= 3
        hull_directions = np.array([[np.cos(t), np.sin(t)] for t in np.linspace(0, 2 * np.pi, 72)])
        support = (ground @ hull_directions.T).max(axis=0) - hull_directions @ center[:2]
        assert support.min() > -1e-3 * np.ptp(mesh.vertices), "the centre of mass stands over the ground contact"


def test_centre_of_mass_of_a_cone():
    ring = np.column_stack([loft.circle(1.0, 256), np.zeros(256)])
    mesh, _ = loft.loft(np.stack([ring, ring * 1e-6 + [0, 0, 1.0]]))
    np.testing.assert_allclose(center_of_mass(mesh), [0, 0, 0.25], atol=1e-4)


def brute_force(surface: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - surface[None]) ** 2).sum(-1)).min(axis=1)


EXACT = {
    "sphere": sdf.sphere((0.1, 0, -0.1), 0.4),
    "box": sdf.box((0, 0.1, 0), (0.4, 0.3, 0.2)),
    "rounded box": sdf.box((0, 0.1, 0), (0.4, 0.3, 0.2), 0.1),
    "capsule": sdf.capsule((-0.3, 0, 0), (0.2, 0.2, 0.2), 0.2),
    "cylinder": sdf.cylinder((0, 0, 0.1), 0.3, 0.4, axis=1, rounding=0.05),
    "torus": sdf.torus((0, 0, 0), 0.4, 0.15, axis=0),
    "revolved": sdf.revolved(np.array([[0, -0.3], [0.4, -0.2], [0.25, 0.1], [0.35, 0.3], [0, 0.4]])),
}


@pytest.mark.parametrize("name", EXACT)
def test_primitives_against_their_own_surface(name):
    """The value is the distance to the set where it is zero, found by shooting rays and bisecting signs."""
    distance = EXACT[name]
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-0.7, 0.7, (60000, 3)).astype(np.float32) for _ in range(2))
    crossing = (distance(a) < 0) != (distance(b) < 0)
    a, b = a[crossing], b[crossing]
    assert len(a) > 3000
    for _ in range(24):
        middle = (a + b) / 2
        same = (distance(middle) < 0) == (distance(a) < 0)
        a, b = np.where(same[:, None], middle, a), np.where(same[:, None], b, middle)
    points = rng.uniform(-0.7, 0.7, (200, 3)).astype(np.float32)
    true = brute_force(a[:9000].astype(np.float64), points.astype(np.float64))
    np.testing.assert_allclose(np.abs(distance(points)), true, atol=0.03)
    assert np.median(true - np.abs(distance(points))) < 0.006
    assert (np.abs(distance(points)) <= true + 1e-4).all()


def test_signs_of_a_revolved_profile():
    cone = sdf.revolved(np.array([[0, 0], [1, 0], [0, 1]]))
    points = np.array([[0, 0, 0.5], [0.4, 0.4, 0.3], [0.6, 0.6, 0.3], [0, 0, -0.1], [0.2, 0, 1.5]], dtype=np.float32)
    assert (np.sign(cone(points)) == [-1, -1, 1, 1, 1]).all()
    np.testing.assert_allclose(cone(points[:1]), -0.5 / np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(cone(points[3:4]), 0.1, rtol=1e-5)


def test_combinations_are_set_operations_and_lipschitz():
    rng = np.random.default_rng(1)
    p = rng.uniform(-1, 1, (4000, 3)).astype(np.float32)
    q = (p + rng.normal(0, 0.02, p.shape)).astype(np.float32)
    a, b = sdf.sphere((0, 0, 0), 0.5), sdf.box((0.4, 0, 0), (0.4, 0.2, 0.3), 0.05)
    assert ((sdf.union(a, b)(p) < 0) == ((a(p) < 0) | (b(p) < 0))).all()
    assert ((sdf.intersection(a, b)(p) < 0) == ((a(p) < 0) & (b(p) < 0))).all()
    assert ((sdf.difference(a, b)(p) < 0) == ((a(p) < 0) & (b(p) > 0))).all()
    egg = sdf.ellipsoid((0, 0, 0), (0.5, 0.3, 0.1))
    for whole in (sdf.blend(0.2, a, b, egg), sdf.difference(a, b), egg):
        assert (np.abs(whole(p) - whole(q)) <= np.linalg.norm(p - q, axis=1) * 1.001 + 1e-6).all()


def test_placed_moves_the_part():
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # a quarter turn: x becomes y
    moved = sdf.placed(sdf.capsule((0, 0, 0), (1, 0, 0), 0.1), turn, (0.0, 0.0, 2.0))
    values = moved(np.array([[0, 1, 2], [1, 0, 2]], dtype=np.float32))
    np.testing.assert_allclose(values, [-0.1, 0.9], atol=1e-6)


def test_block_sampling_has_every_sign():
    solid = sdf.union(sdf.torus((0, 0, 0), 0.5, 0.08), sdf.capsule((-0.5, 0, 0), (0.5, 0.1, 0.2), 0.05))
    origin, step, blocks = np.array([-0.7, -0.7, -0.3]), 0.025, np.array([14, 14, 6])
    values = sample_blocks(solid, origin, step, blocks)
    axes = [origin[i] + step * np.arange(4 * blocks[i]) for i in range(3)]
    dense = solid(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.float32))
    dense = dense.reshape(values.shape)
    assert (np.sign(values) == np.sign(dense)).all()
    near = np.abs(dense) < 1.5 * step
    np.testing.assert_allclose(values[near], dense[near], atol=1e-6)


def test_marched_ball_has_its_volume_and_place():
    mesh = sdf_mesh(sdf.sphere((0.2, -0.1, 0.3), 0.5), np.full(3, -2.0), np.full(3, 2.0), cells=48, max_faces=3000)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.125, rel=0.01)
    radius = np.linalg.norm(mesh.vertices - [0.2, -0.1, 0.3], axis=1)
    np.testing.assert_allclose(radius, 0.5, atol=0.004)


def test_marching_refuses_what_does_not_fit():
    box = np.full(3, -1.0), np.full(3, 1.0)
    with pytest.raises(InputError, match="nowhere negative"):
        sdf_mesh(sdf.sphere((5, 0, 0), 0.5), *box)


def test_crumbs_and_closed_cavities_are_dropped():
    shell = sdf.difference(sdf.sphere((0, 0, 0), 0.5), sdf.sphere((0, 0, 0), 0.2))
    mesh = sdf_mesh(sdf.union(shell, sdf.sphere((0.7, 0, 0), 0.08)), np.full(3, -1.0), np.full(3, 1.0), cells=48)
    assert component_count(mesh) == 1
    assert mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.125, rel=0.02)


def test_loft_of_circles_is_a_cylinder():
    rings = np.stack([np.column_stack([loft.circle(0.5, 96), np.full(96, z)]) for z in (0.0, 0.4, 1.0)])
    mesh, uv = loft.loft(rings)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(np.pi * 0.25, rel=2e-3)
    assert uv.min() >= 0
    assert uv.max() <= 1
    wall = np.abs(mesh.face_normals()[:, 2]) < 0.5
    z, v = mesh.triangles[wall][..., 2].ravel(), uv[wall][..., 1].ravel()
    assert np.corrcoef(z, v)[0, 1] > 0.9999, "v grows with the height"


def test_extruded_concave_outline():
    outline = np.array([(0, 0), (1, 0), (1, 1), (0.8, 1), (0.8, 0.2), (0.2, 0.2), (0.2, 1), (0, 1)])
    mesh = loft.extrude(outline, 0.5)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(0.5 * (1 - 0.6 * 0.8), rel=1e-6)
    with pytest.raises(InputError, match="counter-clockwise"):
        loft.extrude(outline[::-1], 0.5)


def test_relief_volume_is_the_integral_of_its_heights():
    x, y = np.meshgrid(np.linspace(0, 1, 30), np.linspace(0, 1, 20), indexing="ij")
    mesh = loft.relief(1 + x + 2 * y, 2.0, 3.0)
    assert mesh.is_watertight()
    assert mesh.volume() == pytest.approx(6.0 * 2.5, rel=1e-5)
