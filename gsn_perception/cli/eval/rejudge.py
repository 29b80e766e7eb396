"""`gsn eval grasp --rejudge`: executes the grasps of an earlier run again and compares old and new verdicts."""

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
    """Execute the grasps that are missing in ``out``; the tables as text and as numbers.

    Args:
        work: Gripper, judge and cache; nothing is planned.
        sources: Functions that load the objects of the earlier run.
        earlier: Folder of the earlier run.
        out: Folder of the new verdicts.
        processes: Number of parallel processes; 0 = run in this process.

    Raises:
        InputError: the earlier folder contains no trials, or its objects are not available.
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
        raise InputError("the earlier run would be overwritten; give another --out")
    done = {row["object"] for row in read_rows(out / TRIALS)}
    waiting = [row for row in before if row["object"] not in done]
    bar = tqdm(total=len({row["object"] for row in waiting}), desc="judged again", ncols=100)
    for rows in rejudge(work, sources, waiting, processes):
        append_rows(out / TRIALS, rows)
        bar.update()
    bar.close()
    return judge_tables(read_rows(out / TRIALS))


def judge_tables(rows: Sequence[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Tables of the success rate before and now by method, and of the changed verdicts."""
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
