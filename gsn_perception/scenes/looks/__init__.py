"""Appearance and rendering: textures, lighting, shading, ray casting."""
