"""Metrics by name, and the part of a wrapper that keeps them."""

from baal.metrics.registry import available_metrics, get_metric

__all__ = ["available_metrics", "get_metric"]
