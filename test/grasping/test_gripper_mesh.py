"""Collision meshes of grippers become boxes that cover them, and not much else."""

import numpy as np
import pytest
import trimesh
import yaml
from grasp_checks import as_mesh

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.gripper import _folder
from gsn_perception.grasping.gripper_mesh import covering_boxes
from gsn_perception.grasping.gripper_mesh import merged_boxes


def inside(points, boxes):
    """How many boxes hold each of the points [N,3]."""
    return sum(((points >= low) & (points <= high)).all(axis=1).astype(int) for low, high in boxes)


@pytest.mark.parametrize(
    "shape",
    [
        trimesh.creation.cylinder(0.035, 0.08),
        trimesh.creation.icosphere(3, 0.04),
        trimesh.creation.annulus(0.02, 0.04, 0.03),
    ],
    ids=["cylinder", "ball", "ring"],
)
def test_every_point_of_the_solid_is_covered_and_little_else(shape):
    boxes = covering_boxes(as_mesh(shape), 0.01)
    assert 1 < len(boxes) <= 96
    assert (inside(trimesh.sample.volume_mesh(shape, 4000), boxes) >= 1).all()
    rng = np.random.default_rng(0)
    spots = rng.uniform(-0.06, 0.06, (4000, 3))
    covered = inside(spots, boxes) > 0
    distance = trimesh.proximity.signed_distance(shape, spots[covered])  # positive inside
    assert distance.min() > -0.01 * 3**0.5
    assert inside(spots, boxes).max() == 1  # none twice


def test_a_box_is_one_box():
    box = trimesh.creation.box((0.05, 0.03, 0.012))
    (found,) = covering_boxes(as_mesh(box), 0.004)
    np.testing.assert_allclose(found, box.bounds, atol=1e-6)


def total(boxes):
    return sum(float(np.prod(high - low)) for low, high in boxes)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [-1, 1])
@pytest.mark.parametrize("inwards", [False, True])
def test_a_box_without_one_side_is_filled_whichever_way_the_hole_faces(axis, end, inwards):
    cell, size = 0.01, np.array([0.11, 0.07, 0.09])
    box = trimesh.creation.box(size)
    kept = box.face_normals[:, axis] * end < 0.5
    faces = box.faces[kept][:, ::-1] if inwards else box.faces[kept]
    found = total(covering_boxes(Mesh(box.vertices, faces), cell))
    assert found <= size.prod() * (1 + 1e-5)
    assert found >= size.prod() * (1 - cell / size[axis]), "one layer of cells at the hole at most"


@pytest.mark.parametrize("inverted", [(), (0,), (1,), (0, 1)])
def test_overlapping_parts_do_not_cancel(inverted):
    cell = 0.005
    parts = [trimesh.creation.box((0.12, 0.08, 0.1)), trimesh.creation.box((0.08, 0.14, 0.1))]
    parts[1].apply_translation((0.03, 0.02, 0.02))
    for number in inverted:
        parts[number].invert()
    joined = trimesh.util.concatenate(parts)
    grid = np.stack(np.meshgrid(*(np.arange(-0.2013, 0.2, 0.004),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    true = sum(inside(grid, [part.bounds]) for part in parts) > 0
    covered = inside(grid, covering_boxes(as_mesh(joined), cell)) > 0
    assert (covered | ~true).all(), "all of it, also where both are"
    distance = np.min([np.abs(np.clip(grid, *part.bounds) - grid).max(axis=1) for part in parts], axis=0)
    assert distance[covered].max() <= cell + 1e-6


def test_a_hollow_part_stays_hollow():
    outer, inner = trimesh.creation.box((0.1,) * 3), trimesh.creation.box((0.07,) * 3)
    inner.invert()
    boxes = covering_boxes(as_mesh(trimesh.util.concatenate([outer, inner])), 0.01)
    assert not inside(np.zeros((1, 3)), boxes).any()
    assert inside(np.array([[0.0425, 0, 0]]), boxes).any()


def test_merging_keeps_exactly_the_cells():
    filled = np.random.default_rng(0).random((5, 6, 4)) < 0.6
    again = np.zeros(filled.shape, int)
    for low, high in merged_boxes(filled):
        again[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] += 1
    np.testing.assert_array_equal(again, filled.astype(int))


@pytest.fixture
def file(tmp_path):
    """A Panda whose hand is a mesh: the same boxes, as one STL."""
    values = yaml.safe_load(_folder().joinpath("panda.yaml").read_text())
    parts = []
    for entry in values["palm"]:
        part = trimesh.creation.box(entry["size"])
        part.apply_translation(entry["center"])
        parts.append(part)
    hand = trimesh.util.concatenate(parts)
    hand.export(tmp_path / "hand.stl")
    hand.copy().apply_scale(1000).export(tmp_path / "mm.stl")
    values["palm"] = [{"mesh": "hand.stl", "cell": 0.02}]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_gripper_may_have_a_mesh_for_a_hand(file):
    mine, shipped = Gripper.load(file), Gripper.named("panda")
    assert mine.finger_depth == pytest.approx(shipped.finger_depth, abs=1e-5)
    assert mine.reach == pytest.approx(shipped.reach, abs=0.01)
    values = yaml.safe_load(file.read_text())
    values["palm"][0].update(mesh="mm.stl", unit="mm")
    file.write_text(yaml.safe_dump(values))
    assert Gripper.load(file).reach == pytest.approx(mine.reach, abs=1e-6)
    points = np.random.default_rng(0).uniform([-0.05, -0.11, -0.17], [0.05, 0.11, -0.03], (3000, 3))
    true, covered = (inside(points, [b.bounds for b in g.palm]) > 0 for g in (shipped, mine))
    assert (covered | ~true).all()
    assert len(GraspPlanner(mine).plan_mesh(as_mesh(trimesh.creation.box((0.04,) * 3)))) >= 10


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"mesh": "none.stl", "cell": 0.01}, "no such file"),
        ({"mesh": "hand.stl"}, "mesh cell is None"),
        ({"mesh": "hand.stl", "cell": 1e-4}, "larger"),
        ({"mesh": "hand.stl", "cell": 0.01, "unit": "ell"}, "unit of a mesh is 'ell'"),
        ({"mesh": "mm.stl", "cell": 0.01}, "unit: mm"),
    ],
)
def test_bad_meshes_are_one_sentence(file, entry, sentence):
    values = yaml.safe_load(file.read_text())
    values["palm"] = [entry]
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=sentence):
        Gripper.load(file)
    with pytest.raises(InputError, match="no surface"):
        covering_boxes(Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)), 0.01)
