"""Ranked batch mode: uncertain items, unlike all that is labelled."""

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.density import check_similarity
from baal.active.heuristics.functional.similarity import Kind, Similarity, ranked_batch
from baal.active.heuristics.on_top import OnTop, stretched
from baal.active.heuristics.pool_data import PoolData

__all__ = ["RankedBatch"]


class RankedBatch(OnTop, BatchHeuristic):
    r"""A batch by uncertainty, and by how unlike an item is to all that is labelled or chosen.

    $$\alpha\, (1 - \max_{j \in L} \phi(x_i, x_j)) + (1 - \alpha)\, u_i,\quad
    \alpha = \frac{|U|}{|U| + |L|}$$

    Ranked batch-mode active learning, Cardoso et al. (2017),
    https://doi.org/10.1016/j.ins.2016.10.037. As long as little is labelled the batch explores, and
    later on it asks for what is uncertain. A chosen item counts as labelled for those that follow.
    Where nothing is labelled, the first is the item nearest to the mean of the pool.

    u are the other heuristic's scores, stretched over the pool from 0 (the most certain item) to 1:
    so their unit is of no account. Scores are those of the formula: of the batch when it was
    chosen, of the rest in the end.

    Args:
        base_heuristic: Gives the scores, one for each item: what it needs is needed here, beside
            embeddings. Not one that draws its ranks or chooses a batch.
        query_size: Items of the batch; more than the pool holds are as many as it holds.
        similarity: From 0 to 1. "cosine" is `(1 + cos) / 2`; "rbf" is `exp(-d^2 / (2 scale^2))`.
        scale: Of "rbf", in the units of the embeddings. None: the root of the mean squared distance
            of the pool's items to their mean.
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `query_size` is negative, `similarity` unknown, `scale` not above 0,
            or the other heuristic does not rank by its scores.
        InvalidTypeError: `query_size` is no whole number, or `base_heuristic` no heuristic.

    Example:
        >>> from baal.active.heuristics.uncertainty import Margin
        >>> torn, sure = [0.5, 0.5], [0.9, 0.1]
        >>> ranks, scores = RankedBatch(Margin(), 2).get_ranks(
        ...     [torn, torn, sure], embeddings=[[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]],
        ...     labelled_embeddings=[[1.0, -0.1]],
        ... )
        >>> ranks.tolist(), scores.round(3).tolist()
        ([2, 1, 0], [0.751, 0.505, 0.412])
    """

    takes_labelled_embeddings = True

    def __init__(
        self,
        base_heuristic: AbstractHeuristic,
        query_size: int,
        similarity: Kind = "cosine",
        *,
        scale: float | None = None,
        seed: int | None = None,
    ) -> None:
        BatchHeuristic.__init__(self, query_size, seed=seed)
        self.build_on(base_heuristic)
        self.mode = base_heuristic.mode
        self.similarity, self.scale = check_similarity(similarity, scale)

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With embeddings, the other's scores, and the labelled items' embeddings if there
                are any.
            n: Items to choose.

        Returns:
            The batch, and the scores of the rest.
        """
        assert pool.embeddings is not None
        assert pool.scores is not None
        labelled = pool.labelled_embeddings
        return Choice(
            *ranked_batch(
                Similarity(pool.embeddings, self.similarity, self.scale),
                stretched(pool.scores, highest_first=self.base_heuristic.reversed),
                n,
                pool.embeddings[:0] if labelled is None else labelled,
            )
        )
