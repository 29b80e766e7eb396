from functools import cache

import numpy as np
import pytest
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from splat_shapes import SHAPES
from splat_shapes import mesh_of
from splat_shapes import splat_of

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry.gaussians import cat
from gsn_perception.geometry.gaussians import stack
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.surface import DepthView
from gsn_perception.surface import gaussian_solid_mesh
from gsn_perception.surface.solid.fit import fit_level
from gsn_perception.surface.solid.points import sample_mesh

KINDS = {
    "flat": {},
    "noisy": {"noise": 0.3},
    "volumetric": {"flat": 0.6, "hug": 0.25},
    "sparse": {"count": 1500, "opacity": 0.7},
}
CASES = [(name, kind) for kind in ("flat", "volumetric") for name in SHAPES]
CASES += [("sphere", "noisy"), ("cup", "noisy"), ("box", "sparse"), ("torus", "sparse")]
MESHES = {name: mesh_of(sdf, 80) for name, sdf in SHAPES.items()}
RESOLUTION = 48


@cache
def skin_of(name, kind="flat"):
    return gaussian_solid_mesh(splat_of(MESHES[name], **KINDS[kind]), resolution=RESOLUTION)


def winding(mesh, points):
    """Winding numbers: 1 inside, 0 outside (solid angles of all triangles)."""
    a, b, c = (mesh.triangles[None, :, i].astype(np.float64) - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
    top = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    bottom = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(top, bottom).sum(axis=1) / (2 * np.pi)


def parts(mesh):
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), tuple(edges.T)), shape=(len(mesh.vertices),) * 2)
    return connected_components(graph, directed=False)[0]


