from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from gsn_perception.geometry import InputError
from gsn_perception.scenes.loader import load_mesh
from gsn_perception.scenes.loader import load_meshes
from gsn_perception.scenes.looks.textured_mesh import sample_texture
from gsn_perception.scenes.looks.textured_mesh import shape_class

OBJ = """mtllib material.mtl
usemtl skin
v 0 0 0.5
v 0.2 0 0.5
v 0.2 0.1 0.5
v 0 0.1 0.5
vt 0 0
vt 1 0
vt 1 1
vt 0 1
f 1/1 2/2 3/3
f 1/1 3/3 4/4
"""


@pytest.fixture
def folder(tmp_path):
    """An OBJ with a texture, a PLY with colours, a nested STL, a GLB with y up."""
    place = tmp_path / "train" / "card"
    place.mkdir(parents=True)
    (place / "model.obj").write_text(OBJ)
    (place / "material.mtl").write_text("newmtl skin\nKd 1 1 1\nmap_Kd texture.png\n")
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4, :4], pixels[4:, 4:] = [255, 0, 0], [0, 0, 255]  # red on top left, blue below right
    Image.fromarray(pixels).save(place / "texture.png")
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.05)
    ball.visual.vertex_colors = np.tile(np.array([10, 200, 30, 255], np.uint8), (len(ball.vertices), 1))
    ball.export(tmp_path / "train" / "ball.ply")
    (tmp_path / "val" / "deep" / "er").mkdir(parents=True)
    trimesh.creation.box((0.1, 0.2, 0.3)).export(tmp_path / "val" / "deep" / "er" / "brick.stl")
    trimesh.creation.box((0.1, 0.3, 0.2)).export(tmp_path / "val" / "tall.glb")
    return tmp_path


def test_every_kind_of_file_is_read(folder):
    objects, skipped = load_meshes(folder)
    assert [o.name for o in objects] == ["ball", "card", "brick", "tall"]
    assert skipped == []
    ball, card, brick, tall = objects
    np.testing.assert_allclose(ball.mesh.colors[0], np.array([10, 200, 30]) / 255, atol=1e-6)
    np.testing.assert_allclose(brick.extent, [0.1, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(tall.extent, [0.1, 0.2, 0.3], atol=1e-6)  # y of a GLB is up
    assert brick.mesh.is_watertight()
    assert len(brick.mesh.vertices) == 8
    assert brick.mesh.volume() == pytest.approx(0.006, rel=1e-5)
    assert tall.mesh.volume() == pytest.approx(0.006, rel=1e-5)
    assert [ball.shape, brick.shape, card.shape] == ["box", "box", "unknown"]
    for item in objects:
        low, high = item.mesh.vertices.min(axis=0), item.mesh.vertices.max(axis=0)
        np.testing.assert_allclose([low[2], low[0] + high[0], low[1] + high[1]], 0, atol=1e-6)


def test_the_texture_keeps_its_place(folder):
    card = load_mesh(folder / "train" / "card" / "model.obj")
    for corner, color in (([-0.1, 0.05, 0], [255, 0, 0]), ([0.1, -0.05, 0], [0, 0, 255]), ([0.1, 0.05, 0], [0, 0, 0])):
        face, k = np.argwhere(np.abs(card.mesh.triangles - corner).max(axis=-1) < 1e-6)[0]
        uv = card.corner_uv[face, k] * 0.75 + 0.125  # inside, away from the wrap
        assert sample_texture(card.texture, uv[None])[0].tolist() == color


def test_splits_limit_and_manifest(folder):
    (folder / "manifest.csv").write_text("split,name,shape\nval,brick,open\n")
    objects, _ = load_meshes(folder, splits=("val",))
    assert [(o.name, o.shape) for o in objects] == [("brick", "open"), ("tall", "box")]
    assert len(load_meshes(folder, limit=3)[0]) == 3
    with pytest.raises(InputError, match="under test"):
        load_meshes(folder, splits=("test",))


def test_a_broken_file_is_skipped_by_name(folder):
    (folder / "train" / "rubbish.obj").write_text("v 1 2\nf 7 8 9\n")
    (folder / "train" / "cut.ply").write_bytes((folder / "train" / "ball.ply").read_bytes()[:300])
    (folder / "train" / "empty.stl").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"skipped .*(rubbish.obj|cut.ply|empty.stl)"):
        objects, skipped = load_meshes(folder)
    assert len(objects) == 4
    assert sorted(path.name for path, _ in skipped) == ["cut.ply", "empty.stl", "rubbish.obj"]
    for path, reason in skipped:
        assert path.name in reason


def test_a_damaged_texture_leaves_the_geometry(folder):
    (folder / "train" / "card" / "texture.png").write_bytes(b"no picture")
    card = load_mesh(folder / "train" / "card" / "model.obj")
    np.testing.assert_allclose(card.extent, [0.2, 0.1, 0], atol=1e-6)


def test_a_folder_without_objects_is_said(tmp_path):
    with pytest.raises(InputError, match="give a folder of OBJ, PLY, STL or GLB files"):
        load_meshes(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        load_meshes(tmp_path / "nowhere")
    (tmp_path / "only.stl").write_bytes(b"rubbish")
    with pytest.warns(UserWarning, match="only.stl"), pytest.raises(InputError, match="no readable object"):
        load_meshes(tmp_path)


def test_shape_classes(box):
    ring = trimesh.creation.torus(0.1, 0.02)
    from gsn_perception.geometry import Mesh

    assert shape_class(box.mesh) == "box"
    assert shape_class(Mesh(ring.vertices, ring.faces)) == "open"


def test_scanned_objects_load(shared_objects):
    objects, skipped = load_meshes(shared_objects, splits=("dev",), limit=3)
    assert len(objects) == 3
    assert not skipped
    for item in objects:
        assert item.texture is not None
        assert item.mesh.is_watertight()
        assert item.shape in ("box", "mid", "open")
        assert 0.02 < item.extent.max() < 1.0
