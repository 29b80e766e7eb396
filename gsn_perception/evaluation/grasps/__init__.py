"""Grasp trials: objects on a table seen by a camera, methods compared by simulated grasps."""
