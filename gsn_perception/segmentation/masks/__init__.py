"""Masks cleaned, and taken apart where they hold several objects."""
