"""What objects look like: textures, light, rays."""
