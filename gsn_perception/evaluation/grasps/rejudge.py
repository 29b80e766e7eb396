"""Executes the grasps of an earlier run again with another judge or MuJoCo version, and compares the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import numpy as np

from gsn_perception.evaluation.grasps.planners.methods import METHODS
from gsn_perception.evaluation.grasps.rows import row_grasp
from gsn_perception.evaluation.grasps.rows import row_pose
from gsn_perception.evaluation.grasps.running import WorkerSetup
from gsn_perception.evaluation.grasps.running import finished
from gsn_perception.evaluation.grasps.running import judged_row
from gsn_perception.evaluation.grasps.running import worker_pool
from gsn_perception.evaluation.grasps.summary import counted
from gsn_perception.evaluation.grasps.trials import make_judge
from gsn_perception.evaluation.grasps.trials import resting_poses
from gsn_perception.evaluation.reports.statistics import mcnemar
from gsn_perception.geometry import InputError
from gsn_perception.scenes.loader import object_name
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

Row = dict[str, Any]
Source = Callable[[], TexturedMesh]
JUDGES_COLUMNS = {"trials": ".0f", "before": ".1%", "now": ".1%", "only before": ".0f", "only now": ".0f", "p": ".1g"}
JUDGES_COLUMNS |= {"s before": ".2f", "s now": ".2f"}
_BEFORE = ("verdict", "held", "stage", "force", "judging", "mujoco")


def rejudge_object(work: WorkerSetup, source: Source, rows: Sequence[Row]) -> list[Row]:
    """Rows of one object with a new verdict, and the old one under ``before``; rows without a grasp are not changed.

    The object has the pose of the earlier run. If a run did not store it, the pose is computed again; a row whose pose
    the present judge does not find is left out.
    """
    item = source()
    judge = make_judge(item, work.gripper, work.cache, work.campaign.judge)
    poses: dict[int, np.ndarray] = {}
    if any("T_world_object" not in row for row in rows):
        found = resting_poses(item, judge, work.campaign.poses, work.campaign.seed)
        poses = {resting.index: resting.T_world_object for resting in found}
    judged = []
    for row in rows:
        grasp, pose = row_grasp(row), row.get("T_world_object")
        place = poses.get(row["pose"]) if pose is None else row_pose(pose)
        if grasp is None:
            judged.append(row)
        if grasp is None or place is None:
            continue
        before = {key: row[key] for key in _BEFORE if key in row}
        judged.append(row | {"before": before} | judged_row(judge, grasp, place))
    return judged


def rejudge(work: WorkerSetup, sources: Sequence[Source], rows: Sequence[Row], processes: int) -> Iterator[list[Row]]:
    """Rows of one object after the other, in the order they finish.

    Args:
        work: The setup of the earlier run; nothing is planned.
        sources: Calls that load the objects.
        rows: Of the earlier run.
        processes: Number of parallel processes; 0: no other process.

    Raises:
        InputError: an object of the run is not among the sources.
    """
    known = {object_name(source.args[0]): source for source in sources}  # type: ignore[attr-defined]
    names = list(dict.fromkeys(str(row["object"]) for row in rows))
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            f"the object {missing[0]} of the earlier run is not in the folder; give the --objects it was run on"
        )
    tasks = [(known[name], [row for row in rows if row["object"] == name]) for name in names]
    if processes < 1:
        for source, mine in tasks:
            yield rejudge_object(work, source, mine)
        return
    with worker_pool(processes) as pool:
        yield from finished(pool, [pool.submit(rejudge_object, work, *task) for task in tasks])


def judges(rows: Sequence[Row]) -> list[tuple[str, dict[str, float]]]:
    """Success by method with the earlier judge and with this one, on the same grasps of trials that count.

    ``p`` is that of McNemar's exact test; ``s`` are seconds per executed grasp (they depend on the load of the machine).
    """
    table = []
    for method in METHODS:
        mine = [row for row in counted(rows) if row["method"] == method]
        if not mine:
            continue
        now = np.array([row["held"] for row in mine], dtype=bool)
        before = np.array([row.get("before", row)["held"] for row in mine], dtype=bool)
        figures = {"trials": float(len(mine)), "before": float(before.mean()), "now": float(now.mean())}
        figures |= {"only before": float((before & ~now).sum()), "only now": float((now & ~before).sum())}
        figures |= {"p": mcnemar(before, now)}
        seconds = {"s now": [row.get("judging") for row in mine if "before" in row]}
        seconds["s before"] = [row["before"].get("judging") for row in mine if "before" in row]
        figures |= {name: float(np.mean(s)) for name, s in seconds.items() if s and None not in s}  # type: ignore[arg-type]
        table.append((method, figures))
    return table


def changes(rows: Sequence[Row]) -> list[tuple[str, dict[str, float]]]:
    """Number of changed verdicts of all methods by old and new verdict, most first; unchanged ones in the last line."""
    pairs = Counter((row["before"]["verdict"], row["verdict"]) for row in counted(rows) if "before" in row)
    turned = [(f"{a} -> {b}", {"grasps": float(n)}) for (a, b), n in pairs.most_common() if a != b]
    return [*turned, ("as before", {"grasps": float(sum(n for (a, b), n in pairs.items() if a == b))})]
