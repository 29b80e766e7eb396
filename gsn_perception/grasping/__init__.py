"""Grasps for parallel-jaw grippers: antipodal candidates, collision checks, scores, selection."""

from gsn_perception.grasping.gripper import Gripper
from gsn_perception.grasping.gripper import gripper_names
from gsn_perception.grasping.planner import GraspPlanner
from gsn_perception.grasping.planner import PlanResult
from gsn_perception.grasping.selection import pre_grasp
from gsn_perception.grasping.settings import PlannerSettings

__all__ = ["GraspPlanner", "Gripper", "PlanResult", "PlannerSettings", "gripper_names", "pre_grasp"]
