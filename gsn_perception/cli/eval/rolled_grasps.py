"""`gsn eval grasp --rolls`: the effect of camera roll on the grasps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from gsn_perception.evaluation.grasps.running import WorkerSetup


def rolled(
    work: WorkerSetup, sources: Sequence[Any], rows: Sequence[dict[str, Any]], views: int
) -> tuple[str, dict[str, float]]:
    """Compare grasps from rolled cameras with those from the upright camera, on poses that count.

    Args:
        work: The worker setup of the trials.
        sources: Functions that load the objects.
        rows: Finished trials.
        views: Number of views (one per pose) with rolled cameras.
    """
    import numpy as np
    from tqdm import tqdm

    from gsn_perception.evaluation.grasps.planners.method_context import MethodContext
    from gsn_perception.evaluation.grasps.rolling import roll_figures
    from gsn_perception.evaluation.grasps.summary import counted
    from gsn_perception.evaluation.grasps.trials import make_judge
    from gsn_perception.evaluation.grasps.trials import resting_poses
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.grasping import GraspPlanner

    campaign = work.campaign
    poses = {(r["object"], r["pose"]) for r in counted(rows)}
    context = MethodContext(GraspPlanner(work.gripper, work.settings), work.make_reconstruct(), campaign.seed)
    found: list[dict[str, float]] = []
    bar = tqdm(total=views, desc="rolled camera", ncols=100)
    for source in sources:
        item = source()
        judge = make_judge(item, work.gripper, work.cache, campaign.judge)
        for resting in resting_poses(item, judge, campaign.poses, campaign.seed):
            if (item.name, resting.index) in poses and bar.n < views:
                found += roll_figures(resting, 0, context, seed=campaign.seed, elevation=campaign.elevation)
                bar.update()
        if bar.n >= views:
            break
    bar.close()
    figures = {"views": float(bar.n), "rolls": float(len(found))}
    figures |= {key: float(np.mean([f[key] for f in found])) for key in ("regret", "twin")} if found else {}
    columns = {"views": ".0f", "rolls": ".0f", "regret": ".3f", "twin": ".0%"}
    return table([("RGB-D", figures)], columns, "rolled camera"), figures
