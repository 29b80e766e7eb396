"""Contact sheet with one trial of every verdict, rendered again from the rows of finished trials."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

from gsn_perception.evaluation.grasps.pictures import sheet
from gsn_perception.evaluation.grasps.pictures import trial_row
from gsn_perception.evaluation.grasps.planners.methods import RGBD
from gsn_perception.evaluation.grasps.rows import row_grasp
from gsn_perception.evaluation.grasps.running import WorkerSetup
from gsn_perception.evaluation.grasps.summary import counted
from gsn_perception.evaluation.grasps.trials import make_judge
from gsn_perception.evaluation.grasps.trials import make_trial
from gsn_perception.evaluation.grasps.trials import resting_poses
from gsn_perception.evaluation.physics.outcome import VERDICTS
from gsn_perception.scenes.loader import object_name
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

Row = dict[str, Any]


def verdict_sheet(
    work: WorkerSetup, sources: Sequence[Callable[[], TexturedMesh]], rows: Sequence[Row]
) -> np.ndarray | None:
    """[H,W,3] one trial of every verdict that occurred, preferably of the RGB-D pipeline; None without trials.

    Args:
        work: The setup of the trials.
        sources: Of the objects, from :func:`~gsn_perception.scenes.loader.mesh_sources`.
        rows: Finished trials.
    """
    by_name = {object_name(source.args[0]): source for source in sources}  # type: ignore[attr-defined]
    drawn = []
    for verdict in VERDICTS:
        found = [r for r in counted(rows) if r["verdict"] == verdict and r["object"] in by_name]
        found.sort(key=lambda r: r["method"] != RGBD)
        if found:
            drawn.append(redraw(work, by_name[found[0]["object"]], found[0]))
    return sheet(drawn) if drawn else None


def redraw(work: WorkerSetup, source: Callable[[], TexturedMesh], row: Row) -> tuple[str, list[np.ndarray]]:
    """Caption and tiles of one finished trial, executed again."""
    item, campaign = source(), work.campaign
    judge = make_judge(item, work.gripper, work.cache, campaign.judge)
    resting = resting_poses(item, judge, campaign.poses, campaign.seed)[row["pose"]]
    trial = make_trial(resting, row["camera"], campaign.seed, elevation=campaign.elevation)
    grasp = row_grasp(row)
    outcome = None if grasp is None else judge(grasp, resting.T_world_object)
    reason = f" ({row['reason']})" if grasp is None else f", score {grasp.score:.2f}"
    name = f"{row['object'][:40]}, pose {row['pose']}, camera {row['camera']}"
    return f"{row['verdict']}: {row['method']}{reason}: {name}", trial_row(trial, outcome, work.gripper)
