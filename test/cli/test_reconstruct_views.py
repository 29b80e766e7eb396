"""`gsn reconstruct --views` on a folder of frames with poses, and bad folders."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gsn_perception import Camera
from gsn_perception.cli.main import main
from gsn_perception.geometry.transforms import look_at
from gsn_perception.io import write_camera
from gsn_perception.io import write_image
from gsn_perception.io.pose import write_pose
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.objects import random_object


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two views, 25 degrees apart, with one camera.json for both."""
    folder = tmp_path_factory.mktemp("views")
    caster = RayCaster([random_object(3, "jar")])
    for name, x in (("0", 0.3), ("1", 0.05)):
        pose = look_at(np.array([0.45, x, 0.4]), np.array([0.0, 0.0, 0.04]))
        camera = Camera.from_fov(np.deg2rad(50), 240, 200, pose)
        view = caster.render(camera)
        write_image(folder / name / "color.png", view.rgb)
        write_image(folder / name / "mask.png", (view.labels > 0).astype(np.uint8) * 255)
        write_pose(folder / name / "pose.json", pose, position_error=0.0, rotation_error=0.0)
    write_camera(folder / "camera.json", camera)
    return folder


def _run(*words: str) -> int:
    return main(["reconstruct", "--device", "cpu", "--mesh-method", "gaussians", *words])


def test_two_views_give_a_metric_object(folder: Path, tmp_path: Path) -> None:
    assert _run("--views", str(folder), "--out", str(tmp_path / "out")) == 0
    (entry,) = json.loads((tmp_path / "out" / "report.json").read_text())["objects"]
    assert entry["scale_source"] == "views"
    eye = np.array([0.45, 0.05, 0.4])
    distance = np.linalg.norm(np.array(entry["T_camera_object"])[:3, 3])
    assert abs(distance / np.linalg.norm(eye - [0.0, 0.0, 0.05]) - 1) < 0.1
    assert (tmp_path / "out" / "mesh.ply").exists()


def _without_pose(folder: Path) -> None:
    (folder / "0" / "pose.json").unlink()


def _without_mask(folder: Path) -> None:
    (folder / "1" / "mask.png").unlink()


def _without_camera(folder: Path) -> None:
    (folder / "camera.json").unlink()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder / "0")
    shutil.rmtree(folder / "1")


@pytest.mark.parametrize(
    ("spoil", "words", "said"),
    [
        (_without_pose, (), "cannot read pose file"),
        (_without_mask, (), "neither mask.png nor depth.png"),
        (_without_camera, (), "view 0: cannot read camera file"),
        (_empty, (), "there is no view in"),
        (None, ("--reference", "7"), "there is no view '7'"),
        (None, ("--mask", "mask.png"), "--mask cannot be used with --views"),
    ],
)
def test_bad_folders_say_what_is_wrong(folder: Path, tmp_path: Path, capsys, spoil, words, said: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if spoil is not None:
        spoil(copy)
    assert _run("--views", str(copy), "--out", str(tmp_path / "out"), *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_neither_image_nor_views(tmp_path: Path, capsys) -> None:
    assert _run("--out", str(tmp_path / "out")) == 2
    assert "--views" in capsys.readouterr().err
    assert _run("--out", str(tmp_path / "out"), "--reference", "1") == 2
    assert "--reference cannot be used without --views" in capsys.readouterr().err
