"""Runs grasp trials of many objects in parallel processes, one object per task."""

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
from gsn_perception.evaluation.grasps.planners.method_context import MethodContext
from gsn_perception.evaluation.grasps.planners.method_context import Plan
from gsn_perception.evaluation.grasps.planners.method_context import Reconstruct
from gsn_perception.evaluation.grasps.planners.methods import METHODS
from gsn_perception.evaluation.grasps.planners.methods import answer
from gsn_perception.evaluation.grasps.rows import SEARCH
from gsn_perception.evaluation.grasps.rows import Key
from gsn_perception.evaluation.grasps.rows import grasp_row
from gsn_perception.evaluation.grasps.rows import pose_row
from gsn_perception.evaluation.grasps.trials import ELEVATION
from gsn_perception.evaluation.grasps.trials import RestingObject
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
    """The trials of every object."""

    methods: tuple[str, ...] = tuple(METHODS)
    """Methods to compare."""
    poses: int = 3
    """Poses per object."""
    cameras: int = 3
    """Views per pose."""
    answers: int = 1
    """Executed grasps per method and trial, spread evenly over its list; 1 is its best."""
    search: bool = True
    """Whether poses that cannot be grasped at all are found and left out."""
    seed: int = 0
    """Of all random numbers."""
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    """How grasps are executed."""
    elevation: tuple[float, float] = ELEVATION
    """Range of the cameras' elevation, degrees."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """The setup of a worker process for trials; picklable.

    Attributes:
        campaign: The trials of every object.
        gripper: Of the planner and the judge.
        settings: Of the planner.
        make_reconstruct: Builds the pipeline, once per process.
        cache: Folder of convex parts.
    """

    campaign: Campaign
    gripper: Gripper
    settings: PlannerSettings
    make_reconstruct: Callable[[], Reconstruct]
    cache: Path | None = None


_contexts: dict[bytes, MethodContext] = {}


def run_object(work: WorkerSetup, source: Callable[[], TexturedMesh], done: frozenset[Key]) -> list[Row]:
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
    work: WorkerSetup, sources: Sequence[Callable[[], TexturedMesh]], done: Sequence[Row], processes: int
) -> Iterator[list[Row]]:
    """The rows of one object after the other, in the order they finish.

    Args:
        work: The setup of the workers.
        sources: Calls that load one object each.
        done: Rows of an earlier run; their trials are not repeated.
        processes: Number of parallel processes; 0: no other process.
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
    """Results of jobs in the order they finish; after an error or an interruption pending jobs are cancelled."""
    try:
        for job in as_completed(jobs):
            yield job.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def worker_pool(processes: int) -> ProcessPoolExecutor:
    """A pool of processes with one thread each."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread)


def _closed(ungraspable: frozenset[Key]) -> frozenset[Key]:
    """Keys that mark poses known to be impossible to grasp."""
    return frozenset(Key(k.object, k.pose, -2, SEARCH) for k in ungraspable)


def _search(work: WorkerSetup, resting: RestingObject, judge: Judge, done: frozenset[Key]) -> tuple[list[Row], bool]:
    """The row of the exhaustive search if it was not done yet, and whether the pose counts."""
    name = resting.item.name
    if not work.campaign.search:
        return [], True
    if Key(name, resting.index, -1, SEARCH) in done:
        return [], Key(name, resting.index, -2, SEARCH) not in done
    found = search(resting, judge, seed=work.campaign.seed)
    row = _head(resting, -1, SEARCH) | {"held": found.graspable, "tried": found.tried, "candidates": found.candidates}
    return [row], found.graspable


def _trial(
    work: WorkerSetup, resting: RestingObject, camera: int, methods: Sequence[str], judge: Judge, surface: Surface
) -> list[Row]:
    trial = make_trial(resting, camera, work.campaign.seed, elevation=work.campaign.elevation)
    context = _method_context(work)
    rows = []
    for method in methods:
        plan = answer(method, trial, context)
        for rank in _ranks(len(plan.grasps), work.campaign.answers):
            rows.append(_head(resting, camera, method) | _carried_out(plan, rank, judge, resting, surface))
    return rows


def _carried_out(plan: Plan, rank: int, judge: Judge, resting: RestingObject, surface: Surface) -> Row:
    """Execute one grasp of a plan in the simulation."""
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
    """The verdict on a grasp of an object at a pose [4,4], with contact force, time and simulator version."""
    began = time.perf_counter()
    outcome = judge(grasp, T_world_object)
    figures: Row = {"verdict": outcome.verdict, "held": outcome.held, "stage": outcome.stage}
    figures |= {"force": round(outcome.force, 2), "judging": round(time.perf_counter() - began, 4)}
    return figures | {"mujoco": mujoco_version()}


def _ranks(count: int, wanted: int) -> list[int]:
    """Indices of a list of grasps to execute, always with the first; [-1] for an empty list."""
    if not count:
        return [-1]
    step = max(count / wanted, 1.0)
    return sorted({int(i * step) for i in range(wanted) if int(i * step) < count})


def _head(resting: RestingObject, camera: int, method: str) -> Row:
    item = resting.item
    head = {"object": item.name, "shape": item.shape, "pose": resting.index, "camera": camera, "method": method}
    return head | {"extent": round(float(item.extent.max()), 4), "T_world_object": pose_row(resting.T_world_object)}


def _method_context(work: WorkerSetup) -> MethodContext:
    """The pipeline and planner of this process for a setup, made once.

    The key is the setup's pickle, because every task brings an equal copy, and grippers and calls compare by identity.
    """
    key = pickle.dumps(work)
    if key not in _contexts:
        _contexts.clear()
        _contexts[key] = MethodContext(
            GraspPlanner(work.gripper, work.settings), work.make_reconstruct(), work.campaign.seed
        )
    return _contexts[key]


def _one_thread() -> None:
    """Limit torch and OpenCV to one thread: the processes share the cores."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
