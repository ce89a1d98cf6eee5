"""ProbCover: the batch with the most of the pool in balls around it."""

from baal.active.heuristics.arguments import check_count, check_number
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.balls import ball_cover, cluster_spread, pure_radius
from baal.active.heuristics.functional.clustering import k_means
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading

__all__ = ["ProbCover"]


class ProbCover(BatchHeuristic):
    r"""Greedy maximum coverage: each item has the most items around it that no other covers.

    $$|\{j: |x_i - x_j| \leq r\} \setminus \bigcup_{s \in S} \{j: |x_s - x_j| \leq r\}|$$

    Yehuda et al. (2022), https://arxiv.org/abs/2205.11320, for the cold start. Core-set covers the
    whole pool with balls as small as can be, and so asks for outliers; this covers as much as it
    can with balls of a given size, and leaves outliers alone. It needs embeddings that mean
    something without labels, as of a network trained on other data or by itself.

    Scores are numbers of items: how many each of the batch newly covered, how many each of the rest
    could still cover. Once all is covered, the batch goes on by k-center, with scores of 0.

    Without a radius, it is the largest with which 95 % of the balls hold items of one cluster of
    k-means alone, as in the paper; but at least how far items are from the mean of their cluster.
    For where clusters are not apart, as those of raw pixels, the paper's rule leaves balls so small
    that the whole batch comes from the densest place.

    Args:
        query_size: Items of the batch; more than the pool holds are as many as it holds.
        radius: r, in the units of the embeddings. None: estimated anew in each call, see above.
        n_classes: Clusters of that estimate: as many as there are classes.
        mode: Not used: there are no predictions to read.
        seed: Of those clusters; None is 0.

    Raises:
        InvalidArgumentError: `query_size` or `radius` is negative, or `n_classes` not positive.
        InvalidTypeError: One of them is no number.

    Example:
        >>> ranks, scores = ProbCover(2, radius=1.0).get_ranks(
        ...     embeddings=[[0.0], [1.0], [2.0], [7.0], [8.0]], labelled_embeddings=[[2.5]]
        ... )
        >>> ranks.tolist(), scores.tolist()
        ([1, 3, 0, 2, 4], [0.0, 2.0, 0.0, 2.0, 0.0])
    """

    needs_predictions = False
    needs_embeddings = True
    takes_labelled_embeddings = True

    def __init__(
        self,
        query_size: int,
        radius: float | None = None,
        *,
        n_classes: int = 10,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(query_size, mode=mode, seed=seed)
        self.radius = None if radius is None else check_number("radius", radius)
        self.n_classes = check_count("n_classes", n_classes, at_least=1)

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With embeddings, and those of labelled items if there are any.
            n: Items to choose.

        Returns:
            The batch, and what the rest could still cover.
        """
        assert pool.embeddings is not None
        radius = self.radius
        if radius is None:
            labels = k_means(pool.embeddings, self.n_classes, self.seed)
            spread = cluster_spread(pool.embeddings, labels)
            radius = max(pure_radius(pool.embeddings, labels), spread)
        return Choice(*ball_cover(pool.embeddings, n, radius, pool.labelled_embeddings))
