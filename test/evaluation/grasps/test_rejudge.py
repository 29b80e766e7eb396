"""Grasps of an earlier run carried out again; folders, cameras and tables of `gsn eval grasp`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

pytest.importorskip("mujoco")

from gsn_perception.cli.eval.grasp_folder import check_folder
from gsn_perception.cli.main import main
from gsn_perception.evaluation.grasps.rejudge import judges
from gsn_perception.evaluation.grasps.rows import append_rows
from gsn_perception.evaluation.grasps.rows import grasp_row
from gsn_perception.evaluation.grasps.rows import pose_row
from gsn_perception.evaluation.grasps.rows import read_rows
from gsn_perception.evaluation.grasps.summary import simulators
from gsn_perception.evaluation.grasps.summary import success
from gsn_perception.evaluation.grasps.trials import RestingObject
from gsn_perception.evaluation.grasps.trials import make_trial
from gsn_perception.evaluation.physics.judge import REVISION
from gsn_perception.evaluation.physics.judge import mujoco_version
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

DOWN = np.diag([1.0, -1.0, -1.0])
SIZE = (0.05, 0.04, 0.08)


def row(method, *, held, verdict=None, camera=0, grasp=None, pose=True, name="block", extent=0.08, **more):
    verdict = verdict or ("held" if held else "slipped")
    found = {"object": name, "shape": "box", "pose": 0, "camera": camera, "method": method, "held": held}
    found |= {"verdict": verdict, "rank": -1 if grasp is None else 0, "extent": extent, "judging": 0.5, **more}
    if pose:
        found["T_world_object"] = pose_row(make_transform(np.eye(3), [0.1, 0, 0]))
    return found | ({} if grasp is None else grasp_row(grasp))


@pytest.fixture
def earlier(tmp_path):
    """A run whose judge was wrong about the good grasp, right about the empty one, and did not keep a third's pose."""
    folder = tmp_path / "objects"
    folder.mkdir()
    trimesh.creation.box(SIZE).export(folder / "block.ply")
    good = Grasp(make_transform(DOWN, [0.1, 0, 0.06]), 0.05, 0.9)
    beside = Grasp(make_transform(DOWN, [0.2, 0, 0.06]), 0.05, 0.8)
    rows = [row("exhaustive search", held=True, camera=-1)]
    rows += [row("RGB-D", held=False, grasp=good), row("top-down", held=False, verdict="missed", grasp=beside)]
    rows += [row("RGB and plane", held=False, verdict="no candidate")]
    append_rows(tmp_path / "run" / "trials.jsonl", rows)
    return tmp_path


def rejudge(earlier, *more, out="again"):
    words = ["eval", "grasp", "--objects", str(earlier / "objects"), "--rejudge", str(earlier / "run")]
    words += ["--out", str(earlier / out), "--cache", str(earlier / "parts"), "--processes", "1"]
    return main([*words, *more])


def test_the_same_answers_under_another_judge(earlier, capsys):
    assert rejudge(earlier, "--json", str(earlier / "j.json")) == 0
    text = capsys.readouterr().out
    assert f"now (mujoco {mujoco_version()})" in text
    assert "slipped -> held" in text
    figures = json.loads((earlier / "j.json").read_text())
    assert figures["judges"]["RGB-D"]["before"] == 0
    assert figures["judges"]["RGB-D"]["now"] == 1
    assert figures["judges"]["RGB-D"]["only now"] == 1
    assert figures["judges"]["RGB-D"]["s before"] == 0.5
    assert figures["judges"]["top-down"]["now"] == 0
    assert figures["verdicts"] == {"slipped -> held": {"grasps": 1}, "as before": {"grasps": 1}}
    rows = read_rows(earlier / "again" / "trials.jsonl")
    assert len(rows) == 4
    again = next(r for r in rows if r["method"] == "RGB-D")
    assert again["before"]["verdict"] == "slipped"
    assert again["mujoco"] == mujoco_version()
    assert rejudge(earlier) == 0  # goes on: nothing is left to do
    assert read_rows(earlier / "again" / "trials.jsonl") == rows


