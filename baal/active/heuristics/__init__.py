"""Predictions in, scores and ranks out: which items would teach the model most.

NumPy and SciPy only; predictions may come from any framework.
"""

from baal.active.heuristics.aliases import PowerBALD, PowerEntropy
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Precomputed, Random
from baal.active.heuristics.batch_bald import BatchBALD
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.combine import CombineHeuristics
from baal.active.heuristics.committee import ConsensusKL, MeanSTD, VariationRatio, VoteEntropy
from baal.active.heuristics.core_set import CoreSet
from baal.active.heuristics.decorators import require_single_item, requireprobs, singlepass
from baal.active.heuristics.epig import EPIG, GaussianEPIG
from baal.active.heuristics.multilabel import (
    MultiLabelBALD,
    MultiLabelEntropy,
    MultiLabelHeuristic,
    MultiLabelMargin,
)
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.pool_based import PoolHeuristic
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.reductions import available_reductions, quantile, top_k_mean
from baal.active.heuristics.registry import (
    available_heuristics,
    fitting_heuristic,
    get_heuristic,
    register_heuristic,
)
from baal.active.heuristics.regression import (
    GaussianBALD,
    GaussianHeuristic,
    PredictiveVariance,
)
from baal.active.heuristics.stochastics import (
    GibbsSampling,
    PowerSampling,
    RankBasedSampling,
    StochasticHeuristic,
)
from baal.active.heuristics.uncertainty import BALD, Certainty, Entropy, Margin, Variance
from baal.utils.gradient_embeddings import GradientEmbeddings, gradient_embeddings

__all__ = [
    "BALD",
    "EPIG",
    "AbstractHeuristic",
    "BatchBALD",
    "BatchHeuristic",
    "Certainty",
    "Choice",
    "CombineHeuristics",
    "ConsensusKL",
    "CoreSet",
    "Entropy",
    "GaussianBALD",
    "GaussianEPIG",
    "GaussianHeuristic",
    "GibbsSampling",
    "GradientEmbeddings",
    "Margin",
    "MeanSTD",
    "MultiLabelBALD",
    "MultiLabelEntropy",
    "MultiLabelHeuristic",
    "MultiLabelMargin",
    "PointwiseHeuristic",
    "PoolData",
    "PoolHeuristic",
    "PowerBALD",
    "PowerEntropy",
    "PowerSampling",
    "Precomputed",
    "PredictiveVariance",
    "Random",
    "RankBasedSampling",
    "StochasticHeuristic",
    "Variance",
    "VariationRatio",
    "VoteEntropy",
    "available_heuristics",
    "available_reductions",
    "fitting_heuristic",
    "get_heuristic",
    "gradient_embeddings",
    "quantile",
    "register_heuristic",
    "require_single_item",
    "requireprobs",
    "singlepass",
    "top_k_mean",
]
