"""docs/architecture.md: its picture is the script's, and what both name is there."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gsn_perception"


@pytest.fixture(scope="module")
def picture():
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "draw_data_flow.py")))


def test_the_picture_is_the_scripts(picture):
    assert picture.OUT.read_text() == picture.drawn(), "draw it anew: python docs/draw_data_flow.py"


def test_the_picture_names_files_classes_and_topics_that_exist(picture):
    pytest.importorskip("rclpy")
    from gsn_perception.ros import interface

    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    code = "\n".join(sources.values())
    topics = {value.name for value in vars(interface).values() if isinstance(value, interface.Topic)}
    for stage in picture.STAGES:
        assert PACKAGE / stage.where in sources
        assert not stage.value or re.search(rf"^class {stage.value}\b", code, re.MULTILINE)
        assert set(stage.topics[2:].split(", ")) - {""} <= topics
        written = [name for name in stage.files[2:].split(", ") if "." in name]
        assert all(f'"{name}"' in code for name in written if stage.files.startswith("<"))


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("docs/*.md")), *sorted(PACKAGE.rglob("README.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_files_that_the_docs_name_exist(page):
    names = re.findall(r"`((?:[a-z_]+/)*[a-z_0-9]+\.py)`", page.read_text())
    missing = [name for name in names if not any(path.as_posix().endswith(f"/{name}") for path in ROOT.rglob("*.py"))]
    assert missing == []
