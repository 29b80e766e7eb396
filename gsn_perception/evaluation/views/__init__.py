"""Novel-view test: views of a splat against ray-cast views."""
