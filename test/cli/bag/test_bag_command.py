"""``gsn bag``: recordings that read back as what went in."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy; make setup installs it")

from gsn_perception.cli.main import main
from gsn_perception.io import read_depth
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image


@pytest.fixture
def meshes(tmp_path):
    import trimesh

    for number, size in enumerate([(0.05, 0.06, 0.1), (0.08, 0.04, 0.06)]):
        (tmp_path / "meshes").mkdir(exist_ok=True)
        trimesh.creation.box(size).export(tmp_path / "meshes" / f"{number}.ply")
    return str(tmp_path / "meshes")


def test_a_made_up_scene_is_recorded_and_reads_back(tmp_path, capsys, meshes):
    from gsn_perception.ros.recordings import reading

    bag = tmp_path / "bag"
    words = ["--frames", "2", "--objects", "2", "--rate", "10", "--arc", "90", "--meshes", meshes]
    assert main(["bag", "make", str(bag), *words]) == 0
    assert "2 frames" in capsys.readouterr().out
    seen = list(reading.read_observations(bag))
    assert len(seen) == 2
    assert seen[1].stamp - seen[0].stamp == 100_000_000
    for item in seen:
        assert set(np.unique(item.mask)) >= {0, 1}
        assert np.isfinite(item.depth).mean() > 0.3
    assert np.abs(seen[0].image.astype(int) - seen[1].image).mean() > 2, "the camera moves"
    assert main(["bag", "info", str(bag)]) == 0
    out = capsys.readouterr().out
    assert "13 messages" in out
    for topic in (
        "/camera/image",
        "/camera/depth",
        "/camera/mask",
        "/camera/camera_info",
        "/clock",
        "/tf",
        "/tf_static",
    ):
        assert topic in out


def test_a_camera_in_a_hand_with_errors_of_its_poses(tmp_path, capsys, meshes):
    import json

    from gsn_perception.ros.recordings import reading

    bag = tmp_path / "bag"
    words = ["--frames", "3", "--objects", "2", "--meshes", meshes, "--orbit", "--no-depth", "--pose-error", "2", "0.5"]
    assert main(["bag", "make", str(bag), *words]) == 0
    seen = list(reading.read_observations(bag))
    assert [item.depth is None for item in seen] == [True] * 3
    kinds = [item.topic for item in reading.read(bag)]
    assert kinds.count("/tf") == 3
    poses = next(iter((bag / "truth").glob("*.json")), None)
    assert poses is not None
    assert len(json.loads(poses.read_text())) >= 1
    assert main(["bag", "make", str(tmp_path / "other"), "--pose-error", "-1", "0"]) == 2
    assert "--pose-error" in capsys.readouterr().err


def test_a_photograph_becomes_a_stream(tmp_path, capsys):
    from gsn_perception.geometry import Camera
    from gsn_perception.ros.recordings import reading

    rng = np.random.default_rng(0)
    image, depth = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8), rng.uniform(0.4, 0.6, (24, 32))
    write_image(tmp_path / "c.png", image)
    write_depth(tmp_path / "d.png", depth)
    write_camera(tmp_path / "k.json", Camera.from_fov(1.0, 32, 24))
    words = ["--image", str(tmp_path / "c.png"), "--camera", str(tmp_path / "k.json")]
    words += ["--depth", str(tmp_path / "d.png"), "--frames", "3"]
    assert main(["bag", "pack", str(tmp_path / "bag"), *words]) == 0
    seen = list(reading.read_observations(tmp_path / "bag"))
    assert len(seen) == 3
    assert np.array_equal(seen[2].image, image)
    np.testing.assert_allclose(seen[2].depth, read_depth(tmp_path / "d.png"), atol=1e-6)
    assert seen[2].mask is None
    np.testing.assert_allclose(seen[2].camera.K, Camera.from_fov(1.0, 32, 24).K)
    capsys.readouterr()
    assert main(["bag", "pack", str(tmp_path / "bag"), *words]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    import torch

    from gsn_perception.gsn import CONFIGS
    from gsn_perception.gsn import GSN
    from gsn_perception.gsn.weights import save_gsn

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    return str(path)


def test_every_frame_is_evaluated_once_beside_the_truth(tmp_path, capsys, meshes, tiny):
    import json

    from gsn_perception.io import read_mesh

    bag = tmp_path / "bag"
    words = ["--frames", "2", "--objects", "2", "--meshes", meshes, "--storage", "sqlite3"]
    assert main(["bag", "make", str(bag), *words]) == 0
    assert sorted(p.name for p in (bag / "truth").iterdir()) == ["object_1.ply", "object_2.ply", "truth.json"]
    capsys.readouterr()
    code = main(["bag", "eval", str(bag), "--checkpoint", tiny])
    out = capsys.readouterr().out
    report = json.loads((bag / "results" / "report.json").read_text())
    stamps = [f["stamp"] for f in report["frames"]]
    assert stamps == [10**9 + i * 2 * 10**8 for i in range(2)]
    for frame in report["frames"]:
        assert set(frame["scores"]) | set(frame["reasons"]) == {"1", "2"}, "every object is scored or says why not"
        for label, figures in frame["scores"].items():
            assert 0 <= figures["f_score"] <= 1
            assert figures["centre_error"] < 0.3
            written = read_mesh(bag / "results" / frame["folder"] / f"mesh_{label}.ply")
            assert len(written.faces) > 10
    scored = sum(len(f["scores"]) for f in report["frames"])
    assert code == (0 if scored else 1)
    assert "2 frames" in out
    assert out.count("refused") == 4 - scored
    assert len(report["weights"]["weights_sha256"]) == 64


def test_topics_of_a_recording_are_given_or_listed(tmp_path, capsys, meshes, tiny):
    bag = str(tmp_path / "bag")
    assert main(["bag", "make", bag, "--frames", "1", "--objects", "1", "--meshes", meshes]) == 0
    capsys.readouterr()
    words = ["bag", "eval", bag, "--checkpoint", tiny, "--image", "/camera/colour"]
    assert main(words) == 2
    assert "holds no topic /camera/colour (--image)" in (error := capsys.readouterr().err)
    assert "/camera/image" in error
    words[-1] = "/camera/image"
    assert main([*words, "--depth", "/camera/depth", "--mask", "/camera/mask"]) in (0, 1)
    captured = capsys.readouterr()
    assert "1 frames" in captured.out
    assert "bag_topics_guessed" in captured.err, "the camera_info was found out"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["info", "nothing"], "no bag"),
        (["eval", "nothing"], "no bag"),
        (["play", "nothing"], "no bag"),
        (["make", "out", "--frames", "0"], "--frames"),
        (["make", "out", "--meshes", "nowhere"], "nowhere"),
        (["pack", "out", "--image", "no.png", "--camera", "no.json"], "no such file"),
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_no_bag(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["bag", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
