"""Parts of the lifecycle nodes: base class, inputs, workers, service requests, diagnostics."""
