"""Batches for regression: none of these asks what the model is unsure of by posterior samples."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_positive
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.coverage import k_center
from baal.active.heuristics.functional.regression_batches import (
    largest_cluster,
    max_determinant,
    spread_in_both,
)
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading
from baal.exceptions import InvalidArgumentError

__all__ = ["LCMD", "GreedySampling", "MaxDet"]

FloatArray = npt.NDArray[np.float64]


class LCMD(BatchHeuristic):
    r"""Largest cluster, maximum distance: each item is the farthest in the cluster of largest size.

    $$i_b = \arg\max_{i \in c} |x_i - c|, \quad c = \arg\max_c \sum_{i \in c} |x_i - c|^2$$

    Holzmueller et al. (2022), https://arxiv.org/abs/2203.09410, the best of their methods for
    regression; see `baal.active.heuristics.functional.largest_cluster`. Centres are labelled and
    chosen items, and each item is in the cluster of the nearest. It needs embeddings and no
    predictions: the gradient of a single output with respect to the last layer is its input.

    Scores are Euclidean distances to the nearest labelled or chosen item: of the batch when it was
    chosen, of the rest in the end. They do not fall along the batch.

    Args:
        query_size: Items of the batch.
        mode: Not used: there are no predictions to read.
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `query_size` is negative.
        InvalidTypeError: `query_size` is no whole number.

    Example:
        >>> x = [[0.0], [1.0], [2.0], [3.0], [8.0], [11.5]]
        >>> LCMD(2)(embeddings=x, labelled_embeddings=[[0.0], [8.0]]).tolist()[:2]
        [3, 5]
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
        return Choice(*largest_cluster(pool.embeddings, n, pool.labelled_embeddings))


class MaxDet(BatchHeuristic):
    r"""Greedy maximisation of the determinant of the batch's kernel matrix.

    $$i_b = \arg\max_i k(i,i) - k(i,S)\,(k(S,S) + \sigma^2 I)^{-1}\,k(S,i), \quad k(i,j) = h_i h_j$$

    Holzmueller et al. (2022), https://arxiv.org/abs/2203.09410; see
    `baal.active.heuristics.functional.max_determinant`. It is the batch of greatest joint
    information for Bayesian linear regression on the last layer's inputs, and, noise apart, asks
    for what lies outside of the span of all that is labelled. Once that is everything, little but
    noise is left to choose by: take batches that are small beside the number of features, or
    `LCMD`. Long embeddings attract it.

    Scores are variances given what was labelled and chosen before: of the batch when it was chosen,
    of the rest in the end.

    Args:
        query_size: Items of the batch.
        noise: Variance of the labels' noise, as a share of the pool's mean of `k(i,i)`.
        bias: Append a one to each embedding: the last layer has a bias.
        mode: Not used: there are no predictions to read.
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `query_size` is negative, or `noise` not above 0 and finite.
        InvalidTypeError: `query_size` is no whole number, or `noise` no number.

    Example:
        >>> h = [[3.0, 0.0], [2.9, 0.0], [0.0, 1.0]]
        >>> MaxDet(2, bias=False)(embeddings=h).tolist()
        [0, 2, 1]
        >>> MaxDet(1, bias=False)(embeddings=h, labelled_embeddings=[[1.0, 0.0]]).tolist()
        [2, 0, 1]
    """

    needs_predictions = False
    needs_embeddings = True
    takes_labelled_embeddings = True

    def __init__(
        self,
        query_size: int,
        noise: float = 1e-6,
        bias: bool = True,
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(query_size, mode=mode, seed=seed)
        self.noise, self.bias = check_positive("noise", noise), bias

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With embeddings, and those of labelled items if there are any.
            n: Items to choose.

        Returns:
            The batch, and the variances of the rest.
        """
        assert pool.embeddings is not None
        return Choice(
            *max_determinant(
                pool.embeddings, n, pool.labelled_embeddings, self.noise, bias=self.bias
            )
        )


class GreedySampling(BatchHeuristic):
    r"""iGS: each item is far from all that is labelled or chosen, in inputs and outputs.

    $$i_b = \arg\max_i \min_{j \in S} |x_i - x_j|\, |y_i - y_j|$$

    Wu et al. (2019), https://arxiv.org/abs/1808.04245; see
    `baal.active.heuristics.functional.spread_in_both`. Outputs of the pool are the model's
    predictions, their mean where there are samples. Where nothing is labelled no prediction is
    worth anything, and the batch is that of GSx: the item nearest to the mean of the embeddings,
    then always the farthest from all that is chosen.

    Scores are the products, or with GSx the distances, when the item was chosen, and of the rest in
    the end.

    Args:
        query_size: Items of the batch.
        mode: Not used: outputs are taken as they come.
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `query_size` is negative.
        InvalidTypeError: `query_size` is no whole number.

    Example:
        >>> x, y = [[1.0], [2.0], [3.0]], [[1.0], [5.0], [1.0]]
        >>> labelled = {"labelled_embeddings": [[0.0]], "labelled_targets": [0.0]}
        >>> ranks, scores = GreedySampling(1).get_ranks(y, embeddings=x, **labelled)
        >>> ranks.tolist(), scores.round(6).tolist()
        ([1, 2, 0], [1.0, 10.0, 3.0])
    """

    needs_embeddings = True
    takes_labelled_embeddings = True
    takes_labelled_targets = True

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With predictions and embeddings, and embeddings and targets of labelled items if
                there are any.
            n: Items to choose.

        Returns:
            The batch, and the products of the rest.

        Raises:
            InvalidArgumentError: Labelled items have no targets, or others than the pool's outputs.
        """
        assert pool.embeddings is not None
        assert pool.predictions is not None
        labelled = pool.labelled_embeddings
        if labelled is None or not len(labelled):
            return Choice(*k_center(pool.embeddings, n))
        means = pool.predictions.astype(np.float64)
        if means.ndim > 2:
            means = means.reshape(len(means), means.shape[1], -1).mean(axis=-1)
        targets = _targets_like(means, pool.labelled_targets, len(labelled))
        return Choice(*spread_in_both(pool.embeddings, means, n, labelled, targets))


def _targets_like(means: FloatArray, targets: npt.NDArray[Any] | None, n: int) -> FloatArray:
    shape = None if targets is None else targets.shape
    if targets is None or len(targets) != n or targets.size != n * means.shape[1]:
        raise InvalidArgumentError(
            f"Expected `labelled_targets` to be [{n}, {means.shape[1]}], a row like those of the "
            f"outputs for each of the labelled embeddings, but got shape {shape}."
        )
    return targets.astype(np.float64).reshape(n, -1)
