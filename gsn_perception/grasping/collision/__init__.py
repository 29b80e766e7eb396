"""The gripper against object, plane and scene."""
