"""Controlled runs that answer a question about the network."""
