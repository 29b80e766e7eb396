"""Benchmarks of the nodes as real processes over DDS, printed by `gsn bench`."""
