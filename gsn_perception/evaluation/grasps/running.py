"""Trials of many objects, in processes, one object a task."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.evaluation.grasps.ferrari_canny import robust_epsilon
from gsn_perception.evaluation.grasps.planners.exhaustive import search
from gsn_perception.evaluation.grasps.planners.kit import Kit
from gsn_perception.evaluation.grasps.planners.kit import Plan
from gsn_perception.evaluation.grasps.planners.kit import Reconstruct
from gsn_perception.evaluation.grasps.planners.methods import METHODS
from gsn_perception.evaluation.grasps.planners.methods import answer
from gsn_perception.evaluation.grasps.rows import SEARCH
from gsn_perception.evaluation.grasps.rows import Key
from gsn_perception.evaluation.grasps.rows import grasp_row
from gsn_perception.evaluation.grasps.rows import pose_row
from gsn_perception.evaluation.grasps.trials import ELEVATION
from gsn_perception.evaluation.grasps.trials import Resting
from gsn_perception.evaluation.grasps.trials import make_judge
from gsn_perception.evaluation.grasps.trials import make_trial
from gsn_perception.evaluation.grasps.trials import resting_poses
from gsn_perception.evaluation.physics.judge import Judge
from gsn_perception.evaluation.physics.judge import JudgeSettings
from gsn_perception.evaluation.physics.judge import mujoco_version
from gsn_perception.geometry import Grasp
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.grasping import PlannerSettings
from gsn_perception.grasping.object_surface import Surface
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is tried on every object."""

    methods: tuple[str, ...] = tuple(METHODS)
    """Whose answers are carried out."""
    poses: int = 3
    """Poses an object."""
    cameras: int = 3
    """Views a pose."""
    answers: int = 1
    """How many grasps of a method's list are carried out, spread evenly over it; 1 is its best."""
    search: bool = True
    """Whether poses that nothing can grasp are found and left out."""
    seed: int = 0
    """Of everything drawn."""
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    """How grasps are carried out."""
    elevation: tuple[float, float] = ELEVATION
    """Degrees that cameras look down, from and to."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a process needs to run trials: everything is picklable.

    Attributes:
        campaign: What is tried.
        gripper: Of the planner and the judge.
        settings: Of the planner.
        make_reconstruct: Builds the pipeline, once a process.
        cache: Folder of convex parts.
    """

    campaign: Campaign
    gripper: Gripper
    settings: PlannerSettings
    make_reconstruct: Callable[[], Reconstruct]
    cache: Path | None = None


_kits: dict[bytes, Kit] = {}


def run_object(work: Work, source: Callable[[], TexturedMesh], done: frozenset[Key]) -> list[Row]:
    """All trials of one object that are not done yet, as rows."""
    item = source()
    campaign = work.campaign
    judge = make_judge(item, work.gripper, work.cache, campaign.judge)
    rows: list[Row] = []
    for resting in resting_poses(item, judge, campaign.poses, campaign.seed):
        found, graspable = _search(work, resting, judge, done)
        rows += found
        if not graspable:
            continue
        surface = Surface.of(resting.mesh)
        for camera in range(campaign.cameras):
            wanted = [m for m in campaign.methods if Key(item.name, resting.index, camera, m) not in done]
            if wanted:
                rows += _trial(work, resting, camera, wanted, judge, surface)
    return rows


def run_campaign(
    work: Work, sources: Sequence[Callable[[], TexturedMesh]], done: Sequence[Row], processes: int
) -> Iterator[list[Row]]:
    """The rows of one object after the other, in the order they finish.

    Args:
        work: What to do.
        sources: Calls that load one object each.
        done: Rows of an earlier run; what they hold is not done again.
        processes: At the same time; 0 works in this one.
    """
    known = frozenset(Key.of(row) for row in done)
    known |= _closed(frozenset(Key.of(row) for row in done if row["method"] == SEARCH and not row["held"]))
    if processes < 1:
        for source in sources:
            yield run_object(work, source, known)
        return
    with worker_pool(processes) as pool:
        yield from finished(pool, [pool.submit(run_object, work, source, known) for source in sources])


