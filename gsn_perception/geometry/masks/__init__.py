"""Masks of any size and softness as labels."""
