"""Training of the GSN and of surface networks from pre-built datasets."""
