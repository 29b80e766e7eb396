"""Hostile messages, and the nodes' code under them."""
