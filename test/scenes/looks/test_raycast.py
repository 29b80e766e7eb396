from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scene_shapes import quad

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.shading import Hits
from gsn_perception.scenes.looks.shading import facing_normals
from gsn_perception.scenes.looks.shading import shade
from gsn_perception.scenes.looks.surface_table import surface_tables
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.looks.textured_mesh import sample_texture


def oblique_camera():
    """Off-centre principal point, uneven focal lengths, an arbitrary pose."""
    K = np.array([[150.0, 0, 40.3], [0, 165.0, 36.8], [0, 0, 1]])
    return Camera(K, 96, 80, look_at(np.array([0.45, -0.25, 0.3]), np.array([0.02, 0, 0.01]), roll=0.4))


def world_rays(camera):
    return camera.pixel_rays() @ camera.world_from_camera[:3, :3].T


def test_depth_and_normals_of_a_sphere_are_analytic(sphere):
    camera = oblique_camera()
    view = RayCaster([sphere]).render(camera)
    d, eye = world_rays(camera), camera.world_from_camera[:3, 3]
    a, b, c = (d * d).sum(-1), d @ eye, eye @ eye - 0.01
    discriminant = b * b - a * c
    with np.errstate(invalid="ignore"):
        expected = (-b - np.sqrt(discriminant)) / a
    clear = discriminant > 0.05 * np.nanmax(discriminant)
    np.testing.assert_allclose(view.depth[clear], expected[clear], atol=2e-4)
    assert np.isnan(view.depth[discriminant < -1e-4]).all()
    outward = (eye + d * expected[..., None]) / 0.1
    seen = view.normals @ camera.world_from_camera[:3, :3].T.astype(np.float32)
    assert np.abs(seen[clear] - outward[clear]).max() < 0.02
    assert np.abs(view.normals[np.isnan(view.depth)]).max() == 0


def test_depth_of_a_tilted_plane_is_exact():
    pose = look_at(np.zeros(3), np.array([0.3, 0.2, 1.0]), up=np.array([0.0, -1.0, 0.0]))
    board = quad(4.0).transform(make_transform(pose[:3, :3], np.array([0.1, 0.0, 0.9])))
    camera = Camera.from_fov(0.8, 64, 48)
    normal, point = pose[:3, 2], np.array([0.1, 0.0, 0.9])
    expected = (normal @ point) / (camera.pixel_rays() @ normal)
    view = RayCaster([board]).render(camera)
    np.testing.assert_allclose(view.depth, expected, rtol=2e-6)
    np.testing.assert_allclose(view.normals, np.broadcast_to(-normal, view.normals.shape), atol=1e-5)


def test_depth_back_projects_onto_the_surface(sphere):
    camera = oblique_camera()
    depth = RayCaster([sphere]).depth(camera)
    points = camera.back_project(depth)[np.isfinite(depth)].astype(np.float64)
    world = points @ camera.world_from_camera[:3, :3].T + camera.world_from_camera[:3, 3]
    assert np.abs(np.linalg.norm(world, axis=1) - 0.1).max() < 1e-4
    rows, columns = np.nonzero(np.isfinite(depth))
    np.testing.assert_allclose(camera.project(points), np.stack([columns, rows], -1) + 0.5, atol=1e-3)


def test_mask_is_where_the_vertices_project(sphere):
    camera = oblique_camera()
    labels = RayCaster([sphere]).render(camera).labels
    vertices = sphere.mesh.vertices @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    pixels = camera.project(vertices)
    rows, columns = np.nonzero(labels)
    assert np.abs(columns.min() - pixels[:, 0].min()) < 1
    assert np.abs(columns.max() + 1 - pixels[:, 0].max()) < 1
    assert np.abs(rows.min() - pixels[:, 1].min()) < 1
    assert np.abs(rows.max() + 1 - pixels[:, 1].max()) < 1
    radius = np.linalg.norm(pixels - pixels.mean(axis=0), axis=1)
    core = np.floor(pixels[radius < 0.8 * radius.max()]).astype(int)
    assert labels[core[:, 1], core[:, 0]].all()


