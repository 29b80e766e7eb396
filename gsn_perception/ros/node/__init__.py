"""The lifecycle nodes from the inside: parameters, workers, publishers, diagnostics."""
