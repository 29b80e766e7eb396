"""A frame up to the network: what is trusted, and the crop of each object."""
