"""Image metrics and surface metrics."""
