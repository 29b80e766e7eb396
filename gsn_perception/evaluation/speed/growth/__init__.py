"""Growth of times with the size of the problem."""
