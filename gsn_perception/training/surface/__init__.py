"""Training of learned surfaces: occupancy networks and patch-level fields."""
