"""The splat's own solid, and the support plane under it."""
