"""Implicit surfaces as functions of space."""
