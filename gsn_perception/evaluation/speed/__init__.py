"""Timing: the pipeline, surface extraction, PEIF."""
