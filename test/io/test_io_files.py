"""PLY, meshes, grasps, and outputs that are whole or absent."""

import json
import os

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.io import atomic_write
from gsn_perception.io import output_folder
from gsn_perception.io import read_gaussians_ply
from gsn_perception.io import read_grasps_json
from gsn_perception.io import read_mesh
from gsn_perception.io import read_points_ply
from gsn_perception.io import write_gaussians_ply
from gsn_perception.io import write_grasps_json
from gsn_perception.io import write_mesh_ply
from gsn_perception.io import write_points_ply


def _splat(n=50, confidence=True):
    g = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.randn(n, 3, generator=g),
        scales=torch.rand(n, 3, generator=g) * 0.1 + 1e-4,
        quats=torch.nn.functional.normalize(torch.randn(n, 4, generator=g), dim=-1),
        colors=torch.rand(n, 3, generator=g),
        opacities=torch.rand(n, generator=g) * 0.98 + 0.01,
        confidence=torch.rand(n, generator=g) if confidence else None,
    )


@pytest.mark.parametrize("confidence", [True, False])
def test_gaussians_survive_a_ply(tmp_path, confidence):
    splat = _splat(confidence=confidence)
    write_gaussians_ply(tmp_path / "g.ply", splat)
    again = read_gaussians_ply(tmp_path / "g.ply")
    for name in ("means", "scales", "quats", "colors", "opacities"):
        torch.testing.assert_close(getattr(again, name), getattr(splat, name), rtol=1e-4, atol=1e-6)
    assert (again.confidence is None) == (not confidence)


def test_another_ply_reader_sees_the_3dgs_columns(tmp_path):
    import trimesh

    splat = _splat()
    write_gaussians_ply(tmp_path / "g.ply", splat)
    raw = trimesh.load(tmp_path / "g.ply").metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_allclose(np.ravel(raw["opacity"]), torch.logit(splat.opacities), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.ravel(raw["scale_1"]), splat.scales[:, 1].log(), rtol=1e-5)
    np.testing.assert_allclose(np.ravel(raw["rot_0"]), splat.quats[:, 0], rtol=1e-6)
    np.testing.assert_allclose(np.ravel(raw["f_dc_2"]), (splat.colors[:, 2] - 0.5) / 0.28209479177387814, rtol=1e-4)


def test_opaque_and_invisible_gaussians_stay_finite(tmp_path):
    splat = _splat(2, confidence=False)
    splat = splat.map(lambda t: torch.tensor([0.0, 1.0]) if t.dim() == 1 else t)
    write_gaussians_ply(tmp_path / "g.ply", splat)
    again = read_gaussians_ply(tmp_path / "g.ply")
    torch.testing.assert_close(again.opacities, torch.tensor([0.0, 1.0]), atol=2e-6, rtol=0)


def test_damaged_splats_get_a_sentence(tmp_path):
    path = tmp_path / "g.ply"
    with pytest.raises(InputError, match="no such file"):
        read_gaussians_ply(path)
    for text in ("solid x", "ply\nformat morse 1.0\nelement vertex 0\nend_header\n", "ply\nend_header\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="no PLY"):
            read_gaussians_ply(path)
    path.write_text("ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n")
    with pytest.raises(InputError, match="cut short"):
        read_gaussians_ply(path)
    write_gaussians_ply(path, _splat())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="cut short"):
        read_gaussians_ply(path)
    write_gaussians_ply(path, _splat())
    path.write_bytes(path.read_bytes().replace(b"float opacity", b"float opacitx"))
    with pytest.raises(InputError, match="lacks opacity"):
        read_gaussians_ply(path)
    with pytest.raises(InputError, match="one splat"):
        write_gaussians_ply(path, _splat().map(lambda t: t[None]))


def test_points_survive_a_ply_and_other_readers_agree(tmp_path):
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(30, 3)).astype(np.float32)
    normals = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    points = Points(xyz, np.round(rng.random((30, 3)) * 255).astype(np.float32) / 255, normals, rng.random(30))
    write_points_ply(tmp_path / "p.ply", points)
    again = read_points_ply(tmp_path / "p.ply")
    for name in ("xyz", "colors", "normals", "confidence"):
        np.testing.assert_allclose(getattr(again, name), getattr(points, name), atol=1e-6)
    import open3d as o3d

    cloud = o3d.io.read_point_cloud(str(tmp_path / "p.ply"))
    np.testing.assert_allclose(np.asarray(cloud.points), xyz, atol=1e-6)
    np.testing.assert_allclose(np.asarray(cloud.colors), points.colors, atol=1e-6)
    np.testing.assert_allclose(np.asarray(cloud.normals), normals, atol=1e-6)


