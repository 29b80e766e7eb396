"""Novel views of a splat against ray-cast ones."""
