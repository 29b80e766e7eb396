"""Procedural watertight shapes: lofts, extrusions, reliefs, signed distance functions."""
