"""Training sets in memory-mapped arrays."""
