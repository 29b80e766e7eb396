"""The solid of a splat, its end on the support plane, and completed point clouds."""
