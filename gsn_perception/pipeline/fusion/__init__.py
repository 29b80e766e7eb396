"""Fusion of several views of a static scene: scale from the camera's motion, free space and measured points of all views."""
