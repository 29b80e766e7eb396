"""Figures of merit: images, distances between surfaces."""