def test_a_pose_that_was_not_kept_is_found_anew(earlier):
    path = earlier / "run" / "trials.jsonl"
    kept = read_rows(path)
    path.unlink()
    append_rows(path, [{k: v for k, v in r.items() if k != "T_world_object"} for r in kept])
    assert rejudge(earlier) == 0
    again = read_rows(earlier / "again" / "trials.jsonl")
    assert [r["method"] for r in again] == [r["method"] for r in kept]
    assert all("verdict" in r for r in again if "T_world_tcp" in r)


def test_what_cannot_be_judged_again_is_one_sentence(earlier, capsys):
    (earlier / "objects" / "block.ply").rename(earlier / "objects" / "other.ply")
    assert rejudge(earlier) == 2
    assert "block" in capsys.readouterr().err
    (earlier / "run" / "trials.jsonl").unlink()
    assert rejudge(earlier) == 2
    assert "no trials.jsonl" in capsys.readouterr().err
    assert rejudge(earlier, "--elevation", "60", "30", out="third") == 2
    assert "lower end first" in capsys.readouterr().err


def test_a_folder_does_not_mix_judges(tmp_path):
    options = {"seed": "0", "elevation": "(30.0, 60.0)", "rejudge": "None"}
    check_folder(tmp_path, options)
    check_folder(tmp_path, {**options, "budget": "full"})
    noted = json.loads((tmp_path / "options.json").read_text())
    assert noted["judge"] == str(REVISION)
    with pytest.raises(InputError, match="another elevation"):
        check_folder(tmp_path, {**options, "elevation": "(60.0, 88.0)"})
    (tmp_path / "options.json").write_text(json.dumps({"seed": "0"}))  # as earlier versions left it
    with pytest.raises(InputError, match=r"another judge.*--rejudge"):
        check_folder(tmp_path, options)
    (tmp_path / "options.json").write_text(json.dumps({**noted, "mujoco": "2.0"}))
    with pytest.raises(InputError, match="another mujoco"):
        check_folder(tmp_path, options)


@pytest.mark.parametrize(("low", "high"), [(30.0, 60.0), (60.0, 88.0), (88.0, 88.0)])
def test_cameras_look_down_as_steeply_as_asked(low, high):
    box = trimesh.creation.box(SIZE)
    resting = RestingObject(TexturedMesh("block", Mesh(box.vertices, box.faces), shape="box").recentred(), 0, np.eye(4))
    for index in range(8):
        trial = make_trial(resting, index, 0, elevation=(low, high))
        down = np.degrees(np.arcsin(-trial.camera.world_from_camera[2, 2]))
        assert low - 1e-3 <= down <= high + 1e-3
        default = make_trial(resting, index, 0)
        if low == 30.0:
            np.testing.assert_array_equal(trial.camera.world_from_camera, default.camera.world_from_camera)


def test_success_tells_refusals_and_compares_on_what_all_answered():
    rows = [row("RGB-D", held=True, camera=c, extent=0.05 if c == 0 else 0.2, name=f"o{c == 0}") for c in range(4)]
    rows += [row("top-down", held=c == 0, camera=c, extent=0.05 if c == 0 else 0.2, name=f"o{c == 0}",
                 verdict=None if c < 2 else "no candidate") for c in range(4)]  # fmt: skip
    table = dict(success(rows))
    assert table["top-down"]["refused"] == 0.5
    assert table["RGB-D"]["refused"] == 0
    assert table["top-down"]["answered by all"] == 0.5
    assert table["top-down"]["held"] == 0.25
    assert table["RGB-D / small"]["trials"] == 1
    assert table["top-down / small"]["held"] == 1
    assert simulators(rows) == ""
    assert simulators([*rows, {"mujoco": "4.0.0"}, {"mujoco": "3.17.0"}]) == " (mujoco 3.17.0 and 4.0.0)"


def test_judges_count_only_poses_that_count():
    rows = [row("exhaustive search", held=False, camera=-1), row("RGB-D", held=True, before={"held": False})]
    assert judges(rows) == []
    ((name, figures),) = judges(rows[1:])
    assert name == "RGB-D"
    assert figures["only now"] == 1
