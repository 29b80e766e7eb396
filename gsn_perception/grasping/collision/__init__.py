"""Collision checks of the gripper with object, plane and scene; visibility of the fingers."""
