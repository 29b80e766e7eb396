"""Refinement at test time: gradient steps of a splat against the views it was made from."""
