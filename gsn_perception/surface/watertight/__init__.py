"""Closed meshes: checks, self-intersections, repairs."""