@pytest.mark.parametrize("order", ["big endian", "text", "text of Windows"])
def test_splats_and_points_are_read_from_other_orders(tmp_path, order):
    """Rewritten here, byte by byte, from the files that are known to be right."""
    from gsn_perception.io.ply import _read_vertices

    for name, write, value, read in (
        ("g.ply", write_gaussians_ply, _splat(), read_gaussians_ply),
        ("p.ply", write_points_ply, Points(*np.random.default_rng(1).random((3, 5, 3)), np.ones(5)), read_points_ply),
    ):
        path = tmp_path / name
        write(path, value)
        right, table = read(path), _read_vertices(path)
        head = path.read_bytes().partition(b"end_header\n")[0] + b"end_header\n"
        if order == "big endian":
            body = table.astype(table.dtype.newbyteorder(">")).tobytes()
            path.write_bytes(head.replace(b"little", b"big") + body)
        else:
            rows = "".join(" ".join(repr(v) for v in row) + "\n" for row in table.tolist()).encode()
            text = head.replace(b"binary_little_endian", b"ascii") + rows
            path.write_bytes(text.replace(b"\n", b"\r\n") if "Windows" in order else text)
        again = read(path)
        for field in ("means", "scales", "quats", "opacities", "xyz", "colors", "normals"):
            if hasattr(right, field):
                one, other = np.asarray(getattr(again, field)), np.asarray(getattr(right, field))
                np.testing.assert_allclose(one, other, atol=1e-6)


def _tetrahedron(**more):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    return Mesh(vertices, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]), **more)


def test_meshes_survive_a_ply(tmp_path):
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1.0]])
    mesh = _tetrahedron(colors=colors, confidence=np.linspace(0, 1, 4))
    write_mesh_ply(tmp_path / "m.ply", mesh)
    again = read_mesh(tmp_path / "m.ply")
    np.testing.assert_array_equal(again.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.faces, mesh.faces)
    np.testing.assert_allclose(again.colors, colors)
    np.testing.assert_allclose(again.confidence, mesh.confidence)
    import open3d as o3d

    other = o3d.io.read_triangle_mesh(str(tmp_path / "m.ply"))
    np.testing.assert_array_equal(np.asarray(other.triangles), mesh.faces)
    np.testing.assert_allclose(np.asarray(other.vertex_normals), mesh.with_vertex_normals().normals, atol=1e-6)


@pytest.mark.parametrize("suffix", ["obj", "stl", "glb", "off"])
def test_other_mesh_formats_are_read(tmp_path, suffix):
    import trimesh

    trimesh.creation.box((1, 2, 3)).export(tmp_path / f"box.{suffix}")
    mesh = read_mesh(tmp_path / f"box.{suffix}")
    assert len(mesh.faces) == 12
    assert mesh.volume() == pytest.approx(6.0, rel=1e-5)


@pytest.mark.parametrize("order", ["ascii", "binary"])
def test_meshes_of_other_tools_are_read_from_text_too(tmp_path, order):
    import trimesh

    box = trimesh.creation.box((0.05, 0.06, 0.12))
    box.vertex_attributes["confidence"] = np.linspace(0, 1, 8, dtype=np.float32)
    (tmp_path / "m.ply").write_bytes(trimesh.exchange.ply.export_ply(box, encoding=order, vertex_normal=False))
    mesh = read_mesh(tmp_path / "m.ply")
    assert mesh.volume() == pytest.approx(box.volume, rel=1e-5)
    np.testing.assert_allclose(mesh.confidence, np.linspace(0, 1, 8), atol=1e-6)


@pytest.mark.parametrize(("unit", "metres"), [(None, 1), ("m", 1), ("cm", 0.01), ("mm", 0.001), ("inch", 0.0254)])
def test_units_are_given(tmp_path, unit, metres):
    import trimesh

    trimesh.creation.box((5, 6, 12)).export(tmp_path / "m.stl")
    mesh = read_mesh(tmp_path / "m.stl", unit=unit)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), np.array([5, 6, 12]) * metres, rtol=1e-6)


def test_units_that_the_file_tells_count(tmp_path):
    import trimesh

    for unit, metres in (("millimeters", 0.001), ("inches", 0.0254), ("meters", 1)):
        box = trimesh.creation.box((5, 6, 12))
        box.units = unit
        box.export(tmp_path / "m.glb")
        np.testing.assert_allclose(np.ptp(read_mesh(tmp_path / "m.glb").vertices, axis=0)[2], 12 * metres, rtol=1e-6)
        other = read_mesh(tmp_path / "m.glb", unit="cm")
        np.testing.assert_allclose(np.ptp(other.vertices, axis=0)[2], 0.12, rtol=1e-6)


