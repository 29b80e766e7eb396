"""Objects, ray-cast views, a depth sensor model, table-top scenes and the training dataset."""
