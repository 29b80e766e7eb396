"""Mask cleaning, and splitting of labels that contain several objects."""