def test_the_nearer_object_is_seen_and_labels_are_kept(sphere):
    near = PlacedObject(sphere, make_transform(np.eye(3), np.array([0.0, 0, 0.6])), 7)
    far = PlacedObject(sphere, make_transform(np.eye(3), np.array([0.12, 0, 1.0])), 300)
    back = PlacedObject(quad(5.0), make_transform(np.eye(3), np.array([0.0, 0, 1.5])), 0)
    camera = Camera.from_fov(0.6, 100, 80)
    view = RayCaster([far, near, back]).render(camera)
    assert set(np.unique(view.labels)) == {0, 7, 300}
    assert view.labels[40, 50] == 7
    assert view.depth[40, 50] == pytest.approx(0.5, abs=1e-3)
    column = int(camera.project(np.array([0.18, 0, 1.0]))[0])
    assert view.labels[40, column] == 300
    assert view.alpha.min() == 1
    assert view.depth[0, 0] == pytest.approx(1.5, rel=1e-5)


def test_texture_is_upright():
    """Row 0 of the texture is v = 1: seen from the front with y up it is the upper edge of the picture."""
    texture = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8).repeat(8, 0).repeat(8, 1)
    board = quad(1.0, texture=texture)
    eye = look_at(np.array([0, 0, 2.0]), np.zeros(3), up=np.array([0.0, 1.0, 0.0]))
    camera = Camera.from_fov(2 * np.arctan(0.25), 40, 40, eye)
    rgb = RayCaster([board]).render(camera, lighting=Lighting.flat()).rgb
    assert rgb[8, 8].tolist() == [255, 0, 0]
    assert rgb[8, 32].tolist() == [0, 255, 0]
    assert rgb[32, 8].tolist() == [0, 0, 255]
    assert rgb[32, 32].tolist() == [255, 255, 0]


def test_each_object_has_its_own_texture(box):
    red, blue = np.full((4, 6, 3), [200, 10, 10], np.uint8), np.full((2, 2, 3), [10, 10, 220], np.uint8)
    left = PlacedObject(quad(0.4, texture=red), make_transform(np.eye(3), np.array([-0.3, 0, 1.0])), 1)
    right = PlacedObject(quad(0.4, texture=blue), make_transform(np.eye(3), np.array([0.3, 0, 1.0])), 2)
    middle = PlacedObject(box, make_transform(np.eye(3), np.array([0.0, 0, 0.95])), 3)
    view = RayCaster([left, middle, right]).render(Camera.from_fov(1.0, 64, 64), lighting=Lighting.flat())
    for label, color in ((1, [200, 10, 10]), (2, [10, 10, 220]), (3, [204, 77, 51])):
        inner = view.rgb[(view.labels == label) & (view.alpha == 1)].astype(int)
        assert np.abs(np.median(inner, axis=0) - color).max() <= 1


def test_texture_lookup_equals_a_slow_one():
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    uv = rng.uniform(-0.7, 1.7, (200, 2)).astype(np.float32)
    corners = np.broadcast_to(uv[:, None], (200, 3, 2))
    positions = np.tile([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], (200, 1))
    item = TexturedMesh("t", Mesh(positions, np.arange(600).reshape(-1, 3)), corners, texture)
    third = np.full((200, 2), 1 / 3, np.float32)
    towards = np.tile(np.float32([0, 0, -1]), (200, 1))
    ids = np.arange(200, dtype=np.uint32)
    hits = Hits(np.ones(200, np.float32), np.zeros(200, np.uint32), ids, third, towards)
    looked_up = np.zeros((200, 3), np.float32)
    tables = surface_tables([item])
    shade(tables, Lighting.flat().lamp, hits, facing_normals(tables, hits), np.zeros(0, bool), looked_up)
    slow = []
    for u, v in uv.astype(float):
        x, y = u * 7 - 0.5, (1 - v) * 5 - 0.5
        c, r = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - c, y - r
        t = lambda row, column: texture[row % 5, column % 7].astype(float)  # noqa: E731
        upper = t(r, c) * (1 - fx) + t(r, c + 1) * fx
        slow.append(upper * (1 - fy) + (t(r + 1, c) * (1 - fx) + t(r + 1, c + 1) * fx) * fy)
    np.testing.assert_allclose(looked_up, slow, atol=0.01)
    np.testing.assert_allclose(sample_texture(texture, uv), slow, atol=0.01)


