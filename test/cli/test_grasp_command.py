"""``gsn grasp``: from a mesh file to a grasps.json."""

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from gsn_perception.cli.main import main
from gsn_perception.cli.parse import parse_plane
from gsn_perception.cli.parse import parse_roi
from gsn_perception.geometry import InputError
from gsn_perception.io import read_grasps_json


@pytest.fixture
def box(tmp_path):
    import trimesh

    mesh = trimesh.creation.box((0.04, 0.3, 0.3))
    mesh.apply_translation((0, 0, 0.15))
    mesh.export(tmp_path / "box.stl")
    return str(tmp_path / "box.stl")


def test_a_slab_is_grasped_across_its_thin_side_from_above_the_plane(box, tmp_path, capsys):
    out = tmp_path / "out" / "grasps.json"
    words = ["--mesh", box, "--out", str(out), "--support-plane", "0,0,1,0", "--frame-id", "table", "--max-grasps", "5"]
    assert main(["grasp", *words]) == 0
    assert "5 grasps" in capsys.readouterr().out
    content = read_grasps_json(out)
    assert content.frame_id == "table"
    assert len(content.grasps) == 5
    for grasp in content.grasps:
        closing, approach = grasp.T_frame_tcp[:3, 1], grasp.T_frame_tcp[:3, 2]
        assert abs(closing[0]) > 0.9, "fingers close across the 4 cm side"
        assert approach[2] < 0.5, "not from below the table"
        assert 0.04 <= grasp.width <= 0.08
    assert np.all(np.diff([grasp.score for grasp in content.grasps]) <= 0)


def test_no_grasp_is_told_and_exit_code_1(tmp_path, capsys):
    import trimesh

    trimesh.creation.box((0.5, 0.5, 0.5)).export(tmp_path / "big.ply")
    assert main(["grasp", "--mesh", str(tmp_path / "big.ply"), "--out", str(tmp_path / "g.json")]) == 1
    assert "no grasp" in capsys.readouterr().out
    assert read_grasps_json(tmp_path / "g.json").grasps == []


@pytest.mark.parametrize(("unit", "metres"), [("mm", 0.001), ("cm", 0.01), ("inch", 0.0254)])
def test_the_unit_of_a_mesh_is_asked_for_and_taken(tmp_path, capsys, unit, metres):
    import trimesh

    path, out = str(tmp_path / "box.stl"), tmp_path / "g.json"
    trimesh.creation.box(np.array((0.05, 0.06, 0.12)) / metres).export(path)
    assert main(["grasp", "--mesh", path, "--out", str(out)]) == 2
    assert f"--unit {unit} (0.12 m long)" in capsys.readouterr().err
    assert not out.exists()
    assert main(["grasp", "--mesh", path, "--unit", unit, "--out", str(out)]) == 0
    assert "0.05 x 0.06 x 0.12 m" in capsys.readouterr().out
    assert read_grasps_json(out).grasps[0].width <= 0.08
    assert main(["grasp", "--mesh", path, "--unit", "inch" if unit != "inch" else "m", "--out", str(out)]) in (1, 2)
    assert f"--unit {unit}" in (error := capsys.readouterr().err) or "mesh_too_wide" in error


def test_a_mesh_in_metres_read_as_millimetres_is_told(tmp_path, capsys):
    import trimesh

    trimesh.creation.box((0.05, 0.06, 0.12)).export(tmp_path / "box.ply")
    words = ["--mesh", str(tmp_path / "box.ply"), "--out", str(tmp_path / "g.json")]
    assert main(["grasp", *words, "--unit", "mm"]) == 2
    assert "--unit m (0.12 m long)" in capsys.readouterr().err


def _inside_out(mesh):
    mesh.invert()


def _mirrored(mesh):
    mesh.vertices[:, 0] *= -1


