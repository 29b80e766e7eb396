"""Synthetic data: objects, ray-cast views, a depth sensor model, table-top scenes, training datasets."""
