"""Support planes in a depth image."""
