"""Layers of the GSN: ResNet encoder, sculpting heads, refinement, depth input."""
