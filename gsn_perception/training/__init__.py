"""Training: pre-rendered datasets in, weights out."""
