"""Images of grasp trials: the camera's image, and gripper and object at the end of each stage; reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from gsn_perception.evaluation.grasps.trials import Trial
from gsn_perception.evaluation.physics.outcome import Outcome
from gsn_perception.evaluation.physics.outcome import Snapshot
from gsn_perception.evaluation.reports.contact_sheet import grid
from gsn_perception.evaluation.reports.contact_sheet import label
from gsn_perception.evaluation.reports.statistics import Bin
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import look_at
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.collision.collision import corners
from gsn_perception.io.atomic import atomic_write
from gsn_perception.scenes.looks.raycast import PlacedObject
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

_TILE = 240
_QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
_FACES = np.array([(q[0], q[i], q[i + 1]) for q in _QUADS for i in (1, 2)])
_STAGES = ("approach", "close", "lift", "shake")


def trial_row(trial: Trial, outcome: Outcome | None, gripper: Gripper) -> list[np.ndarray]:
    """Tiles [240,240,3] uint8: the camera's image around the object, then every stage that was reached."""
    tiles = [label(_view(trial), "input")]
    snapshots = () if outcome is None else outcome.snapshots
    for snapshot in snapshots:
        tiles.append(label(_scene(trial, snapshot, gripper), snapshot.stage))
    blank = np.full((_TILE, _TILE, 3), 255, np.uint8)
    return tiles + [blank] * (1 + len(_STAGES) - len(tiles))


def sheet(rows: Sequence[tuple[str, list[np.ndarray]]]) -> np.ndarray:
    """[H,W,3] captions and tiles."""
    return grid([tiles for _, tiles in rows], [caption for caption, _ in rows])


def draw_reliability(path: Path, curves: Sequence[tuple[str, list[Bin]]]) -> None:
    """Draw a reliability diagram to an image file: share of grasps that held over score, with Wilson 95 % bars."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=110)
    axes = figure.add_axes((0.12, 0.12, 0.84, 0.82))
    axes.plot([0, 1], [0, 1], color="#999999", lw=1, ls=":")
    for name, bins in curves:
        x, y = [b.score for b in bins], [b.success for b in bins]
        bars = [[max(b.success - b.low, 0) for b in bins], [max(b.high - b.success, 0) for b in bins]]
        axes.errorbar(x, y, yerr=bars, marker="o", capsize=3, lw=1.3, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score", ylabel="share that held")
    axes.legend(frameon=False)
    with atomic_write(path) as part:
        figure.savefig(part)


def _view(trial: Trial) -> np.ndarray:
    """The camera's image around the object."""
    observation = trial.observation
    assert observation.mask is not None
    rows, columns = np.nonzero(observation.mask)
    middle = [(rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2]
    half = int(0.65 * max(np.ptp(rows), np.ptp(columns)) + 8)
    top, left = (max(m - half, 0) for m in middle)
    return cv2.resize(observation.image[top : top + 2 * half, left : left + 2 * half], (_TILE, _TILE))


def _scene(trial: Trial, snapshot: Snapshot, gripper: Gripper) -> np.ndarray:
    """The true object and the gripper at one moment."""
    grasp = Grasp(snapshot.T_world_tcp, snapshot.width, 1.0)
    placed = [PlacedObject(trial.resting.item, snapshot.T_world_object), *_hand(gripper, grasp)]
    return _render(trial, placed, trial.scene.centre + [0, 0, 0.08])


def _hand(gripper: Gripper, grasp: Grasp | None) -> list[PlacedObject]:
    if grasp is None:
        return []
    boxes = corners(gripper.boxes(np.array([grasp.width]))[0])
    placed = []
    for number, box in enumerate(boxes):
        color = [0.9, 0.55, 0.2] if number < 2 * len(gripper.fingers) else [0.55, 0.6, 0.68]
        mesh = Mesh(box, _FACES, colors=np.tile(np.array(color, np.float32), (8, 1)))
        placed.append(PlacedObject(TexturedMesh(f"box{number}", mesh), grasp.T_frame_tcp))
    return placed


def _render(trial: Trial, placed: list[PlacedObject], target: np.ndarray) -> np.ndarray:
    """A rendering from the camera's side, slightly from above."""
    aside = trial.camera.world_from_camera[:3, 3] - trial.scene.centre
    aside[2] = 0.35 * np.linalg.norm(aside[:2])
    eye = target + 0.8 * aside / np.linalg.norm(aside)
    camera = Camera.from_fov(float(np.deg2rad(34)), _TILE, _TILE, look_at(eye, target))
    table = PlacedObject(trial.scene.table, np.eye(4), 0)
    return RayCaster([*placed, table]).render(camera, supersample=2).rgb
