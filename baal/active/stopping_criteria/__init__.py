"""When to stop: a budget of labels or of time, a metric, the uncertainty, predictions at rest."""

from baal.active.stopping_criteria.base import StoppingCriterion
from baal.active.stopping_criteria.budgets import (
    LabelCountsStoppingCriterion,
    LabellingBudgetStoppingCriterion,
    WallClockStoppingCriterion,
)
from baal.active.stopping_criteria.metrics import (
    EarlyStoppingCriterion,
    TargetMetricStoppingCriterion,
)
from baal.active.stopping_criteria.predictions import (
    LowAverageUncertaintyStoppingCriterion,
    StabilizingPredictionsStoppingCriterion,
)
from baal.active.stopping_criteria.several import AllStoppingCriterion, AnyStoppingCriterion

__all__ = [
    "AllStoppingCriterion",
    "AnyStoppingCriterion",
    "EarlyStoppingCriterion",
    "LabelCountsStoppingCriterion",
    "LabellingBudgetStoppingCriterion",
    "LowAverageUncertaintyStoppingCriterion",
    "StabilizingPredictionsStoppingCriterion",
    "StoppingCriterion",
    "TargetMetricStoppingCriterion",
    "WallClockStoppingCriterion",
]