@pytest.mark.parametrize("unit", ["micron", "millimeter", "centimeter", "inch", "foot", "meter", ""])
def test_3mf_tells_its_unit(tmp_path, unit):
    pytest.importorskip("lxml")
    import zipfile

    corners = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in ((0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3)))
    faces = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))
    )
    model = (
        f"<model {f'unit={chr(34)}{unit}{chr(34)}' if unit else ''} "
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources><object id="1" type="model"><mesh>'
        f"<vertices>{corners}</vertices><triangles>{faces}</triangles></mesh></object></resources>"
        '<build><item objectid="1"/></build></model>'
    )
    with zipfile.ZipFile(tmp_path / "m.3mf", "w") as archive:
        archive.writestr("3D/3dmodel.model", model)
    metres = {"micron": 1e-6, "centimeter": 0.01, "inch": 0.0254, "foot": 0.3048, "meter": 1}.get(unit, 0.001)
    np.testing.assert_allclose(
        read_mesh(tmp_path / "m.3mf").vertices.max(axis=0), np.array([1, 2, 3]) * metres, rtol=1e-6
    )


@pytest.mark.parametrize(("suffix", "module", "package"), [("3mf", "lxml", "lxml"), ("dae", "collada", "pycollada")])
def test_a_reader_that_is_missing_is_named(tmp_path, suffix, module, package):
    from importlib.util import find_spec

    if find_spec(module) is not None:
        pytest.skip(f"{package} is installed")
    (tmp_path / f"m.{suffix}").write_bytes(b"PK\x03\x04 or <COLLADA>")
    with pytest.raises(InputError, match=f"needs {package}: run `pip install {package}`"):
        read_mesh(tmp_path / f"m.{suffix}")


