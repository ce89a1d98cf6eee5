"""Core-set: the batch that leaves no item far from a labelled one."""

from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.coverage import k_center
from baal.active.heuristics.pool_data import PoolData

__all__ = ["CoreSet"]


class CoreSet(BatchHeuristic):
    r"""Greedy k-center: each item is the farthest from all that is labelled or chosen.

    $$i_b = \arg\max_i \min_{j \in S} |x_i - x_j|$$

    Sener & Savarese (2018), https://arxiv.org/abs/1708.00489; within twice the smallest covering
    radius, see `baal.active.heuristics.functional.k_center`. It needs embeddings and no
    predictions: so it works from no label at all, and with a model that has no posterior. It asks
    for outliers.

    Scores are Euclidean distances to the nearest labelled or chosen item: of the batch when it was
    chosen, of the rest in the end.

    Args:
        query_size: Items of the batch.
        mode: Not used: there are no predictions to read.
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `query_size` is negative.
        InvalidTypeError: `query_size` is no whole number.

    Example:
        >>> ranks, scores = CoreSet(2).get_ranks(
        ...     embeddings=[[0.0], [1.0], [5.0], [9.0]], labelled_embeddings=[[0.5]]
        ... )
        >>> ranks.tolist(), scores.tolist()
        ([3, 2, 0, 1], [0.5, 0.5, 4.0, 8.5])
    """

    needs_predictions = False
    needs_embeddings = True
    takes_labelled_embeddings = True

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With embeddings, and those of labelled items if there are any.
            n: Items to choose.

        Returns:
            The batch, and the distances of the rest.
        """
        assert pool.embeddings is not None
        return Choice(*k_center(pool.embeddings, n, pool.labelled_embeddings))
