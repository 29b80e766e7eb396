"""Plane detection and choice of the support plane in a depth image."""
