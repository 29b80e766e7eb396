"""Meshes against the true surface."""
