"""The ``gsn`` command line; one file a command."""
