"""Training datasets in memory-mapped arrays: views (for the GSN) and surfaces (for surface networks)."""
