from __future__ import annotations

import numpy as np
import pytest

from gsn_perception.grasping import Gripper
from gsn_perception.grasping.collision.moving_boxes import MovingBoxes
from gsn_perception.grasping.collision.moving_boxes import open_boxes


@pytest.mark.parametrize("name", ["panda", "robotiq_2f85"])
def test_boxes_move_as_those_of_the_gripper(name):
    gripper = Gripper.named(name)
    moving = MovingBoxes.of(gripper, swept=0.08)
    for width in (0.0, 0.031, gripper.max_width):
        found = np.empty_like(moving.closed)
        open_boxes(moving.closed, moving.sides, width, found)
        np.testing.assert_allclose(found, gripper.boxes(np.array([width]), swept=0.08)[0], atol=1e-15)
