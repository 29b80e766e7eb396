"""Converts values (Gaussians, meshes, grasps, planes, images) to ROS messages and back."""
