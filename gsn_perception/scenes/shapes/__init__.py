"""Watertight shapes the project makes itself: lofts, extrusions, reliefs and signed distances."""
