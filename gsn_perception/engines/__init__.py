"""Inference engines: which library runs a trained network, and in which arithmetic."""
