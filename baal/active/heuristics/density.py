"""Information density: uncertain items that stand for many others."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_count, check_number
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.functional.similarity import Kind, Similarity
from baal.active.heuristics.on_top import OnTop
from baal.active.heuristics.pool_data import PoolData
from baal.exceptions import InvalidArgumentError

__all__ = ["DensityWeighted", "check_similarity"]

Array = npt.NDArray[Any]

KINDS: tuple[Kind, ...] = ("cosine", "rbf")


class DensityWeighted(OnTop):
    r"""Another heuristic's scores, weighted by how similar an item is to the rest of the pool.

    $$u_i \left( \frac{1}{N} \sum_j \phi(x_i, x_j) \right)^\beta$$

    Information density, Settles & Craven (2008), https://aclanthology.org/D08-1112/. The most
    uncertain items are often outliers, whose labels tell of nothing else. High is always the best
    to label. So where low scores are the uncertain ones (Margin, Certainty), u is what an item
    lacks of the highest score there can be: `1 - s`, or the pool's highest less `s` if that exceeds
    one. And where scores fall below zero, u is what an item has more than the lowest in the pool.

    Args:
        base_heuristic: Gives the scores `s`, one for each item: what it needs is needed here,
            beside embeddings. Not one that draws its ranks or chooses a batch.
        beta: How much density counts; with 0 the ranks are the other's.
        similarity: From 0 to 1. "cosine" is `(1 + cos) / 2`, and takes one pass over the
            embeddings; "rbf" is `exp(-d^2 / (2 scale^2))`, and takes all distances between items.
        scale: Of "rbf", in the units of the embeddings. None: the root of the mean squared distance
            of the pool's items to their mean.
        n_references: Look at similarities to so many items only, drawn by `seed`, instead of to
            all. For "rbf" in a pool of more than some tens of thousands.
        seed: Of that draw; None is 0.

    Raises:
        InvalidArgumentError: `beta` is negative, `similarity` unknown, `scale` not above 0, or
            the other heuristic does not rank by its scores.
        InvalidTypeError: These are no numbers, or `base_heuristic` is no heuristic.

    Example:
        >>> from baal.active.heuristics.uncertainty import Entropy
        >>> sure, torn = [0.9, 0.1], [0.5, 0.5]
        >>> embeddings = [[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]]  # the last is an outlier
        >>> ranks, scores = DensityWeighted(Entropy()).get_ranks(
        ...     [sure, torn, torn], embeddings=embeddings
        ... )
        >>> ranks.tolist(), scores.round(3).tolist()
        ([1, 2, 0], [0.216, 0.462, 0.232])
    """

    def __init__(
        self,
        base_heuristic: AbstractHeuristic,
        beta: float = 1.0,
        similarity: Kind = "cosine",
        *,
        scale: float | None = None,
        n_references: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(seed=seed)
        self.build_on(base_heuristic)
        self.mode = base_heuristic.mode
        self.beta = check_number("beta", beta)
        self.similarity, self.scale = check_similarity(similarity, scale)
        self.n_references = n_references
        if n_references is not None:
            self.n_references = check_count("n_references", n_references, at_least=1)

    def score_pool(self, pool: PoolData) -> Array:
        """Weigh the other's scores.

        Args:
            pool: With embeddings, and the other's scores.

        Returns:
            `[N]` float64.
        """
        assert pool.embeddings is not None
        assert pool.scores is not None
        scores = pool.scores
        if self.base_heuristic.reversed:
            uncertainties = scores - scores.min(initial=0.0)
        else:
            uncertainties = scores.max(initial=1.0) - scores
        items = None
        if self.n_references is not None and self.n_references < pool.n_items:
            rng = np.random.default_rng(self.seed)
            items = np.sort(rng.choice(pool.n_items, self.n_references, replace=False))
        similarity = Similarity(pool.embeddings, self.similarity, self.scale)
        return np.asarray(uncertainties * similarity.mean(items) ** self.beta)


def check_similarity(similarity: Any, scale: Any) -> tuple[Kind, float | None]:
    """Read the kind of a similarity, and its scale.

    Args:
        similarity: "cosine" or "rbf".
        scale: Above 0, or None.

    Returns:
        Both.

    Raises:
        InvalidArgumentError: They are none of these.
        InvalidTypeError: `scale` is no number.

    Example:
        >>> check_similarity("rbf", 2)
        ('rbf', 2.0)
    """
    if similarity not in KINDS:
        raise InvalidArgumentError(
            f"Expected `similarity` to be one of {KINDS}, but got {similarity!r}."
        )
    if scale is None:
        return similarity, None
    if check_number("scale", scale) == 0:
        raise InvalidArgumentError("Expected `scale` to be above 0, but got 0.")
    return similarity, float(scale)
