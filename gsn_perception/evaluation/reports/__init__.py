"""Results as text, JSON, curves and pictures."""
