"""Depth from two places: poses are corrected by it, both sides are measured, moved objects are noticed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gsn_perception import Observation
from gsn_perception import PosedView
from gsn_perception import Reconstruction
from gsn_perception import Reconstructor
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.pipeline.fusion.pose_refinement import depth_disagreement
from gsn_perception.pipeline.fusion.pose_refinement import refined_pose
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.tabletop import TabletopScene
from gsn_perception.scenes.tabletop import random_tabletop


@pytest.fixture(scope="module")
def table() -> tuple[TabletopScene, list[Observation]]:
    """A carton from opposite sides, exact depth."""
    item = random_object(3, "carton")
    item = item.scaled(0.12 / float(item.extent.max()))
    scene, camera = random_tabletop([item, random_object(5, "jar").scaled(0.5)], 1, 2)
    cameras = [c.resized(400, 300) for c in scene.orbit(camera, 4, arc=np.deg2rad(120))]
    return scene, [scene.observe(c, supersample=1) for c in (cameras[0], cameras[1], cameras[3])]


def _relative(a: Observation, b: Observation) -> np.ndarray:
    return a.camera.camera_from_world @ b.camera.world_from_camera


def test_the_pose_is_corrected_by_depth(table) -> None:
    _, (first, second, _) = table
    true = _relative(first, second)
    error = make_transform(Rotation.from_rotvec([0.006, -0.005, 0.004]).as_matrix(), np.array([0.002, -0.001, 0.002]))
    points = second.measured_points()[::50].astype(np.float64)

    def off(T: np.ndarray) -> float:
        return float(
            np.median(
                np.linalg.norm((points @ T[:3, :3].T + T[:3, 3]) - (points @ true[:3, :3].T + true[:3, 3]), axis=1)
            )
        )

    refined = refined_pose(first, second, true @ error, 0.002, 0.0087)
    assert off(refined) < 0.35 * off(true @ error)
    exact = refined_pose(first, second, true, 0.0, 0.0)
    np.testing.assert_array_equal(exact, true)


def test_an_object_that_moved_is_noticed(table) -> None:
    _, (first, second, _) = table
    T = _relative(first, second)
    labels = [int(label) for label in np.unique(first.mask) if label]
    for label in labels:
        apart = depth_disagreement(first, second, label, label, T)
        assert apart is not None
        assert apart < 0.004
        lifted = replace(
            second, depth=np.where(second.mask == label, second.depth - 0.03, second.depth).astype(np.float32)
        )
        moved = depth_disagreement(first, lifted, label, label, T)
        assert moved is None or moved > 0.01


def test_two_sides_are_better_than_one(table) -> None:
    scene, (first, _, last) = table
    reconstructor = Reconstructor.from_pretrained(device="cpu", settings=ReconstructorSettings(mesh_resolution=40))
    views = [PosedView(o, o.camera.world_from_camera, 0.0, 0.0) for o in (last, first)]
    one = {r.label: r for r in reconstructor(first) if isinstance(r, Reconstruction)}
    two = {r.label: r for r in reconstructor.fuse(views) if isinstance(r, Reconstruction)}
    assert set(one) == set(two)
    for label, item in two.items():
        truth = cKDTree(scene.mesh(label, first.camera).vertices)
        errors = [float(np.mean(truth.query(r.mesh.vertices)[0])) for r in (one[label], item)]
        assert errors[1] < 1.1 * errors[0]
        assert item.scale_source == "depth"
        assert item.mesh.is_watertight()
