"""Learned occupancy: Occupancy Networks and Convolutional Occupancy Networks (torch alone, so that bare machines train)."""
