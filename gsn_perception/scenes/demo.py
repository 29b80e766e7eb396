"""The table of the demo: objects of several families, seen by an RGB-D camera that moves around them."""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import Observation
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.tabletop import random_tabletop

FRAME_ID = "camera_color_optical_frame"
_FAMILIES = ("mug", "carton", "bottle", "bowl", "can", "jar")
_EXTENT = 0.09, 0.15


def demo_table(objects: int, views: int, seed: int, period: float = 1.0) -> list[Observation]:
    """Frames 640x480 with depth, labels and the true support plane; stamps from one second on, ``period`` seconds apart."""
    rng = np.random.default_rng(seed)
    items = []
    for index in range(objects):
        item = random_object(100 * seed + index, _FAMILIES[index % len(_FAMILIES)])
        items.append(item.scaled(rng.uniform(*_EXTENT) / float(item.extent.max())))
    scene, camera = random_tabletop(items, seed, objects)
    path = scene.orbit(camera, views, arc=np.deg2rad(60))
    return [
        scene.observe(
            place,
            sensor=DepthSensor(),
            seed=seed + i,
            stamp=1_000_000_000 + round(1e9 * period * i),  # ROS treats a stamp of 0 as unknown
            frame_id=FRAME_ID,
        )
        for i, place in enumerate(path)
    ]