def test_parts_of_a_scene_are_joined_where_they_stand(tmp_path):
    import trimesh

    box, scene = trimesh.creation.box((0.1, 0.2, 0.3)), trimesh.Scene()
    scene.add_geometry(box, transform=trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    scene.add_geometry(box, transform=trimesh.transformations.translation_matrix((1, 0, 0)))
    scene.export(tmp_path / "m.glb")
    mesh = read_mesh(tmp_path / "m.glb")
    np.testing.assert_allclose(
        [mesh.vertices.min(0), mesh.vertices.max(0)], [(-0.05, -0.15, -0.15), (1.05, 0.15, 0.15)]
    )
    groups = "mtllib none.mtl\no a\n" + "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 2) for z in (0, 3))
    groups += (
        "g one\nusemtl q\nf 1 2 4 3\nf 5 7 8 6\ng two\nf 1 5 6 2\no b\nf 3 4 8 7\nusemtl r\nf 1 3 7 5\nf -7 -3 -1 -5\n"
    )
    (tmp_path / "m.obj").write_text(groups)
    mesh = read_mesh(tmp_path / "m.obj")
    assert len(mesh.faces) == 12
    assert mesh.volume() == pytest.approx(6)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.stl", b"", "empty"),
        ("a.stl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        ("a.obj", b"<!DOCTYPE html><html>not found</html>", "web page"),
        ("a.urdf", b"<robot name='r'/>", "robot or world"),
        ("a.sdf", b"<sdf/>", "robot or world"),
        ("a.STEP", b"ISO-10303-21;", "CAD"),
        ("a.usd", b"#usda 1.0", "GLB"),
        ("a.pcd", b"# .PCD v0.7", "points"),
        ("a.stl", b"solid nothing\nendsolid nothing\n", "no faces"),
    ],
)
def test_what_is_no_mesh_gets_a_sentence_of_its_own(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_mesh(tmp_path / name)


def test_a_texture_becomes_vertex_colours(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((4, 4, 3), (200, 10, 20), np.uint8)).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text("newmtl a\nmap_Kd t.png\n")
    (tmp_path / "m.obj").write_text(
        "mtllib m.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )
    np.testing.assert_allclose(read_mesh(tmp_path / "m.obj").colors * 255, [[200, 10, 20]] * 3, atol=1)


def test_bad_meshes_get_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_mesh(tmp_path / "no.ply")
    (tmp_path / "bad.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    (tmp_path / "bad.glb").write_bytes(b"glTF" + bytes(9))
    (tmp_path / "bad.xyzw").write_text("?")
    for name in ("bad.ply", "bad.glb", "bad.xyzw"):
        with pytest.raises(InputError, match=r"corrupt or of an unknown format|no faces"):
            read_mesh(tmp_path / name)
    (tmp_path / "points.obj").write_text("v 0 0 0\nv 1 1 1\n")
    with pytest.raises(InputError, match=r"no faces|corrupt"):
        read_mesh(tmp_path / "points.obj")


def test_grasps_survive_json_and_the_quaternions_agree(tmp_path):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", [0.3, -1.2, 2.5]).as_matrix()
    pose[:3, 3] = 0.1, -0.2, 0.6
    write_grasps_json(tmp_path / "g.json", [Grasp(pose, 0.05, 0.9, 3)], frame_id="camera", stamp=123456789012345678)
    entry = json.loads((tmp_path / "g.json").read_text())["grasps"][0]
    np.testing.assert_allclose(Rotation.from_quat(entry["quaternion_xyzw"]).as_matrix(), pose[:3, :3], atol=1e-12)
    np.testing.assert_allclose(np.roll(entry["quaternion_wxyz"], -1), entry["quaternion_xyzw"])
    again = read_grasps_json(tmp_path / "g.json")
    assert (again.frame_id, again.stamp) == ("camera", 123456789012345678)
    np.testing.assert_array_equal(again.grasps[0].T_frame_tcp, pose)
    assert (again.grasps[0].width, again.grasps[0].score, again.grasps[0].label) == (0.05, 0.9, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[]", "version 1"),
        ('{"format": "gsn_perception/grasps", "version": 1}', "damaged"),
        ('{"format": "gsn_perception/grasps", "version": 1, "frame_id": "", "stamp": 0, "grasps": [{}]}', "damaged"),
    ],
)
def test_bad_grasp_files_get_a_sentence(tmp_path, content, words):
    (tmp_path / "g.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_grasps_json(tmp_path / "g.json")


def test_an_output_folder_appears_whole(tmp_path):
    target = tmp_path / "a" / "b"
    with output_folder(target) as folder:
        (folder / "one.txt").write_text("1")
        (folder / "sub").mkdir()
        (folder / "sub" / "two.txt").write_text("2")
        assert not target.exists()
    assert (target / "sub" / "two.txt").read_text() == "2"
    with output_folder(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "two.txt").write_text("new")
    assert (target / "one.txt").read_text() == "1"
    assert (target / "sub" / "two.txt").read_text() == "new"
    assert os.listdir(tmp_path / "a") == ["b"]


def test_a_failing_block_leaves_nothing_not_even_parents(tmp_path):
    def half_a_folder():
        with output_folder(tmp_path / "a" / "b") as folder:
            (folder / "half").write_text("x")
            raise RuntimeError("boom")

    def half_a_file():
        with atomic_write(tmp_path / "c" / "d.txt") as name:
            name.write_text("half")
            raise RuntimeError("boom")

    for write in (half_a_folder, half_a_file):
        with pytest.raises(RuntimeError, match="boom"):
            write()
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written_get_a_sentence(tmp_path):
    (tmp_path / "file").write_text("keep")
    for target in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "file" / "deep" / "er"):
        with pytest.raises(InputError, match="cannot write"), output_folder(target) as folder:
            (folder / "x").write_text("x")
    with pytest.raises(InputError, match="cannot write"), atomic_write(tmp_path / "file" / "x.ply"):
        pass
    with pytest.raises(InputError, match="is a folder"), atomic_write(tmp_path):
        pass
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "keep"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_gets_a_sentence(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="permission denied"), output_folder(tmp_path / "locked" / "out"):
        pass


def test_atomic_write_keeps_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with atomic_write(path) as name:
        name.write_text("new")
        assert path.read_text() == "old"
        assert name.suffix == ".txt"
    assert path.read_text() == "new"
    assert os.stat(path).st_mode & 0o044, "results are readable by others under the usual umask"


def test_weights_tell_when_their_file_was_replaced(tmp_path):
    import torch

    from gsn_perception.gsn import CONFIGS
    from gsn_perception.gsn import GSN
    from gsn_perception.gsn.weights import save_gsn
    from gsn_perception.pipeline import Reconstructor

    path = tmp_path / "w.safetensors"
    torch.manual_seed(0)
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    made = Reconstructor.from_pretrained(path, "cpu")
    facts = made.describe()
    assert (facts["device"], facts["weights"], facts["weights_replaced"]) == ("cpu", str(path), "false")
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    assert made.describe()["weights_replaced"] == "true"
    assert made.describe()["weights_sha256"] == facts["weights_sha256"], "of what is loaded, not of what lies there"
    path.unlink()
    assert made.describe()["weights_replaced"] == "true"
