"""Lifecycle nodes under load: activations, restarts."""
