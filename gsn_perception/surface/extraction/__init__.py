"""From a field to triangles."""
