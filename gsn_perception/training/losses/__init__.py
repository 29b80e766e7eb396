"""Training losses: multi-view images, geometry, LPIPS."""
