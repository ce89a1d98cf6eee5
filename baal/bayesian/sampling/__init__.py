"""The sampling engine: K posterior samples of any module, for little more than one pass."""

from baal.bayesian.sampling.engine import (
    check_iterations,
    check_way,
    forget_plans,
    sample_posterior,
    samples_are_joint,
)
from baal.bayesian.sampling.plan import Way

__all__ = [
    "Way",
    "check_iterations",
    "check_way",
    "forget_plans",
    "sample_posterior",
    "samples_are_joint",
]
