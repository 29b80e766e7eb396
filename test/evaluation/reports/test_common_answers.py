from __future__ import annotations

import math

import pytest

from gsn_perception.cli.eval.options import tables
from gsn_perception.evaluation.reports.common_answers import COMMON
from gsn_perception.evaluation.reports.common_answers import compare
from gsn_perception.evaluation.reports.common_answers import shown_groups


def row(name, chamfer=None, *, shape="box", extent=0.1, **more):
    if chamfer is None:
        return {"name": name, "shape": shape, "extent": extent, "f1": 0.0, "refused": 1, "reason": "no", **more}
    return {"name": name, "shape": shape, "extent": extent, "f1": 1.0, "chamfer": chamfer, "refused": 0, **more}


ROWS = {
    "picky": [row("easy", 1.0), row("hard"), row("tiny", 2.0, extent=0.04)],
    "brave": [row("easy", 1.5), row("hard", 9.0), row("tiny", 3.0, extent=0.04)],
}


def test_who_refuses_the_hard_ones_is_compared_on_what_all_answered():
    summary = compare(ROWS)
    assert summary["brave"]["all"]["chamfer"] == pytest.approx(4.5)
    assert summary["brave"][COMMON]["chamfer"] == pytest.approx(2.25)
    assert summary["picky"][COMMON]["chamfer"] == pytest.approx(1.5)
    assert summary["picky"][COMMON]["objects"] == summary["brave"][COMMON]["objects"] == 2
    assert summary["picky"][COMMON]["refused"] == pytest.approx(1 / 3)
    assert summary["brave"][COMMON]["refused"] == 0
    text = tables(summary, {"objects": ".0f", "chamfer": ".2f", "refused": ".0%"}, "who")
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    assert lines["brave / answered by all"][-3:] == ["2", "2.25", "0%"]
    assert lines["picky / answered by all"][-3:] == ["2", "1.50", "33%"]


def test_small_objects_have_a_row_of_their_own():
    summary = compare(ROWS)
    assert summary["picky"]["small"]["chamfer"] == 2
    assert summary["picky"]["small"]["objects"] == 1
    assert shown_groups(summary) == ["all", COMMON, "box", "small"]
    large = {who: [r for r in rows if r["extent"] > 0.06] for who, rows in ROWS.items()}
    assert "small" not in shown_groups(compare(large))


def test_without_refusals_there_is_no_second_row():
    only = {"a": [row("x", 1.0)], "truth": [{"name": "x", "shape": "box", "chamfer": 0.0}]}
    summary = compare(only)
    assert shown_groups(summary) == ["all", "box"]
    assert summary["a"][COMMON] == summary["a"]["all"]


def test_turns_and_empty_meshes_count_for_themselves():
    rows = {
        "a": [row("x", 1.0, turn=0), row("x", 3.0, turn=1)],
        "b": [row("x", 2.0, turn=0), {"name": "x", "shape": "box", "turn": 1, "empty": 1, "f1": 0.0}],
    }
    summary = compare(rows)
    assert summary["a"][COMMON]["chamfer"] == 1.0
    none = compare({"a": [row("x")], "b": [row("x", 1.0)]})
    assert none["b"][COMMON]["objects"] == 0
    assert math.isnan(none["b"][COMMON].get("chamfer", math.nan))
