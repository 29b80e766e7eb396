"""Grasp candidates on a mesh: contact pairs, approaches, pad contacts."""
