"""Steps after the network: metric scale, support of the object, mesh methods, result checks."""
