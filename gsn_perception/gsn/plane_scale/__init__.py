"""Metric scale from one colour image and its support plane: a first guess from the splat, corrected by a small network."""
