"""Metrics by name, and the part of a wrapper that keeps them."""
