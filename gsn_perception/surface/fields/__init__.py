"""Implicit fields: splat occupancy, space carving, winding number, displacements."""
