"""The cache of a distribution: decisions."""
