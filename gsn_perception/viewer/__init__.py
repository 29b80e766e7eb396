"""Viewer of results in a browser (viser), and overview images."""
