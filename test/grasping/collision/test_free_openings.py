"""The widest free opening of candidates, against the same tests one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import trimesh
from grasp_checks import as_mesh
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Plane
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.collision.free_openings import REASONS
from gsn_perception.grasping.collision.free_openings import Distances
from gsn_perception.grasping.collision.free_openings import Obstacles
from gsn_perception.grasping.collision.free_openings import free_openings
from gsn_perception.grasping.collision.moving_boxes import MovingBoxes
from gsn_perception.grasping.tree.bounding_tree import bounding_tree

PANDA = Gripper.named("panda")
PLANE = Plane(np.array([0, 0, 1.0]), 0.0)
SWEPT, HEIGHT, RETREAT, AROUND = 0.08, 0.003, 0.04, 0.003
MARGINS = np.array([0.001, 0.0032, 0.0054, 0.0076])


def gap(boxes, pose, soup):
    """Least margin at which boxes touch points, by sampling: the soup is dense against the margins."""
    local = (soup - pose[1]) @ pose[0]
    outside = np.maximum(boxes[:, None, 0] - local, local - boxes[:, None, 1])  # [B, M, 3]
    return outside.max(axis=2).min()


def on_box(shape, spacing=6e-4):
    """Points on the faces of an axis-aligned box, edges included."""
    low, high = shape.bounds
    axes = [np.linspace(a, b, int((b - a) / spacing) + 2) for a, b in zip(low, high, strict=True)]
    faces = []
    for axis in range(3):
        for end in (low, high):
            sides = [end[a : a + 1] if a == axis else axes[a] for a in range(3)]
            faces.append(np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.concatenate(faces)


def one_by_one(R, t, widths, points):
    """Opening, verdict, place and margins of a candidate; None where a distance is too close to a limit to tell."""
    verdict = 0
    for number, width in enumerate(widths):
        boxes = PANDA.boxes(np.array([width]), swept=SWEPT)[0]
        corners = np.array([[b[i, 0], b[j, 1], b[k, 2]] for b in boxes for i, j, k in product((0, 1), repeat=3)])
        missing = HEIGHT - (corners @ R.T + t)[:, 2].min()
        back = missing / max(-R[2, 2], 1e-3) if missing > 0 else 0.0
        if back > RETREAT:
            verdict = 0
            continue
        place = t - back * R[:, 2]
        gaps = [gap(boxes, (R, place), part) for part in points]
        if np.abs(gaps[0] - MARGINS).min() < 5e-4 or abs(gaps[1] - AROUND) < 5e-4 or abs(gaps[2] - AROUND) < 5e-4:
            return None
        verdict = 1 if gaps[0] <= MARGINS[0] else 2 if gaps[1] <= AROUND else 3 if gaps[2] <= AROUND else 4
        if verdict == 4:
            return number, verdict, place, int((gaps[0] > MARGINS).sum())
    return len(widths), verdict, None, None


def test_openings_are_those_of_the_tests_one_by_one():
    rng = np.random.default_rng(0)
    shape = trimesh.creation.box((0.03, 0.04, 0.09)).apply_translation((0, 0, 0.045))
    other = trimesh.creation.box((0.02, 0.02, 0.07)).apply_translation((0.01, 0.055, 0.035))
    scene = rng.uniform(-0.004, 0.004, (60, 3)) + [-0.05, -0.05, 0.08]
    points = [on_box(shape), scene, on_box(other)]
    obstacles = Obstacles(
        np.array([*PLANE.normal, PLANE.offset]),
        bounding_tree(as_mesh(shape).triangles),
        bounding_tree(scene[:, None]),
        bounding_tree(as_mesh(other).triangles),
    )
    count = 200
    down = Rotation.from_euler("xyz", [np.pi, 0, 0]) * Rotation.from_euler(
        "xyz", rng.uniform([-0.9, -0.9, -np.pi], [0.9, 0.9, np.pi], (count, 3))
    )
    poses = Poses.of(
        down.as_matrix(), rng.uniform([-0.01, -0.01, 0.01], [0.01, 0.01, 0.1], (count, 3)), np.zeros(count)
    )
    widths = np.tile([0.08, 0.056], (count, 1))
    keep = Distances(MARGINS, 1, np.array([AROUND]), HEIGHT, RETREAT)
    found = free_openings(poses, widths, MovingBoxes.of(PANDA, swept=SWEPT), obstacles, keep)
    clear_cut = 0
    for p in range(count):
        wanted = one_by_one(poses.rotations[p], poses.centers[p], widths[p], points)
        if wanted is None:
            continue
        clear_cut += 1
        assert (found.number[p], found.verdict[p]) == wanted[:2]
        if wanted[2] is not None:
            np.testing.assert_allclose(found.centers[p], wanted[2], atol=1e-12)
            assert found.margins[p] == wanted[3]
    assert clear_cut > 0.4 * count
    assert set(found.verdict) == set(range(len(REASONS) + 1))
    assert set(found.number) == {0, 1, 2}
