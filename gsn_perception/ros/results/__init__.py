"""Results of a frame: messages, publishers, files, object ids."""
