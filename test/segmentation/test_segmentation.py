from __future__ import annotations

import cv2
import numpy as np
import open3d
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.segmentation import cut_out
from gsn_perception.segmentation import fit_support_plane
from gsn_perception.segmentation import objects_above
from gsn_perception.segmentation import segment

CAMERA = Camera(np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), 320, 240)


def table(pitch=40.0, roll=0.0, height=0.4):
    """A plane under a camera that looks down by ``pitch`` degrees."""
    up = Rotation.from_euler("xz", [pitch, roll], degrees=True).as_matrix() @ [0, -1, 0]
    return Plane(up, height)


def ray_depth(plane, spheres=(), *, reach=1.5, camera=CAMERA):
    """Depth and true labels [H,W] of spheres (distance along the table x, y, radius) that stand on a plane."""
    rays = camera.pixel_rays()
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -plane.offset / (rays @ plane.normal)
    depth = np.where((depth > 0) & (depth < reach), depth, np.nan)
    labels = np.zeros(depth.shape, dtype=int)
    middle = camera.rays(camera.K[:2, 2])
    foot = middle * (-plane.offset / (middle @ plane.normal))
    x_axis = np.cross(plane.normal, [0, 0, 1.0]) if abs(plane.normal[2]) < 0.99 else np.array([1.0, 0, 0])
    x_axis /= np.linalg.norm(x_axis)
    y_axis = np.cross(plane.normal, x_axis)
    for number, (x, y, radius) in enumerate(spheres, 1):
        center = foot + x * x_axis + y * y_axis + radius * plane.normal
        a, b, c = (rays**2).sum(-1), rays @ center, center @ center - radius**2
        root = b**2 - a * c
        z = (b - np.sqrt(np.maximum(root, 0))) / a
        hit = (root > 0) & ~(z > depth)
        depth, labels = np.where(hit, z, depth), np.where(hit, number, labels)
    return depth.astype(np.float32), labels


def noisy(depth, seed=0):
    """Quantised to millimetres, with noise that grows with distance and 5 % of the pixels lost."""
    rng = np.random.default_rng(seed)
    out = depth + rng.normal(size=depth.shape) * 0.0015 * depth**2
    out = np.round(out * 1000) / 1000
    out[rng.random(depth.shape) < 0.05] = np.nan
    return out.astype(np.float32)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def looking(depth=None, **more):
    return Observation(np.zeros((240, 320, 3), np.uint8), CAMERA, depth=depth, **more)


@pytest.mark.parametrize(("pitch", "roll"), [(25, 0), (50, 0), (90, 0), (50, 130)])
def test_plane_is_found_and_faces_the_camera(pitch, roll):
    truth = table(pitch, roll)
    depth, _ = ray_depth(truth, [(0, 0, 0.05), (0.1, 0.05, 0.03)])
    for noise_seed in (None, 1):
        seen = depth if noise_seed is None else noisy(depth, noise_seed)
        plane = fit_support_plane(seen, CAMERA)
        assert np.degrees(np.arccos(min(plane.normal @ truth.normal, 1))) < (0.1 if noise_seed is None else 0.4)
        assert plane.offset == pytest.approx(truth.offset, abs=0.002)
    assert plane.offset > 0


def test_plane_around_a_mask_is_the_one_the_object_stands_on():
    """A wall close to the camera fills more of the image than the table the object stands on."""
    truth = table(35)
    depth, labels = ray_depth(truth, [(0.0, 0.0, 0.06)])
    depth[:, :120] = depth[:, 200:] = 0.5
    assert (np.abs(depth - 0.5) < 0.001).sum() > (np.abs(truth.height(CAMERA.back_project(depth))) < 0.001).sum()
    for mask in ((labels > 0).astype(np.uint8), None):
        plane = fit_support_plane(depth, CAMERA, mask)
        assert plane.normal @ truth.normal > 0.9999
        assert plane.offset == pytest.approx(truth.offset, abs=0.001)


def test_plane_repeats_with_its_seed():
    depth = noisy(ray_depth(table(), [(0, 0, 0.05)])[0])
    a, b = (fit_support_plane(depth, CAMERA, seed=3) for _ in range(2))
    np.testing.assert_array_equal(a.normal, b.normal)


