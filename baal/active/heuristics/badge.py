"""BADGE: a batch of long gradients that point in different directions."""

from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.seeding import k_means_plus_plus
from baal.active.heuristics.pool_data import PoolData

__all__ = ["BADGE"]


class BADGE(BatchHeuristic):
    r"""Draws items whose gradients are long and far apart: uncertain ones, and unlike each other.

    $$P(i) \propto \min_{j \in S} |g_i - g_j|^2,\quad g_i = (p_i - e_{\hat y_i}) \otimes x_i$$

    Batch active learning by diverse gradient embeddings, Ash et al. (2020),
    https://arxiv.org/abs/1906.03671: the seeding of k-means++ on the gradients of a last layer,
    with the most probable class in the place of the label. The first item is the one with the
    longest gradient, as in the authors' code; the others are drawn. Labelled items have no say.
    Gradients are given as their factors (`gradient_embeddings`) and never formed.

    Scores are distances between gradients: of the batch to the nearest item chosen before (of the
    first to zero, its length), of the rest to the nearest of the batch. It draws by their squares.

    Args:
        query_size: Items of the batch; more than the pool holds are as many as it holds.
        mode: How a loop reads predictions, where it has to make the gradients of them: with
            `get_embeddings`. Gradients that are given are not looked at for it.
        seed: Of the draws, which go along the order of the items. None draws from NumPy's global
            state.

    Raises:
        InvalidArgumentError: `query_size` is negative.
        InvalidTypeError: `query_size` is no whole number.

    Example:
        >>> import numpy as np
        >>> from baal.utils.gradient_embeddings import gradient_embeddings
        >>> p = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
        >>> given = gradient_embeddings(p, np.array([[3.0], [2.0], [1.0]]))
        >>> ranks, scores = BADGE(1, seed=0).get_ranks(gradient_embeddings=given)
        >>> ranks.tolist(), scores.round(3).tolist()
        ([0, 2, 1], [2.121, 0.707, 2.121])
    """

    needs_predictions = False
    needs_gradient_embeddings = True
    is_random = True

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With both factors of the gradients.
            n: Items to choose.

        Returns:
            The batch, and the distances of the rest.
        """
        assert pool.residuals is not None
        assert pool.embeddings is not None
        return Choice(*k_means_plus_plus(pool.residuals, pool.embeddings, n, self.rng))
