"""Distributions and their policies: keys, what must hold for them, what they become."""