def test_alpha_is_the_covered_area():
    camera = Camera.from_fov(2 * np.arctan(0.5), 32, 32)
    board = quad(0.517).transform(make_transform(np.eye(3), np.array([0.013, 0.021, 1.0])))
    view = RayCaster([board]).render(camera, supersample=8, lighting=Lighting.flat(), background=(0, 0, 0))
    assert view.alpha.sum() == pytest.approx((0.517 * 32) ** 2, rel=0.02)
    partial = (view.alpha > 0) & (view.alpha < 1)
    assert partial.any()
    np.testing.assert_allclose(view.rgb[partial][:, 0], 178.5 * view.alpha[partial], atol=1)


def test_a_wire_between_pixel_centres_is_not_lost():
    camera = Camera.from_fov(2 * np.arctan(0.5), 64, 64)
    rod = trimesh.creation.box((0.3 / 64, 0.8, 0.3 / 64))
    item = TexturedMesh("rod", Mesh(rod.vertices + [0, 0, 1.0], rod.faces))
    view = RayCaster([item]).render(camera, supersample=8)
    assert not view.labels.any(), "the rod should run between pixel centres"
    assert view.alpha.sum() == pytest.approx(0.3 * 0.8 * 64, rel=0.3)


def test_lamp_shades_and_casts_shadows(box):
    floor = PlacedObject(quad(1.0), np.eye(4), 0)
    lamp = Lighting(ambient=0.3, diffuse=0.6, headlight=0, direction=np.array([0.0, -1.0, 1.0]))
    camera = Camera.from_fov(0.8, 96, 96, look_at(np.array([0.3, 0.0, 0.8]), np.zeros(3)))
    caster = RayCaster([PlacedObject(box, np.eye(4), 1), floor])
    plain, shadowed = (caster.render(camera, lighting=lamp, shadows=s).rgb.astype(int) for s in (False, True))
    behind, front = np.array([0.0, 0.06, 0.0]), np.array([0.0, -0.1, 0.0])
    for point, expected in ((behind, 0.3), (front, 0.3 + 0.6 / np.sqrt(2))):
        x, y, z = (camera.camera_from_world @ [*point, 1])[:3]
        u, v = np.floor(camera.project(np.array([x, y, z]))).astype(int)
        assert plain[v, u, 0] == pytest.approx(178.5 * (0.3 + 0.6 / np.sqrt(2)), abs=1.5)
        assert shadowed[v, u, 0] == pytest.approx(178.5 * expected, abs=1.5)


def test_flat_light_shows_the_albedo(box):
    camera = Camera.from_fov(0.5, 48, 48, look_at(np.array([0.3, 0.2, 0.3]), np.array([0, 0, 0.05])))
    view = RayCaster([box]).render(camera, lighting=Lighting.flat())
    inner = view.rgb[view.alpha == 1].astype(int)
    assert np.abs(inner - [204, 77, 51]).max() <= 1
    assert (view.rgb[view.alpha == 0] == 255).all()


def test_nothing_to_render_is_said():
    with pytest.raises(InputError, match="nothing to render"):
        RayCaster([])
    with pytest.raises(InputError, match="'hole' has no faces"):
        RayCaster([TexturedMesh("hole", Mesh(np.zeros((3, 3)), np.zeros((0, 3))))])
