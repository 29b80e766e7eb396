"""Learned occupancy: Occupancy Networks and Convolutional Occupancy Networks (training needs only torch)."""
