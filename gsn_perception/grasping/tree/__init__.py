"""Compiled values of triangles, and a bounding tree over triangles or points with its queries: rays and distances."""
