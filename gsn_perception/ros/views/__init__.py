"""Views of a camera that moves, kept for fusion."""
