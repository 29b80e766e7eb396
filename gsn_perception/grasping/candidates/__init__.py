"""Grasp candidates on a mesh."""
