"""`gsn reconstruct` end to end on files, and every kind of bad input: one sentence, an exit code, no half file."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gsn_perception import Camera
from gsn_perception.cli.main import main
from gsn_perception.geometry.transforms import look_at
from gsn_perception.io import read_gaussians_ply
from gsn_perception.io import read_grasps_json
from gsn_perception.io import read_mesh
from gsn_perception.io import read_points_ply
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.objects import random_object


@pytest.fixture(scope="module")
def frame(tmp_path_factory) -> Path:
    """color.png, mask.png, depth.png and camera.json of a self-made object."""
    folder = tmp_path_factory.mktemp("frame")
    camera = Camera.from_fov(np.deg2rad(50), 200, 160, look_at(np.array([0.5, 0.2, 0.45]), np.array([0.0, 0, 0.04])))
    view = RayCaster([random_object(3, "jar")]).render(camera)
    write_image(folder / "color.png", view.rgb)
    write_image(folder / "mask.png", (view.labels > 0).astype(np.uint8) * 255)
    write_depth(folder / "depth.png", view.depth)
    write_camera(folder / "camera.json", camera)
    return folder


def _arguments(frame: Path, out: Path, **changes: str | None) -> list[str]:
    names = {"image": "color.png", "camera": "camera.json", "mask": "mask.png", "depth": "depth.png"}
    options: dict[str, str | None] = {k: str(frame / v) for k, v in names.items()}
    options |= {"out": str(out), "device": "cpu"} | changes
    words = ["reconstruct"]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", value]
    return words


def test_every_file_is_written_and_reads_back(frame: Path, tmp_path: Path, capsys) -> None:
    assert main(_arguments(frame, tmp_path / "out")) == 0
    out = tmp_path / "out"
    report = json.loads((out / "report.json").read_text())
    (entry,) = report["objects"]
    assert entry["scale_source"] == "depth"
    assert set(entry["timings"]) >= {"look_at", "sculpt", "scale", "skin"}
    mesh = read_mesh(out / "mesh.ply")
    splat = read_gaussians_ply(out / "gaussians.ply")
    points = read_points_ply(out / "points.ply")
    # all in one frame, in metres: before the camera, at the distance it was photographed from
    for xyz in (mesh.vertices, splat.means.numpy(), points.xyz):
        assert 0.5 < np.median(xyz[:, 2]) < 0.85
    assert mesh.is_watertight()
    read_grasps_json(out / "grasps.json")
    picture = cv2.imread(str(out / "overview.png"))
    assert picture is not None
    assert picture.std() > 10
    assert "scale from depth" in capsys.readouterr().out


def test_without_a_mask_the_one_found_is_written_and_outlined(frame: Path, tmp_path: Path) -> None:
    from gsn_perception.io import read_mask

    roi = cv2.boundingRect(cv2.imread(str(frame / "mask.png"), cv2.IMREAD_GRAYSCALE))
    words = _arguments(frame, tmp_path / "out", mask=None, roi=",".join(map(str, roi)))
    assert main(words) == 0
    found, true = read_mask(tmp_path / "out" / "mask.png") > 0, read_mask(frame / "mask.png") > 0
    assert (found & true).sum() > 0.7 * (found | true).sum()
    tile = cv2.imread(str(tmp_path / "out" / "overview.png"))[20:380, :484].astype(int)
    assert ((tile[..., 1] > tile[..., 0] + 60) & (tile[..., 1] > tile[..., 2] + 60)).sum() > 100  # green, label 1
    assert main(_arguments(frame, tmp_path / "with")) == 0
    assert not (tmp_path / "with" / "mask.png").exists()
    (entry,) = json.loads((tmp_path / "with" / "report.json").read_text())["objects"]
    assert entry["support_plane"] is None or len(entry["support_plane"]) == 4


def test_a_size_hint_scales_without_depth(frame: Path, tmp_path: Path) -> None:
    sizes = []
    for hint in ("0.1", "0.2"):
        assert main(_arguments(frame, tmp_path / hint, depth=None, size_hint=hint)) == 0
        sizes.append(np.ptp(read_mesh(tmp_path / hint / "mesh.ply").vertices, axis=0).max())
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.02)
    assert sizes[0] == pytest.approx(0.1, rel=0.25)


def _png(path: Path, array: np.ndarray) -> str:
    cv2.imwrite(str(path), array)
    return str(path)


def _bad_inputs(frame: Path, tmp: Path) -> dict[str, tuple[dict[str, str | None], str]]:
    (tmp / "text.png").write_text("not a picture")
    camera = json.loads((frame / "camera.json").read_text())
    files = {}
    for name, change in (
        ("size", {"width": 999}),
        ("zero", {"K": np.zeros((3, 3)).tolist()}),
        ("singular", {"K": [[100, 0, 1], [0, 0, 1], [0, 0, 1]]}),
        ("keys", {"K": None}),
    ):
        files[name] = str(tmp / f"{name}.json")
        Path(files[name]).write_text(json.dumps({**camera, **change}))
    empty = np.zeros((160, 200), np.uint8)
    three, border = empty.copy(), empty.copy()
    three[80, 100:103], border[60:120, 0:60] = 255, 255
    return {
        "missing image": ({"image": str(tmp / "none.png")}, "none.png"),
        "corrupt image": ({"image": str(tmp / "text.png")}, "text.png"),
        "camera of another size": ({"camera": files["size"]}, "intrinsics of this image"),
        "zero K": ({"camera": files["zero"]}, "zero"),
        "singular K": ({"camera": files["singular"]}, "singular"),
        "no K": ({"camera": files["keys"]}, "K"),
        "mask of another size": ({"mask": _png(tmp / "m.png", empty[:50])}, "mask"),
        "empty mask": ({"mask": _png(tmp / "e.png", empty)}, "empty"),
        "depth of another size": ({"depth": _png(tmp / "d.png", np.ones((5, 5), np.uint16))}, "depth"),
        "8-bit depth": ({"depth": _png(tmp / "d8.png", np.ones((160, 200), np.uint8))}, "16-bit"),
        "no such weights": ({"checkpoint": str(tmp / "w.safetensors")}, "missing"),
        "no such gripper": ({"gripper": "claw"}, "claw"),
        "bad plane": ({"support_plane": "1,2"}, "nx,ny,nz,d"),
        "bad roi": ({"mask": None, "roi": "1,2,3"}, "x,y,w,h"),
        "roi outside": ({"mask": None, "roi": "150,100,100,100"}, "outside"),
        "nothing to find it by": ({"mask": None, "depth": None}, "--roi"),
        "out is a file": ({"out": str(tmp / "text.png" / "x")}, "cannot write"),
    }


CASES = [
    "missing image", "corrupt image", "camera of another size", "zero K", "singular K", "no K", "mask of another size",
    "empty mask", "depth of another size", "8-bit depth", "no such weights", "no such gripper", "bad plane", "bad roi",
    "roi outside", "nothing to find it by", "out is a file",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_sentence_and_leaves_nothing(case: str, frame: Path, tmp_path: Path, capsys) -> None:
    changes, word = _bad_inputs(frame, tmp_path)[case]
    before = sorted(tmp_path.rglob("*"))
    assert (
        main(
            _arguments(frame, tmp_path / "out")
            if not changes
            else _arguments(frame, **{"out": tmp_path / "out", **changes})
        )
        == 2
    )
    said = capsys.readouterr().err.strip()
    assert word in said
    assert "\n" not in said
    assert "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("case", "word"), [("three", "3 pixels"), ("border", "border"), ("unknown", "have depth")])
def test_a_refused_object_has_its_reason_in_the_report(
    case: str, word: str, frame: Path, tmp_path: Path, capsys
) -> None:
    mask = np.zeros((160, 200), np.uint8)
    changes = {}
    if case == "three":
        mask[80, 100:103] = 255
        changes["mask"] = _png(tmp_path / "m.png", mask)
    elif case == "border":
        mask[60:120, 0:60] = 255
        changes["mask"] = _png(tmp_path / "m.png", mask)
    else:
        changes["depth"] = _png(tmp_path / "d.png", np.zeros((160, 200), np.uint16))
    assert main(_arguments(frame, tmp_path / "out", **changes)) == 3
    assert word in capsys.readouterr().out
    assert word in json.loads((tmp_path / "out" / "report.json").read_text())["objects"][0]["refused"]


def test_cuda_where_there_is_none(frame: Path, tmp_path: Path, capsys) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert main(_arguments(frame, tmp_path / "out", device="cuda")) == 2
    assert "CUDA" in capsys.readouterr().err


def test_mask_mode_and_doubts_reach_the_report(frame: Path, tmp_path: Path, capsys) -> None:
    """Two labels on one object are one in binary mode; a stray pixel is left out and told."""
    mask = (cv2.imread(str(frame / "mask.png"), cv2.IMREAD_UNCHANGED) > 0).astype(np.uint8)
    halves = mask * np.where(np.arange(mask.shape[1]) < mask.shape[1] // 2, 1, 2).astype(np.uint8)
    halves[0, 0] = 2
    write_image(tmp_path / "halves.png", halves)
    found = {}
    for mode in ("labels", "binary"):
        out = tmp_path / mode
        assert main(_arguments(frame, out, mask=str(tmp_path / "halves.png"), mask_mode=mode)) == 0
        found[mode] = json.loads((out / "report.json").read_text())["objects"]
    assert [len(found[mode]) for mode in ("labels", "binary")] == [2, 1]
    assert "remark mask_pieces: 1 of the mask's" in capsys.readouterr().err
    assert "mask_pieces" in [remark["code"] for remark in found["binary"][0]["remarks"]]