def distance(mesh, other, count=4000):
    """Distances from points of one surface to (a dense sampling of) the other."""
    rng = np.random.default_rng(0)
    return cKDTree(sample_mesh(other, 60_000, rng).xyz).query(sample_mesh(mesh, count, rng).xyz)[0]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_one_closed_outer_surface_of_the_right_volume(name, kind):
    mesh = skin_of(name, kind)
    assert mesh.is_watertight()
    assert parts(mesh) == 1  # an internal cavity would be a second one
    assert len(mesh.faces) <= 20_000
    ratio = mesh.volume() / MESHES[name].volume()
    assert 0.75 < ratio < 1.25 or name in ("cup", "plate")
    assert 0.6 < ratio < 1.45  # walls thinner than two Gaussians' tangential sigma take their thickness from noise
    assert np.quantile(distance(mesh, MESHES[name]), 0.95) < 0.04
    assert np.quantile(distance(MESHES[name], mesh), 0.95) < 0.04
    outwards = (mesh.vertices + 0.02 * mesh.normals)[:: len(mesh.vertices) // 40]
    assert (np.abs(winding(mesh, outwards)) < 0.1).mean() > 0.9


def test_median_volume_is_close():
    ratios = [skin_of(name).volume() / m.volume() for name, m in MESHES.items()]
    assert abs(np.median(ratios) - 1) < 0.1


def test_cup_stays_open_and_solid():
    mesh = skin_of("cup")
    axis = np.zeros((5, 3))
    axis[:, 2] = [-0.25, -0.1, 0.0, 0.2, 0.35]
    assert (np.abs(winding(mesh, axis)) < 0.1).all()
    wall = np.array([[0.275, 0, 0], [0, -0.275, 0.2], [0, 0, -0.375], [0.1, 0.1, -0.375]])
    assert (winding(mesh, wall) > 0.9).all()


def test_full_inside():
    rng = np.random.default_rng(0)
    inside = winding(skin_of("box"), rng.uniform(-1, 1, (200, 3)) * [0.36, 0.21, 0.11]) > 0.9
    assert inside.mean() >= 0.99


@pytest.mark.parametrize("resolution", [32])
def test_parts_thinner_than_a_cell_are_kept(resolution):
    def pan(p):
        body = np.maximum(np.linalg.norm(p - np.array([0.25, 0, 0]), axis=-1) - 0.2, 0)
        rod = np.hypot(p[..., 1], p[..., 2]) - 0.008
        return np.minimum(body - 1e-3, np.maximum(rod, np.abs(p[..., 0]) - 0.45))

    mesh = gaussian_solid_mesh(splat_of(mesh_of(pan, 160), 4096, size=0.5), resolution=resolution)
    assert mesh.is_watertight()
    assert mesh.vertices[:, 0].min() < -0.38
    along = np.histogram(mesh.vertices[:, 0], np.arange(-0.4, 0.0, 0.1))[0]
    assert (along > 0).all()


@pytest.mark.parametrize("scale", [0.05, 0.4])
def test_moves_with_the_splat(scale):
    splat = splat_of(MESHES["profile"])
    turn = Rotation.from_rotvec([0.4, -0.7, 0.3]).as_matrix()
    T = make_transform(turn, np.array([0.1, -0.05, 0.6]), scale)
    moved = gaussian_solid_mesh(splat.transform(T), resolution=RESOLUTION)
    expected = skin_of("profile").transform(T)
    cell = 1.1 / RESOLUTION * scale
    assert np.quantile(distance(moved, expected), 0.98) < cell
    assert np.quantile(distance(expected, moved), 0.98) < cell
    assert moved.volume() == pytest.approx(expected.volume(), rel=0.03)


def test_translation_and_scale_alone_change_nothing():
    splat = splat_of(MESHES["torus"])
    T = make_transform(np.eye(3), np.array([0.5, -1.0, 2.0]), 0.25)
    moved = gaussian_solid_mesh(splat.transform(T), resolution=RESOLUTION)
    expected = skin_of("torus").transform(T)
    assert np.quantile(distance(moved, expected), 0.99) < 0.5 * 0.25 * 1.1 / RESOLUTION


def test_floaters_and_fog_are_ignored():
    splat = splat_of(MESHES["box"])
    rng = np.random.default_rng(3)
    far = torch.tensor(rng.choice([-1, 1], (12, 3)) * rng.uniform(0.8, 1.5, (12, 3)), dtype=torch.float32)
    base = splat.select(torch.arange(12))
    floaters = Gaussians(far, base.scales, base.quats, base.colors, base.opacities)
    fog = Gaussians(0.9 * far, base.scales * 3, base.quats, base.colors, torch.full((12,), 0.02))
    mesh = gaussian_solid_mesh(cat([splat, floaters, fog]), resolution=RESOLUTION)
    assert parts(mesh) == 1
    assert np.abs(mesh.vertices).max() < 0.45
    assert mesh.volume() == pytest.approx(MESHES["box"].volume(), rel=0.1)


def test_colours_and_confidence():
    splat = splat_of(MESHES["sphere"])
    camera = Camera.from_fov(0.9, 96, 96, look_at(np.array([1.2, 0.0, 0.0]), np.zeros(3)))
    mesh = gaussian_solid_mesh(splat, view=camera, resolution=RESOLUTION)
    true = np.clip(mesh.vertices / 0.8 + 0.5, 0, 1)
    assert np.abs(mesh.colors - true).mean() < 0.03
    # The camera at 1.2 sees the cap beyond x = r^2 / 1.2.
    assert mesh.confidence[mesh.vertices[:, 0] > 0.25].mean() > 0.9
    assert mesh.confidence[mesh.vertices[:, 0] < 0.0].mean() < 0.05
    assert skin_of("sphere").confidence is None


def test_measured_depth_carves_what_the_splat_gets_wrong():
    """The splat is a sphere of 0.4; the depth camera saw a flat face at x = 0.25 and nothing beside the sphere."""
    splat = splat_of(MESHES["sphere"])
    camera = Camera.from_fov(0.9, 128, 128, look_at(np.array([1.2, 0.0, 0.0]), np.zeros(3)))
    radius = np.linalg.norm(camera.pixel_rays()[..., :2], axis=-1) * 0.95
    depth = np.where(radius < 0.3, 0.95, np.nan).astype(np.float32)  # unknown beyond
    mesh = gaussian_solid_mesh(splat, observed=DepthView(camera, depth), resolution=RESOLUTION)
    front = mesh.vertices[np.hypot(mesh.vertices[:, 1], mesh.vertices[:, 2]) < 0.2]
    assert front[:, 0].max() < 0.28
    assert mesh.vertices[:, 0].min() < -0.37
    assert mesh.is_watertight()
    assert mesh.confidence[mesh.vertices[:, 0] < 0.0].max() < 0.5


def test_silhouette_alone_carves():
    """No depth at all: the camera saw past everything beyond a disc that is smaller than the splat."""
    camera = Camera.from_fov(0.9, 128, 128, look_at(np.array([1.2, 0.0, 0.0]), np.zeros(3)))
    radius = np.linalg.norm(camera.pixel_rays()[..., :2], axis=-1)
    depth = np.where(radius < 0.25, np.nan, np.inf).astype(np.float32)
    splat = splat_of(MESHES["sphere"])
    mesh = gaussian_solid_mesh(splat, observed=DepthView(camera, depth), resolution=RESOLUTION)
    ray = np.hypot(mesh.vertices[:, 1], mesh.vertices[:, 2]) / (1.2 - mesh.vertices[:, 0])
    assert 0.23 < ray.max() < 0.25 + 0.03
    assert mesh.is_watertight()


def test_observed_points_are_seeds():
    points = sample_mesh(MESHES["torus"], 200, np.random.default_rng(0)).xyz
    mesh = gaussian_solid_mesh(splat_of(MESHES["torus"]), observed_points=points, resolution=RESOLUTION)
    assert mesh.volume() == pytest.approx(MESHES["torus"].volume(), rel=0.1)


def test_level_is_fitted_to_volume():
    pairs = [(splat_of(MESHES[n], hug=0.5, flat=0.6), MESHES[n]) for n in ("sphere", "profile")]
    settings = fit_level(pairs)
    assert settings.level > 0.002  # the means lie inside the truth, the surface has to move out
    ratios = [gaussian_solid_mesh(s, settings=settings, resolution=RESOLUTION).volume() / m.volume() for s, m in pairs]
    before = [gaussian_solid_mesh(s, resolution=RESOLUTION).volume() / m.volume() for s, m in pairs]
    assert abs(np.median(ratios) - 1) < 0.04 < abs(np.median(before) - 1)
    with pytest.raises(InputError, match="no pair"):
        fit_level([])


def test_budget_of_triangles():
    mesh = gaussian_solid_mesh(splat_of(MESHES["torus"]), resolution=80, max_triangles=3000)
    assert mesh.is_watertight()
    assert len(mesh.faces) <= 3000
    assert mesh.volume() == pytest.approx(MESHES["torus"].volume(), rel=0.1)


def test_bad_splats_are_refused():
    splat = splat_of(MESHES["sphere"], 100)
    faint = Gaussians(splat.means, splat.scales, splat.quats, splat.colors, torch.full((100,), 0.01))
    with pytest.raises(InputError, match="no opaque content"):
        gaussian_solid_mesh(faint)
    with pytest.raises(InputError, match="no opaque content"):
        gaussian_solid_mesh(Gaussians(splat.means * np.nan, splat.scales, splat.quats, splat.colors, splat.opacities))
    with pytest.raises(InputError, match="one splat"):
        gaussian_solid_mesh(stack([splat]))
