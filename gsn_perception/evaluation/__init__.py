"""Figures of merit, the protocols they are measured under, and the baselines beside them."""
