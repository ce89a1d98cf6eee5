"""Metrics that accumulate over batches: however the items are batched, the result is the same."""

from baal.utils.metrics.accuracy import Accuracy
from baal.utils.metrics.base import Metrics
from baal.utils.metrics.by_class import (
    F1,
    ClassificationReport,
    F1ByClass,
    Precision,
    Recall,
)
from baal.utils.metrics.calibration import ECE, ECE_PerCLs
from baal.utils.metrics.loss import Loss
from baal.utils.metrics.pr_auc import PRAuC

__all__ = [
    "ECE",
    "F1",
    "Accuracy",
    "ClassificationReport",
    "ECE_PerCLs",
    "F1ByClass",
    "Loss",
    "Metrics",
    "PRAuC",
    "Precision",
    "Recall",
]
