"""What is claimed beyond novel views: rolls, clutter, colour, depth, confidence, size, closed meshes."""
