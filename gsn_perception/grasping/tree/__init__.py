"""A bounding tree over triangles or points, and its queries: rays and distances."""
