"""Layers of the GSN: encoders, sculpting heads, refinement, depth input."""
