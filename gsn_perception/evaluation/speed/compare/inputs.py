"""Inputs of a comparison, made once and read by both trees: generated frames as .npz files and as image files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gsn_perception.evaluation.views.cases import on_table
from gsn_perception.geometry import Observation
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image

OBJECTS = 3
"""Frames of one object each, and objects in the scene."""
_FAMILIES = ("carton", "mug", "bottle")
_LENGTH = 0.12


def single_frames(seed: int) -> list[Observation]:
    """``OBJECTS`` frames of one object each on a table, with depth and mask, support plane unknown."""
    return [replace(on_table(seed + number), support_plane=None) for number in range(OBJECTS)]


def scene_frame(seed: int) -> Observation:
    """One frame of a carton, a mug and a bottle on a table, with depth and labels, support plane unknown."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    items = [random_object(seed + number, family) for number, family in enumerate(_FAMILIES)]
    scaled = [item.scaled(_LENGTH / float(item.extent.max())) for item in items]
    scene, camera = random_tabletop(scaled, seed, len(scaled))
    return replace(scene.observe(camera, sensor=DepthSensor(), seed=seed), support_plane=None)


def write_inputs(folder: Path, seed: int) -> Observation:
    """Write ``frame_<n>.npz``, ``scene_0.npz`` and the first frame's image files (folder ``files``); returns the scene.

    Raises:
        InputError: a file cannot be written.
    """
    frames, scene = single_frames(seed), scene_frame(seed)
    for number, frame in enumerate(frames):
        write_observation(folder / f"frame_{number}.npz", frame)
    write_observation(folder / "scene_0.npz", scene)
    files, first = folder / "files", frames[0]
    files.mkdir()
    assert first.mask is not None
    assert first.depth is not None
    write_image(files / "color.png", first.image)
    write_image(files / "mask.png", first.mask)
    write_depth(files / "depth.png", first.depth)
    write_camera(files / "camera.json", first.camera)
    return scene


def write_observation(path: Path, frame: Observation) -> None:
    """Image, camera, mask and depth of a frame that has all of them; :mod:`.worker` reads them."""
    assert frame.mask is not None
    assert frame.depth is not None
    np.savez(path, image=frame.image, K=frame.camera.K, mask=frame.mask, depth=frame.depth)
