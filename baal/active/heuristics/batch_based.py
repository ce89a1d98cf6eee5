"""What heuristics have in common that choose a batch of items that are good together."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_count
from baal.active.heuristics.pool_based import PoolHeuristic
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading
from baal.exceptions import InvalidArgumentError

__all__ = ["BatchHeuristic", "Choice"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


class Choice(NamedTuple):
    """A batch out of N items.

    Attributes:
        indices: The batch in order of selection, `[b]`.
        gains: What each of them brought, `[b]`: higher is better.
        rest: By which the other items are ranked, `[N]`: higher is better. The batch's own entries
            are not looked at.

    Example:
        >>> Choice(np.array([1]), np.array([3.0]), np.array([0.5, 0.0])).indices.tolist()
        [1]
    """

    indices: IntArray
    gains: npt.NDArray[np.floating[Any]]
    rest: npt.NDArray[np.floating[Any]]


class BatchHeuristic(PoolHeuristic):
    """Chooses a batch of items that are good together, and ranks the rest behind it.

    Subclasses define `choose`. The ranks begin with the batch in order of selection, with what each
    item brought as its score; the other items follow by scores of their own. So more than
    `query_size` items should not be taken: ask for as many as are labelled at once. A loop or an
    experiment that takes more warns when it is built.

    Args:
        query_size: Items of the batch; more than the pool holds are as many as it holds.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of all that is random here; None is 0.

    Raises:
        InvalidArgumentError: `query_size` is negative, or `mode` unknown.
        InvalidTypeError: `query_size` is no whole number.

    Example:
        >>> class FirstComeFirstServed(BatchHeuristic):
        ...     needs_predictions = False
        ...     needs_embeddings = True
        ...     def choose(self, pool, n):
        ...         return Choice(np.arange(n), np.ones(n), np.zeros(pool.n_items))
        >>> FirstComeFirstServed(2)(embeddings=[[1.0], [2.0], [3.0]]).tolist()
        [0, 1, 2]
    """

    ranks_by_score = False
    plans_batch = True
    scores_compare = False
    is_continuous = False

    def __init__(self, query_size: int, *, mode: Reading = "auto", seed: int | None = None) -> None:
        super().__init__(mode=mode, seed=seed)
        self.query_size = check_count("query_size", query_size)

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: What the class attributes ask for, without broken items.
            n: Items to choose: `query_size`, or as many as there are.

        Returns:
            The batch, and scores for the rest.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `choose`.")

    def _chosen_and_scores(self, pool: PoolData) -> tuple[IntArray, Array]:
        choice = self.choose(pool, min(self.query_size, pool.n_items))
        batch = np.asarray(choice.indices)
        outside = (batch < 0) | (batch >= pool.n_items)
        if len(np.unique(batch)) != len(batch) or outside.any():
            raise InvalidArgumentError(
                f"Expected `choose` of {type(self).__name__} to give different items out of "
                f"{pool.n_items}, but got {batch.tolist()}."
            )
        scores = np.array(choice.rest, dtype=np.float64)
        scores[np.isposinf(scores)] = 0  # as far as can be from nothing: all are equal
        scores[choice.indices] = choice.gains
        return choice.indices, scores
