"""Comparison of the speed of two versions of the source."""
