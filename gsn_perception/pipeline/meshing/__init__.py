"""From a splat and what the camera saw to a mesh in metres."""
