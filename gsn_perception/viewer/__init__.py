"""Drawing results in a browser (viser)."""
