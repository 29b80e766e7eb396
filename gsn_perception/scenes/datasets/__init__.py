"""Training datasets in memory-mapped arrays: views (for the GSN), surfaces and scales (for other networks)."""
