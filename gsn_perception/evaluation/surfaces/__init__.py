"""Evaluation of meshes against the true surface."""
