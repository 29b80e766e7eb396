"""Image streams: transport, late masks."""
