"""Fuzzing: invalid and hostile messages through the code of the nodes' callbacks."""
