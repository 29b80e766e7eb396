"""The bounding tree and its queries against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from brute_force import ray_hits
from brute_force import soup
from scipy.spatial import cKDTree

from gsn_perception.grasping.tree.bounding_tree import bounding_tree
from gsn_perception.grasping.tree.distances import distances
from gsn_perception.grasping.tree.nearest import nearest_items
from gsn_perception.grasping.tree.rays import blocked
from gsn_perception.grasping.tree.rays import first_hits


def random_rays(count, seed):
    rng = np.random.default_rng(seed)
    origins = rng.normal(size=(count, 3)) * 1.5
    directions = rng.normal(size=(count, 3)) * 0.4 - origins
    return origins, directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [1, 8, 9, 17, 1000])
@pytest.mark.parametrize("corners", [1, 3])
def test_every_item_is_in_one_leaf_and_in_all_boxes_above_it(count, corners):
    items = soup(count, 0.05, 0)[:, :corners]
    items[: count // 2, :, 1] = 0.25  # many equal coordinates
    tree = bounding_tree(items)
    assert sorted(tree.items) == list(range(count))
    np.testing.assert_array_equal(tree.corners, items[tree.items])
    leaves = len(tree.bounds) // 2
    begins = np.array([count * j // leaves for j in range(leaves + 1)])
    assert np.diff(begins).max() <= 8
    for leaf in range(leaves):
        inside = tree.corners[begins[leaf] : begins[leaf + 1]].reshape(-1, 3)
        assert len(inside)
        node = leaves + leaf
        while node:
            assert (inside >= tree.bounds[node, :3]).all()
            assert (inside <= tree.bounds[node, 3:]).all()
            node //= 2


def test_boxes_are_compact():
    tree = bounding_tree(trimesh.creation.icosphere(5, 1.0).triangles)
    leaves = tree.bounds[len(tree.bounds) // 2 :]
    assert np.median(np.linalg.norm(leaves[:, 3:] - leaves[:, :3], axis=1)) < 0.15  # a triangle's edge is 0.035


@pytest.mark.parametrize("size", [0.05, 0.5])
def test_first_hits_are_those_of_brute_force(size):
    triangles = soup(400, size, 1)
    origins, directions = random_rays(300, 2)
    wanted = ray_hits(triangles, origins, directions)
    distance, face = first_hits(bounding_tree(triangles), origins, directions)
    hit = np.isfinite(wanted.min(axis=1))
    assert 0.1 < hit.mean() < 1
    np.testing.assert_allclose(distance, wanted.min(axis=1), atol=1e-9)
    np.testing.assert_array_equal(face, np.where(hit, wanted.argmin(axis=1), -1))


def test_a_segment_is_blocked_where_a_triangle_is_before_its_end():
    triangles = soup(400, 0.1, 3)
    origins, directions = random_rays(300, 4)
    length = np.random.default_rng(5).uniform(0.3, 3, 300)
    wanted = (ray_hits(triangles, origins, directions) <= length[:, None]).any(axis=1)
    assert 0.1 < wanted.mean() < 0.9
    targets = origins + length[:, None] * directions
    np.testing.assert_array_equal(blocked(bounding_tree(triangles), origins, targets), wanted)


def test_no_ray_slips_through_an_edge_or_a_vertex_or_along_an_axis():
    ball = trimesh.creation.icosphere(3, 1.0)
    edges = ball.vertices[ball.edges_unique].mean(axis=1)
    targets = np.concatenate([ball.vertices, edges, 0.5 * np.eye(3), -0.5 * np.eye(3)])
    origins = np.concatenate([3 * ball.vertices, 3 * edges, 3 * np.eye(3), -3 * np.eye(3)])
    ways = (targets - origins) / np.linalg.norm(targets - origins, axis=1, keepdims=True)
    distance, face = first_hits(bounding_tree(ball.triangles), origins, ways)
    assert (face >= 0).all()
    assert np.abs(distance - 2).max() < 0.2


def test_a_ray_within_a_flat_face_does_no_harm():
    box = trimesh.creation.box((1, 1, 1))
    origins = np.array([[-2.0, 0.5, 0.1], [-2.0, 0.5, 0.5], [-2.0, 0.1, 0.2]])
    distance, _ = first_hits(bounding_tree(box.triangles), origins, np.tile([1.0, 0, 0], (3, 1)))
    assert distance[2] == pytest.approx(1.5)
    assert not np.isnan(distance).any()


def test_distances_are_those_of_another_library_and_stop_at_the_limit():
    shape = trimesh.creation.annulus(0.3, 0.6, 0.4)
    points = np.random.default_rng(6).normal(size=(300, 3)) * 0.5
    wanted = trimesh.proximity.closest_point(shape, points)[1]
    tree = bounding_tree(shape.triangles)
    np.testing.assert_allclose(distances(tree, points), wanted, atol=1e-9)
    np.testing.assert_allclose(distances(tree, points, limit=0.2), np.minimum(wanted, 0.2), atol=1e-9)
    assert 0.1 < (wanted < 0.2).mean() < 0.9


def test_a_triangle_without_area_has_the_distance_of_its_edge():
    needle = np.array([[[0.0, 0, 0], [1, 0, 0], [0.5, 0, 0]]])
    found = distances(bounding_tree(needle), np.array([[0.5, 0.3, 0], [2.0, 0, 0]]))
    np.testing.assert_allclose(found, [0.3, 1.0])


def test_nothing_is_hit_and_near_where_there_is_nothing():
    empty = bounding_tree(np.zeros((0, 3, 3)))
    assert not empty
    distance, face = first_hits(empty, np.zeros((1, 3)), np.array([[0, 0, 1.0]]))
    assert np.isinf(distance[0])
    assert face[0] == -1
    assert np.isinf(distances(empty, np.zeros((1, 3)))[0])


@pytest.mark.parametrize("count", [1, 2, 9, 3000])
def test_nearest_points_are_those_of_another_tree(count):
    rng = np.random.default_rng(count)
    points = rng.normal(size=(count, 3)).astype(np.float32) * np.float32(0.1)
    queries = np.concatenate([rng.normal(size=(700, 3)) * 0.2, points[:50]]).astype(np.float32)
    distance, nearest = cKDTree(points).query(queries)
    found = nearest_items(bounding_tree(points[:, None]), queries)
    np.testing.assert_array_equal(found, nearest)
    assert distance[-1] == 0