@pytest.mark.parametrize("roll", [0, 70])
@pytest.mark.parametrize("noise_seed", [None, 0])
def test_objects_are_labelled_apart(roll, noise_seed):
    spheres = [(-0.1, 0.0, 0.05), (0.02, 0.0, 0.04), (0.12, 0.05, 0.03)]
    depth, labels = ray_depth(table(45, roll), spheres)
    depth = depth if noise_seed is None else noisy(depth, noise_seed)
    mask, plane = segment(looking(depth), "plane", 8)
    assert mask.dtype == np.uint16
    assert mask.max() == 3
    sizes = np.bincount(mask.ravel())[1:]
    assert (np.diff(sizes) <= 0).all()
    assert plane is not None
    for number in (1, 2, 3):
        best = max(iou(mask == k, labels == number) for k in (1, 2, 3))
        assert best > 0.85


def test_objects_that_overlap_in_the_image_come_apart():
    depth, labels = ray_depth(table(30), [(0.0, -0.06, 0.04), (0.01, 0.06, 0.05)])
    seen = [labels == k for k in (1, 2)]
    grown = cv2.dilate(seen[0].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (grown & seen[1]).any()
    mask, _ = segment(looking(depth), "plane", 8)
    assert mask.max() == 2
    assert all(max(iou(mask == k, s) for k in (1, 2)) > 0.85 for s in seen)


def test_a_cup_is_one_object():
    """Its near outside and far inside are parted by a band of unknown depth and a jump."""
    plane = table(40)
    depth, _ = ray_depth(plane)
    outline = [[0, 0], [0.03, 0], [0.04, 0.09], [0.037, 0.09], [0.027, 0.004], [0, 0.004]]
    cup = trimesh.creation.revolve(np.array(outline), sections=48)
    pose = np.eye(4)
    pose[:3, :3] = minimal_rotation_to(plane.normal)
    middle = CAMERA.rays(np.array([160.0, 120.0]))
    pose[:3, 3] = middle * (-plane.offset / (middle @ plane.normal))
    cup.apply_transform(pose)
    caster = open3d.t.geometry.RaycastingScene()
    caster.add_triangles(cup.vertices.astype(np.float32), cup.faces.astype(np.uint32))
    rays = CAMERA.pixel_rays()
    hit = caster.cast_rays(np.concatenate([np.zeros_like(rays), rays], -1).astype(np.float32))["t_hit"].numpy().copy()
    seen = hit < depth
    depth = np.where(seen, hit, depth)
    height = plane.height(CAMERA.back_project(depth))
    depth[seen & (height > 0.086)] = np.nan
    assert cv2.connectedComponents((seen & np.isfinite(depth)).astype(np.uint8))[0] >= 3  # background and two pieces
    mask, _ = segment(looking(depth, support_plane=plane), "plane", 8)
    assert mask.max() == 1
    assert iou(mask == 1, seen) > 0.85


def test_flying_pixels_do_not_join_objects():
    """Along the border of a near object some pixels hang between it and the one behind."""
    camera = CAMERA.resized(960, 720)
    depth, labels = ray_depth(table(30), [(0, -0.08, 0.05), (0.01, 0.08, 0.06)], camera=camera)
    kernel = np.ones((3, 3), np.uint8)
    border = (cv2.dilate((labels == 2).astype(np.uint8), kernel) > 0) & (labels == 1)
    front = cv2.dilate(np.where(labels == 2, depth, 0).astype(np.float32), kernel)
    mix = np.random.default_rng(0).uniform(0.1, 0.9, depth.shape)
    depth = np.where(border, front * mix + depth * (1 - mix), depth).astype(np.float32)
    assert (depth[labels == 2]).min() < (depth[labels == 1]).min()
    mask = objects_above(depth, camera, table(30), max_objects=8)
    assert mask.max() == 2
    assert iou(mask == 1, labels == 2) > 0.95
    assert iou(mask == 2, labels == 1) > 0.95


def test_holes_of_unknown_depth_are_filled_and_real_ones_are_not():
    plane = table(90)
    depth, labels = ray_depth(plane, [(0, 0, 0.06)])
    flat, _ = ray_depth(plane)
    rows, columns = np.nonzero(labels)
    y, x = int(rows.mean()), int(columns.mean())
    depth[y - 6 : y + 6, x - 20 : x - 8] = np.nan
    depth[y - 6 : y + 6, x + 8 : x + 20] = flat[y - 6 : y + 6, x + 8 : x + 20]
    mask = objects_above(depth, CAMERA, plane, max_objects=1)
    assert mask[y, x - 14] == 1
    assert mask[y, x + 14] == 0


def test_only_the_largest_and_those_in_the_region_are_kept():
    depth, labels = ray_depth(table(45), [(-0.1, 0.0, 0.05), (0.02, 0.0, 0.04), (0.12, 0.05, 0.03)])
    mask, _ = segment(looking(depth), "plane", 1)
    assert mask.max() == 1
    assert iou(mask == 1, labels == 1) > 0.85
    columns = np.flatnonzero((labels == 3).any(axis=0))
    rows = np.flatnonzero((labels == 3).any(axis=1))
    roi = (int(columns[0]) - 2, int(rows[0]) - 2, int(np.ptp(columns)) + 4, int(np.ptp(rows)) + 4)
    mask, _ = segment(looking(depth, roi=roi), "plane", 1)
    assert mask.max() == 1
    assert iou(mask == 1, labels == 3) > 0.85
    with pytest.raises(InputError, match="region"):
        segment(looking(depth, roi=(0, 200, 20, 20)), "plane", 1)


def test_given_plane_is_used():
    depth, _ = ray_depth(table(45), [(0, 0, 0.05)])
    given = table(45)
    assert segment(looking(depth, support_plane=given), "plane", 8)[1] is given


def colour_scene(seed=0):
    rng = np.random.default_rng(seed)
    image = np.empty((240, 320, 3))
    image[:] = [150, 110, 80]
    truth = cv2.ellipse(np.zeros((240, 320), np.uint8), (170, 120), (50, 35), 20, 0, 360, 1, -1) > 0
    image[truth] = [40, 90, 170]
    return np.clip(image + rng.normal(size=image.shape) * 12, 0, 255).astype(np.uint8), truth


def test_grabcut_finds_the_object():
    image, truth = colour_scene()
    mask, plane = segment(Observation(image, CAMERA, roi=(105, 70, 130, 100)), "grabcut", 8)
    assert plane is None
    assert mask.dtype == np.uint16
    assert iou(mask == 1, truth) > 0.95
    np.testing.assert_array_equal(mask, cut_out(image, (105, 70, 130, 100)))


@pytest.mark.parametrize(
    ("observation", "mode", "word"),
    [
        (looking(), "plane", "needs depth"),
        (looking(), "grabcut", "region of interest"),
        (looking(), "magic", "magic"),
        (looking(np.full((240, 320), np.nan, np.float32)), "plane", "too little depth"),
        (looking(ray_depth(table())[0]), "plane", "nothing stands"),
        (looking(np.random.default_rng(0).uniform(0.3, 3, (240, 320)).astype(np.float32)), "plane", "no support plane"),
        (looking(roi=(0, 0, 320, 240)), "grabcut", "no background"),
        (looking(roi=(100, 100, 100, 80)), "grabcut", "stands out"),
    ],
)
def test_what_cannot_be_segmented_is_told(observation, mode, word):
    with pytest.raises(InputError, match=word) as caught:
        segment(observation, mode, 8)
    assert "\n" not in str(caught.value)


def test_at_least_one_object_must_be_asked_for():
    with pytest.raises(InputError, match="max_objects"):
        segment(looking(), "plane", 0)


@pytest.mark.parametrize("focal", [1e-25, 1e-12])
def test_a_plane_without_end_is_refused(focal):
    """A calibration can put every pixel anywhere; found by the fuzz."""
    camera = Camera(np.array([[focal, 0, 32], [0, focal, 24], [0, 0, 1]]), 64, 48)
    with pytest.raises(InputError, match="check K"):
        objects_above(np.full((48, 64), 1.0, np.float32), camera, Plane(np.array([0, 0, -1.0]), 1.0), max_objects=1)
