"""The compared grasp methods."""
