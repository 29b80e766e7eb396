"""Training of the network that corrects the scale from a support plane (`gsn train scale`)."""
