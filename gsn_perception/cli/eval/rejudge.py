"""`gsn eval grasp --rejudge`: the grasps of an earlier run in the present world, beside what came of them then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from gsn_perception.evaluation.grasps.running import WorkerSetup


def run_rejudge(
    work: WorkerSetup, sources: Sequence[Any], earlier: Path, out: Path, processes: int
) -> tuple[str, dict[str, Any]]:
    """Carry out what is missing in ``out``; the tables as text and as figures.

    Args:
        work: Gripper, judge and cache; nothing is planned.
        sources: Calls that load the objects of the earlier run.
        earlier: Folder of the earlier run.
        out: Folder of the new verdicts.
        processes: At the same time; 0 = in this one.

    Raises:
        InputError: the earlier folder holds no trials, or its objects are not at hand.
    """
    from tqdm import tqdm

    from gsn_perception.cli.eval.grasp_folder import TRIALS
    from gsn_perception.evaluation.grasps.rejudge import rejudge
    from gsn_perception.evaluation.grasps.rows import append_rows
    from gsn_perception.evaluation.grasps.rows import read_rows
    from gsn_perception.geometry import InputError

    before = read_rows(earlier / TRIALS)
    if not before:
        raise InputError(f"{earlier} holds no {TRIALS}; give the --out folder of an earlier run")
    if earlier.resolve() == out.resolve():
        raise InputError("the earlier run would be written over; give another --out")
    done = {row["object"] for row in read_rows(out / TRIALS)}
    waiting = [row for row in before if row["object"] not in done]
    bar = tqdm(total=len({row["object"] for row in waiting}), desc="judged again", ncols=100)
    for rows in rejudge(work, sources, waiting, processes):
        append_rows(out / TRIALS, rows)
        bar.update()
    bar.close()
    return judge_tables(read_rows(out / TRIALS))


def judge_tables(rows: Sequence[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Success before and now by method, and the verdicts that changed."""
    from gsn_perception.evaluation.grasps.rejudge import JUDGES_COLUMNS
    from gsn_perception.evaluation.grasps.rejudge import changes
    from gsn_perception.evaluation.grasps.rejudge import judges
    from gsn_perception.evaluation.grasps.summary import simulators
    from gsn_perception.evaluation.reports.tables import table

    was = simulators([row["before"] for row in rows if "before" in row])
    title = f"judges: before{was}, now{simulators([row for row in rows if 'before' in row])}"
    success, turned = judges(rows), changes(rows)
    text = table(success, JUDGES_COLUMNS, title) + "\n\n" + table(turned, {"grasps": ".0f"}, "verdicts")
    return text, {"judges": dict(success), "verdicts": dict(turned), "trials": list(rows)}
