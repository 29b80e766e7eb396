"""Benchmarks of image streams: transport over DDS, late masks."""
