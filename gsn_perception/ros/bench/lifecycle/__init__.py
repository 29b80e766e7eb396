"""Benchmarks of lifecycle nodes under load: activations, restarts."""
