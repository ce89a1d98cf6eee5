"""Stochastic heuristics that have a name of their own."""

from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.stochastics import PowerSampling
from baal.active.heuristics.uncertainty import BALD, Entropy

__all__ = ["PowerBALD", "PowerEntropy"]


class PowerBALD(PowerSampling):
    r"""Draws items by a power of their mutual information.

    $$P(i) \propto I[y_i;\theta|x_i]^{1/T}$$

    Kirsch et al. (2023), https://arxiv.org/abs/2106.12059.

    Args:
        query_size: Items that will be labelled; see `StochasticHeuristic`.
        temperature: T, above 0: small ones come close to BALD, large ones to uniform draws.
        reduction: From `[N, ...]` to `[N]`.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the draws. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An argument is none of the above.
        InvalidTypeError: `query_size` or `temperature` is no number.

    Example:
        >>> agree, disagree = [[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]
        >>> PowerBALD(query_size=1, seed=0)([agree, disagree]).tolist()
        [1, 0]
    """

    def __init__(
        self,
        query_size: int,
        temperature: float = 1.0,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        base = BALD(reduction=reduction, mode=mode)
        super().__init__(base, query_size, temperature, seed=seed)


class PowerEntropy(PowerSampling):
    r"""Draws items by a power of the entropy of their mean prediction.

    $$P(i) \propto H[y_i|x_i]^{1/T}$$

    Kirsch et al. (2023), https://arxiv.org/abs/2106.12059.

    Args:
        query_size: Items that will be labelled; see `StochasticHeuristic`.
        temperature: T, above 0: small ones come close to Entropy, large ones to uniform draws.
        reduction: From `[N, ...]` to `[N]`.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the draws. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An argument is none of the above.
        InvalidTypeError: `query_size` or `temperature` is no number.

    Example:
        >>> sure, torn = [[1.0], [0.0]], [[0.5], [0.5]]
        >>> PowerEntropy(query_size=1, seed=0)([sure, torn]).tolist()
        [1, 0]
    """

    def __init__(
        self,
        query_size: int,
        temperature: float = 1.0,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        base = Entropy(reduction=reduction, mode=mode)
        super().__init__(base, query_size, temperature, seed=seed)
