"""`gsn train`: train the networks."""
