"""Grasp trials: objects on a table seen by a camera, planners compared on what they lift."""
