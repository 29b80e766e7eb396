"""TF: transforms over time, and the scene cloud in the frame of the objects."""
