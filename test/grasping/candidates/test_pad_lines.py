"""Contacts of the pads against a ray per line."""

from __future__ import annotations

import numpy as np
import trimesh
from brute_force import ray_hits
from grasp_checks import as_mesh
from scipy.spatial.transform import Rotation

from gsn_perception.grasping.candidates.pad_lines import PadGrid
from gsn_perception.grasping.candidates.pad_lines import line_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.object_surface import Surface

GRID = PadGrid(np.linspace(-0.006, 0.006, 3), np.linspace(-0.007, 0.009, 4), 0.0015, 0.02)


def test_contacts_are_those_of_single_rays():
    shape = trimesh.creation.torus(0.04, 0.015)
    noise = np.random.default_rng(0).normal(size=shape.vertices.shape) * 2e-4
    surface = Surface.of(as_mesh(trimesh.Trimesh(shape.vertices + noise, shape.faces, process=False)))
    rng = np.random.default_rng(1)
    poses = Poses.of(
        Rotation.random(60, random_state=1).as_matrix(), rng.uniform(-0.04, 0.04, (60, 3)), rng.uniform(0.02, 0.1, 60)
    )
    found = line_contacts(poses, GRID, surface.tree, surface.normals)
    triangles = surface.mesh.triangles.astype(np.float64)
    touched = 0
    for p in range(60):
        R, t, width = poses.rotations[p], poses.centers[p], poses.widths[p]
        firsts = []
        for side, sign in enumerate((1.0, -1.0)):
            local = np.array([[x, sign * width / 2, z] for x in GRID.x for z in GRID.z])
            origins = local @ R.T + t
            hits = ray_hits(triangles, origins, np.tile(-sign * R[:, 1], (12, 1)))
            depth = np.where(hits.min(axis=1) < width, hits.min(axis=1), np.inf)
            first = depth.min()
            contact = np.isfinite(depth) & (depth <= first + GRID.tolerance)
            np.testing.assert_array_equal(found.faces[p, side], np.where(contact, hits.argmin(axis=1), -1))
            behind = np.where(np.isfinite(depth), depth - (first if np.isfinite(first) else 0), np.inf)
            np.testing.assert_allclose(found.spread[p, side], np.minimum(behind, GRID.miss).mean(), atol=1e-9)
            assert found.fill[p, side] == contact.mean()
            firsts.append(first)
            if contact.any():
                touched += 1
                spots = origins - sign * depth[:, None] * R[:, 1]
                np.testing.assert_allclose(found.spots[p, side][contact], spots[contact], atol=1e-9)
                np.testing.assert_allclose(found.points[p, side], spots[contact].mean(axis=0), atol=1e-9)
                normal = surface.normals[hits.argmin(axis=1)[contact]].sum(axis=0)
                np.testing.assert_allclose(found.normals[p, side], normal / np.linalg.norm(normal), atol=1e-9)
        expected = width - sum(firsts)
        np.testing.assert_allclose(found.width[p], expected if np.isfinite(expected) else np.inf, atol=1e-9)
    assert 20 < touched < 110
