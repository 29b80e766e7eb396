"""Controlled experiments on the GSN: variations, runs, figures (`gsn experiment`)."""
