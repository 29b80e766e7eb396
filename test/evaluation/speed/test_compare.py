import subprocess

import numpy as np
import pytest

from gsn_perception.evaluation.speed.compare import trees
from gsn_perception.evaluation.speed.compare.comparison import in_turn
from gsn_perception.evaluation.speed.compare.inputs import single_frames
from gsn_perception.evaluation.speed.compare.inputs import write_inputs
from gsn_perception.evaluation.speed.compare.pairs import compared
from gsn_perception.evaluation.speed.compare.pairs import ratio_table
from gsn_perception.evaluation.speed.compare.processes import Worker
from gsn_perception.evaluation.speed.compare.processes import timed_command
from gsn_perception.evaluation.speed.compare.worker import read_observation
from gsn_perception.geometry import InputError


def git(folder, *words):
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True).stdout


def commit(folder, files, subject):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def history(tmp_path):
    """A repository with a commit without the package, one whose package cannot be imported, and a newer one."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    ids = [
        commit(root, {"README": "nothing yet"}, "start"),
        commit(root, {"gsn_perception/__init__.py": 'raise RuntimeError("one thing broke")'}, "package"),
        commit(root, {"gsn_perception/__init__.py": "VALUE = 2"}, "repair"),
    ]
    return root, ids


def test_the_ratio_is_the_median_over_pairs_and_ignores_a_load_that_both_had():
    load = np.array([1.0, 9.0, 1.0, 3.0, 1.0, 5.0, 2.0])
    found = compared(list(load), list(0.25 * load))
    assert (found.ratio, found.lower, found.upper, found.pairs) == (0.25, 0.25, 0.25, 7)
    assert (found.before, found.after) == (2.0, 0.5)


@pytest.mark.parametrize("count", [6, 9, 20, 60])
def test_the_interval_holds_the_true_median_19_times_in_20(count):
    rng = np.random.default_rng(count)
    trials, inside, width = 2000, 0, []
    for _ in range(trials):
        found = compared([1.0] * count, list(rng.lognormal(0.0, 0.5, count)))
        inside += found.lower <= 1.0 <= found.upper
        width.append(found.upper - found.lower)
    assert 0.94 < inside / trials <= 1.0
    if count == 60:  # not just the extremes
        assert np.median(width) < 0.6


def test_the_order_changes_from_pair_to_pair():
    assert [[x for _, x in in_turn("AB", number)] for number in range(3)] == [["A", "B"], ["B", "A"], ["A", "B"]]
    assert list(in_turn("AB", 1)) == [(1, "B"), (0, "A")]


def test_the_table_has_a_line_per_quantity():
    rows = {"mesh": {"wall s": compared([0.4, 0.5], [0.1, 0.1]), "peak MB": compared([1000.0], [500.0])}}
    *_, seconds, memory = ratio_table(rows, "old", "new").splitlines()
    assert seconds == "| mesh, wall s | 0.450 | 0.100 | 0.225 | 0.200 - 0.250 | 2 |"
    assert memory == "| mesh, peak MB | 1000 | 500 | 0.500 | 0.500 - 0.500 | 1 |"


def test_a_commit_is_checked_out_once_and_the_repository_is_not_touched(history, tmp_path):
    root, (_, broken, newest) = history
    cache = tmp_path / "cache"
    tree = trees.checked_out(root, "HEAD~1", cache)
    assert tree.name == broken[:7]
    assert "broke" in (tree.path / "gsn_perception" / "__init__.py").read_text()
    (tree.path / "kept").touch()
    again = trees.checked_out(root, broken, cache)
    assert again == tree
    assert (again.path / "kept").exists()
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "worktree", "list").count("\n") == 1
    assert git(root, "rev-parse", "HEAD").strip() == newest


def test_an_interrupted_checkout_is_made_again(history, tmp_path):
    root, (_, broken, _) = history
    place = tmp_path / f"commit-{broken}"
    (place / "gsn_perception").mkdir(parents=True)  # without the mark of a complete one
    assert (trees.checked_out(root, broken, tmp_path).path / "README").is_file()
    assert list(tmp_path.glob("partial-*")) == []


def test_the_working_tree_has_other_kernels_after_an_edit(history, tmp_path):
    root, (*_, newest) = history
    before = trees.working_tree(root, tmp_path / "cache")
    assert before.name == newest[:7]
    (root / "gsn_perception" / "__init__.py").write_text("VALUE = 33")
    after = trees.working_tree(root, tmp_path / "cache")
    assert after.name == f"{newest[:7]} with changes"
    assert after.cache != before.cache


@pytest.mark.parametrize(
    ("revision", "sentence"),
    [("no-such", "git knows no revision 'no-such'"), ("--help", "not a revision"), ("HEAD~2", "has no package")],
)
def test_a_bad_revision_gets_a_sentence(history, tmp_path, revision, sentence):
    with pytest.raises(InputError, match=sentence):
        trees.checked_out(history[0], revision, tmp_path / "cache")


def test_no_git_gets_a_sentence(history, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git is not installed"):
        trees.checked_out(history[0], "HEAD", tmp_path / "cache")


def test_a_tree_that_fails_is_named_with_its_last_line(history, tmp_path):
    root, (_, broken, newest) = history
    tree = trees.checked_out(root, broken, tmp_path / "cache")
    sentence = f"{broken[:7]} failed at .*one thing broke"
    with Worker(tree, tmp_path, "cpu", tmp_path / "log") as worker, pytest.raises(InputError, match=sentence):
        worker.ask("object", index=0)
    with pytest.raises(InputError, match=sentence):
        timed_command(tree, "gsn_perception", [], tmp_path / "log")
    tree = trees.checked_out(root, newest, tmp_path / "cache")
    with Worker(tree, tmp_path, "cpu", tmp_path / "log") as worker, pytest.raises(InputError, match="failed at"):
        worker.ask("object", index=0)  # no input, no Reconstructor


def test_both_trees_read_the_same_inputs(tmp_path):
    scene = write_inputs(tmp_path, 3)
    assert set(np.unique(scene.mask)) == {0, 1, 2, 3}
    frame, read = single_frames(3)[1], read_observation(tmp_path / "frame_1.npz")
    np.testing.assert_array_equal(read.image, frame.image)
    np.testing.assert_array_equal(read.depth, frame.depth)
    np.testing.assert_array_equal(read.mask, frame.mask)
    np.testing.assert_array_equal(read.camera.K, frame.camera.K)
    assert (tmp_path / "files" / "camera.json").is_file()
