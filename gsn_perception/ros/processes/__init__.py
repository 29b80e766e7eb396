"""Nodes as processes of their own."""
