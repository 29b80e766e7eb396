"""Robustness tests: roll, occlusion, colour, measured depth, confidence, size hints, closed meshes."""
