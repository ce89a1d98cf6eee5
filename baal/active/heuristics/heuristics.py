"""An import path of BaaL 2.1: the names live in the package's other modules."""

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Precomputed, Random
from baal.active.heuristics.batch_bald import BatchBALD
from baal.active.heuristics.combine import CombineHeuristics
from baal.active.heuristics.decorators import require_single_item, requireprobs, singlepass
from baal.active.heuristics.epig import EPIG
from baal.active.heuristics.reductions import available_reductions
from baal.active.heuristics.uncertainty import BALD, Certainty, Entropy, Margin, Variance

__all__ = [
    "BALD",
    "EPIG",
    "AbstractHeuristic",
    "BatchBALD",
    "Certainty",
    "CombineHeuristics",
    "Entropy",
    "Margin",
    "Precomputed",
    "Random",
    "Variance",
    "available_reductions",
    "require_single_item",
    "requireprobs",
    "singlepass",
]
