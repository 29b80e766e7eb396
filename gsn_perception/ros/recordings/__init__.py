"""Bags: read, written, played, run through the pipeline."""
