"""Recordings (bags): read, write, play, and replay through the pipeline without DDS."""