def finished(pool: ProcessPoolExecutor, jobs: Sequence[Future[list[Row]]]) -> Iterator[list[Row]]:
    """What jobs give, in the order they finish; after an error or an interruption those not begun are given up."""
    try:
        for job in as_completed(jobs):
            yield job.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def worker_pool(processes: int) -> ProcessPoolExecutor:
    """Processes of one thread each."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread)


def _closed(ungraspable: frozenset[Key]) -> frozenset[Key]:
    """Marks of poses known to be beyond any grasp."""
    return frozenset(Key(k.object, k.pose, -2, SEARCH) for k in ungraspable)


def _search(work: Work, resting: Resting, judge: Judge, done: frozenset[Key]) -> tuple[list[Row], bool]:
    """The row of the exhaustive search where it was not done yet, and whether the pose counts."""
    name = resting.item.name
    if not work.campaign.search:
        return [], True
    if Key(name, resting.index, -1, SEARCH) in done:
        return [], Key(name, resting.index, -2, SEARCH) not in done
    found = search(resting, judge, seed=work.campaign.seed)
    row = _head(resting, -1, SEARCH) | {"held": found.graspable, "tried": found.tried, "candidates": found.candidates}
    return [row], found.graspable


def _trial(
    work: Work, resting: Resting, camera: int, methods: Sequence[str], judge: Judge, surface: Surface
) -> list[Row]:
    trial = make_trial(resting, camera, work.campaign.seed, elevation=work.campaign.elevation)
    kit = _kit(work)
    rows = []
    for method in methods:
        plan = answer(method, trial, kit)
        for rank in _ranks(len(plan.grasps), work.campaign.answers):
            rows.append(_head(resting, camera, method) | _carried_out(plan, rank, judge, resting, surface))
    return rows


def _carried_out(plan: Plan, rank: int, judge: Judge, resting: Resting, surface: Surface) -> Row:
    """One grasp of a plan in physics."""
    row: Row = {"reason": plan.reason, "rank": rank, **plan.figures}
    if rank < 0:
        return row | {"verdict": "no candidate", "held": False}
    grasp = plan.grasps[rank]
    row |= judged_row(judge, grasp, resting.T_world_object)
    epsilon = robust_epsilon(grasp, judge.gripper, surface, friction=judge.settings.world.friction)
    row["epsilon"] = round(epsilon, 5)
    if plan.features:
        row["features"] = [round(v, 4) for v in plan.features[rank]]
    return row | grasp_row(grasp)


def judged_row(judge: Judge, grasp: Grasp, T_world_object: np.ndarray) -> Row:
    """What physics says to a grasp of an object at a pose [4,4], and how long it took."""
    began = time.perf_counter()
    outcome = judge(grasp, T_world_object)
    figures: Row = {"verdict": outcome.verdict, "held": outcome.held, "stage": outcome.stage}
    figures |= {"force": round(outcome.force, 2), "judging": round(time.perf_counter() - began, 4)}
    return figures | {"mujoco": mujoco_version()}


def _ranks(count: int, wanted: int) -> list[int]:
    """Places of a list to carry out, the first always among them; -1 stands for an empty list."""
    if not count:
        return [-1]
    step = max(count / wanted, 1.0)
    return sorted({int(i * step) for i in range(wanted) if int(i * step) < count})


def _head(resting: Resting, camera: int, method: str) -> Row:
    item = resting.item
    head = {"object": item.name, "shape": item.shape, "pose": resting.index, "camera": camera, "method": method}
    return head | {"extent": round(float(item.extent.max()), 4), "T_world_object": pose_row(resting.T_world_object)}


def _kit(work: Work) -> Kit:
    """The process' own pipeline and planner for this work, made once.

    Known by its pickle: every task brings an equal copy, and grippers and calls compare by identity.
    """
    key = pickle.dumps(work)
    if key not in _kits:
        _kits.clear()
        _kits[key] = Kit(GraspPlanner(work.gripper, work.settings), work.make_reconstruct(), work.campaign.seed)
    return _kits[key]


def _one_thread() -> None:
    """Processes share the cores; threads inside them would only get in each other's way."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
