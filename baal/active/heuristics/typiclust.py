"""TypiClust: typical items from clusters that have no label yet."""

from baal.active.heuristics.arguments import check_count
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.typical import typical_of_clusters
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading

__all__ = ["TypiClust"]


class TypiClust(BatchHeuristic):
    r"""The most typical item of each of the largest clusters without a labelled item.

    $$\left( \frac{1}{k} \sum_{j \in \mathrm{kNN}(i)} |x_i - x_j| \right)^{-1}$$

    Hacohen et al. (2022), https://arxiv.org/abs/2202.02794, for the cold start: with very few
    labels it does better to ask for what is typical than for what is uncertain. It needs embeddings
    that mean something without labels, as of a network trained on other data or by itself.

    There are as many clusters, of k-means, as labelled items and items to choose together. See
    `baal.active.heuristics.functional.typical_of_clusters` for their order. Scores are minus the
    mean distance to the neighbours in the cluster: their inverses would be infinite for copies.

    Args:
        query_size: Items of the batch; more than the pool holds are as many as it holds.
        max_clusters: There are not more of them; 500 in the paper.
        n_neighbours: Whose mean distance is looked at; 20 in the paper.
        mode: Not used: there are no predictions to read.
        seed: Of the clusters; None is 0.

    Raises:
        InvalidArgumentError: `query_size` is negative, or another number not positive.
        InvalidTypeError: One of them is no whole number.

    Example:
        >>> x = [[0.0], [0.4], [1.0], [9.0], [9.1]]
        >>> TypiClust(2)(embeddings=x)[:2].tolist()
        [1, 3]
        >>> TypiClust(1)(embeddings=x, labelled_embeddings=[[0.5]])[:1].tolist()
        [3]
    """

    needs_predictions = False
    needs_embeddings = True
    takes_labelled_embeddings = True

    def __init__(
        self,
        query_size: int,
        *,
        max_clusters: int = 500,
        n_neighbours: int = 20,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(query_size, mode=mode, seed=seed)
        self.max_clusters = check_count("max_clusters", max_clusters, at_least=1)
        self.n_neighbours = check_count("n_neighbours", n_neighbours, at_least=1)

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With embeddings, and those of labelled items if there are any.
            n: Items to choose.

        Returns:
            The batch, and how typical the rest is.
        """
        assert pool.embeddings is not None
        return Choice(
            *typical_of_clusters(
                pool.embeddings,
                n,
                pool.labelled_embeddings,
                max_clusters=self.max_clusters,
                n_neighbours=self.n_neighbours,
                seed=self.seed,
            )
        )
