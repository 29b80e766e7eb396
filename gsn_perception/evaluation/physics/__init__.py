"""The judge of grasps: MuJoCo, the true mesh in convex parts, a free-floating gripper."""