def _two_sided(mesh):
    mesh.faces = np.concatenate([mesh.faces, mesh.faces[:, ::-1]])


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_inside_out, "mesh_inside_out"), (_mirrored, "mesh_inside_out"), (_two_sided, "mesh_faces_twice")],
)
def test_meshes_that_can_be_mended_give_the_same_grasps(tmp_path, capsys, damage, code):
    import trimesh

    found = []
    for name, change in (("good.ply", None), ("bad.ply", damage)):
        mesh = trimesh.Trimesh(*[getattr(trimesh.creation.box((0.05, 0.06, 0.12)), k) for k in ("vertices", "faces")])
        if change is not None:
            change(mesh)
        mesh.export(tmp_path / name)
        assert main(["grasp", "--mesh", str(tmp_path / name), "--out", str(tmp_path / "g.json")]) == 0
        error = capsys.readouterr().err
        assert (code in error) == (change is not None)
        found.append(len(read_grasps_json(tmp_path / "g.json").grasps))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mesh", "nothing.ply"], "no such file"),
        (["--mesh", "BOX", "--gripper", "tentacle"], "no gripper named"),
        (["--mesh", "BOX", "--support-plane", "0,0,1"], "not 4 numbers"),
        (["--mesh", "BOX", "--support-plane", "0,0,0,1"], "normal is zero"),
    ],
)
def test_bad_input_gets_a_sentence(box, tmp_path, capsys, words, sentence):
    words = [box if word == "BOX" else word for word in words]
    assert main(["grasp", "--out", str(tmp_path / "g.json"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "g.json").exists()


def test_planes_and_rectangles_are_parsed():
    plane = parse_plane("0,0,2,-1")
    np.testing.assert_allclose([*plane.normal, plane.offset], [0, 0, 1, -0.5])
    assert parse_plane(None) is None
    assert parse_roi("1,2,30,40") == (1, 2, 30, 40)
    for text in ("1,2,3", "a,b,c,d", "1.5,2,3,4", "nan,1,1,1"):
        with pytest.raises(InputError, match="give x,y,w,h"):
            parse_roi(text)


def test_grasps_for_isaac_beside_the_json(box, tmp_path, capsys):
    """Read as Isaac Sim's Grasp Editor and GraspGen do: the hand's pose in the mesh's axes, w before xyz."""
    out, isaac = tmp_path / "g.json", tmp_path / "g.yaml"
    words = ["--mesh", box, "--out", str(out), "--isaac", str(isaac), "--frame-id", "table", "--max-grasps", "4"]
    assert main(["grasp", *words]) == 0
    assert str(isaac) in capsys.readouterr().out
    content = yaml.safe_load(isaac.read_text())
    head = ("format", "format_version", "object_frame", "gripper_frame")
    assert [content[key] for key in head] == ["isaac_grasp", 1.0, "table", "panda_hand"]
    grasps = read_grasps_json(out).grasps
    assert list(content["grasps"]) == [f"grasp_{i}" for i in range(len(grasps))]
    for entry, grasp in zip(content["grasps"].values(), grasps, strict=True):
        assert list(entry) == [
            "confidence",
            "position",
            "orientation",
            "cspace_position",
            "pregrasp_cspace_position",
        ]
        w, (x, y, z) = entry["orientation"]["w"], entry["orientation"]["xyz"]
        rotation = Rotation.from_quat([x, y, z, w]).as_matrix()
        np.testing.assert_allclose(rotation, grasp.T_frame_tcp[:3, :3], atol=1e-6)
        np.testing.assert_allclose(entry["position"] + 0.1034 * rotation[:, 2], grasp.T_frame_tcp[:3, 3], atol=1e-6)
        assert entry["confidence"] == pytest.approx(grasp.score, abs=1e-6)
        assert sum(entry["pregrasp_cspace_position"].values()) == pytest.approx(grasp.width, abs=1e-6)
        assert sum(entry["cspace_position"].values()) == pytest.approx(0.04, abs=1e-3), "the slab's thickness"
        assert grasp.closed_width == pytest.approx(0.04, abs=1e-3)
