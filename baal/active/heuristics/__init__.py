"""Predictions in, scores and ranks out: which items would teach the model most.

NumPy and SciPy only; predictions may come from any framework.
"""

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Precomputed, Random
from baal.active.heuristics.decorators import require_single_item, requireprobs, singlepass
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.reductions import available_reductions
from baal.active.heuristics.registry import (
    available_heuristics,
    get_heuristic,
    register_heuristic,
)
from baal.active.heuristics.uncertainty import BALD, Certainty, Entropy, Margin, Variance

__all__ = [
    "BALD",
    "AbstractHeuristic",
    "Certainty",
    "Entropy",
    "Margin",
    "PointwiseHeuristic",
    "Precomputed",
    "Random",
    "Variance",
    "available_heuristics",
    "available_reductions",
    "get_heuristic",
    "register_heuristic",
    "require_single_item",
    "requireprobs",
    "singlepass",
]
