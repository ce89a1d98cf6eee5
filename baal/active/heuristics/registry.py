"""Heuristics by their names."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from baal.active.heuristics.aliases import PowerBALD, PowerEntropy
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Precomputed, Random
from baal.active.heuristics.batch_bald import BatchBALD
from baal.active.heuristics.committee import ConsensusKL, MeanSTD, VariationRatio, VoteEntropy
from baal.active.heuristics.core_set import CoreSet
from baal.active.heuristics.epig import EPIG, GaussianEPIG
from baal.active.heuristics.multilabel import MultiLabelBALD, MultiLabelEntropy, MultiLabelMargin
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.regression import GaussianBALD, PredictiveVariance
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.stochastics import (
    GibbsSampling,
    PowerSampling,
    RankBasedSampling,
    StochasticHeuristic,
)
from baal.active.heuristics.uncertainty import BALD, Certainty, Entropy, Margin, Variance
from baal.exceptions import InvalidArgumentError

__all__ = ["available_heuristics", "fitting_heuristic", "get_heuristic", "register_heuristic"]


class _Sampling:
    """Makes a stochastic heuristic from the name of another."""

    def __init__(self, sampling: Callable[..., StochasticHeuristic]) -> None:
        self.sampling = sampling

    def __call__(
        self,
        base_heuristic: str | AbstractHeuristic = "bald",
        query_size: int = 10,
        temperature: float = 1.0,
        seed: int | None = None,
        mode: Reading | None = None,
        **arguments: Any,
    ) -> StochasticHeuristic:
        arguments |= {} if mode is None else {"mode": mode}
        if isinstance(base_heuristic, str):
            base_heuristic = get_heuristic(base_heuristic, **arguments)
        elif arguments:
            raise InvalidArgumentError(
                f"Expected {sorted(arguments)} to be given to `base_heuristic`, which is made "
                f"already, but got them beside {type(base_heuristic).__name__}."
            )
        return self.sampling(base_heuristic, query_size, temperature, seed=seed)


def _with_batch_size(name: str, make: Callable[..., AbstractHeuristic]) -> Any:
    """A batch of 10 unless it is told otherwise."""
    return partial(make, **{name: 10})


_known: dict[str, Callable[..., AbstractHeuristic]] = {
    "bald": BALD,
    "batch_bald": _with_batch_size("num_samples", BatchBALD),
    "certainty": Certainty,
    "consensus_kl": ConsensusKL,
    "core_set": _with_batch_size("query_size", CoreSet),
    "entropy": Entropy,
    "epig": EPIG,
    "gaussian_bald": GaussianBALD,
    "gaussian_epig": GaussianEPIG,
    "gibbs_sampling": _Sampling(GibbsSampling),
    "margin": Margin,
    "mean_std": MeanSTD,
    "multilabel_bald": MultiLabelBALD,
    "multilabel_entropy": MultiLabelEntropy,
    "multilabel_margin": MultiLabelMargin,
    "power_bald": _with_batch_size("query_size", PowerBALD),
    "power_entropy": _with_batch_size("query_size", PowerEntropy),
    "power_sampling": _Sampling(PowerSampling),
    "precomputed": Precomputed,
    "predictive_variance": PredictiveVariance,
    "random": Random,
    "rank_based_sampling": _Sampling(RankBasedSampling),
    "variance": Variance,
    "variation_ratio": VariationRatio,
    "vote_entropy": VoteEntropy,
}


def available_heuristics() -> list[str]:
    """The names that `get_heuristic` knows, in alphabetical order.

    Example:
        >>> "bald" in available_heuristics()
        True
    """
    return sorted(_known)


def get_heuristic(
    name: str,
    shuffle_prop: float = 0.0,
    reduction: str | Reduction = "none",
    **kwargs: Any,
) -> AbstractHeuristic:
    """Make a heuristic from its name.

    Batches are of 10 items unless `num_samples` or `query_size` says otherwise. The sampling
    heuristics draw by BALD's scores unless `base_heuristic`, a heuristic or its name, says
    otherwise; further arguments go to the one so named.

    Args:
        name: One of `available_heuristics()`, in any case.
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle; 0 is none.
        reduction: From `[N, ...]` to `[N]`; "none" leaves it to the heuristic's own default.
        **kwargs: Further arguments of the heuristic, such as `mode` or `seed`.

    Returns:
        The heuristic.

    Raises:
        InvalidArgumentError: The name is unknown, or the heuristic has no such argument.

    Example:
        >>> get_heuristic("entropy", reduction="mean", mode="logits").mode
        'logits'
    """
    factory = _known.get(str(name).lower())  # of what is no name it is none
    if factory is None:
        raise InvalidArgumentError(
            f"Expected `name` to be one of {available_heuristics()}, but got {name!r}."
        )
    # What was not asked for is not passed on: some heuristics have other defaults, or no such
    # argument at all.
    arguments = dict(kwargs)
    if shuffle_prop != 0:
        arguments["shuffle_prop"] = shuffle_prop
    if reduction != "none":
        arguments["reduction"] = reduction
    signature = inspect.signature(factory)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise InvalidArgumentError(
            f"Expected the arguments of heuristic {name!r} to be among "
            f"{[*signature.parameters]}, but got {sorted(arguments)}: {error}."
        ) from error
    return factory(**arguments)


def fitting_heuristic(name: str, **offered: Any) -> AbstractHeuristic:
    """Make a heuristic from its name, with those arguments that it takes.

    For whoever does not know which heuristic it will be: `query_size` and `num_samples` mean
    nothing to BALD, nor `seed` and `mode` to others.

    Args:
        name: One of `available_heuristics()`, in any case.
        **offered: Arguments; those that the heuristic does not have are left out.

    Returns:
        The heuristic.

    Raises:
        InvalidArgumentError: The name is unknown.

    Example:
        >>> fitting_heuristic("batch_bald", num_samples=5, mode="logits", seed=1).num_samples
        5
        >>> fitting_heuristic("random", num_samples=5, mode="logits", seed=1).needs_predictions
        False
    """
    factory = _known.get(str(name).lower())
    known = {} if factory is None else inspect.signature(factory).parameters
    return get_heuristic(name, **{key: value for key, value in offered.items() if key in known})


def register_heuristic(name: str, factory: Callable[..., AbstractHeuristic]) -> None:
    """Make a heuristic of one's own known to `get_heuristic` and to all that take names.

    Args:
        name: A name that is free; it is kept in lower case.
        factory: A subclass of `AbstractHeuristic`, or a function that makes a heuristic.

    Raises:
        InvalidArgumentError: The name belongs to another heuristic already.

    Example:
        >>> register_heuristic("my_random", Random)
        >>> get_heuristic("my_random", seed=3).is_random
        True
    """
    if _known.setdefault(name.lower(), factory) is not factory:
        raise InvalidArgumentError(
            f"Expected `name` to be free, but got {name!r}, which is one of "
            f"{available_heuristics()}."
        )
