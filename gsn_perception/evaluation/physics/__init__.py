"""The judge of grasps: MuJoCo simulation of the true mesh in convex parts and a free-floating gripper."""
