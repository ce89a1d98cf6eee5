"""BAIT: the batch that leaves the least variance of predictions."""

from baal.active.heuristics.arguments import check_count, check_positive
from baal.active.heuristics.batch_based import BatchHeuristic, Choice
from baal.active.heuristics.functional.bait import fisher_batch
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading
from baal.exceptions import InvalidArgumentError

__all__ = ["BAIT"]


class BAIT(BatchHeuristic):
    r"""Variance reduction by the Fisher information of the last layer.

    $$\min_B\; tr((\lambda I + \sum_{i \in L \cup B} F_i)^{-1}
      \frac{1}{N} \sum_j F_j), \quad F = (diag(p) - p p^T) \otimes h h^T$$

    Ash et al. (2021), https://arxiv.org/abs/2106.09675: greedily forward to twice the batch, and
    back; see `baal.active.heuristics.functional.fisher_batch`. With the Laplace approximation of
    the last layer the trace is the variance of the outputs, summed over the pool in units of its
    information: the batch is diverse and uncertain, and takes notice of what is labelled.

    Memory and time grow with the square of the number of weights that are reckoned with, at most
    `max_parameters`: where there are more features than that allows, which is
    `max_parameters / C`, the pool's leading principal directions stand for them. Per item there are
    `[C, C]` values: for many classes take `binary=True`.

    Scores are the falls of the trace: of the batch in the order in which it was chosen, of the rest
    if they came next.

    Args:
        query_size: Items of the batch.
        ridge: `lambda`, the precision of the weights before any label. Small against the squared
            lengths of embeddings it asks for directions that nothing labelled has; large, for
            single items of much information.
        binary: Ask of the most probable class against all others, `F = p (1 - p) h h^T`, at a
            small part of the cost (Huseljic et al. 2024, https://arxiv.org/abs/2404.08981).
        max_parameters: Most weights to reckon with.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: A number is out of its range, or `mode` unknown.
        InvalidTypeError: `query_size` or `max_parameters` is no whole number, or `ridge` no number.

    Example:
        >>> p, h = [[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]], [[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
        >>> BAIT(2)(p, embeddings=h).tolist()
        [0, 1, 2]
        >>> labelled = {"labelled_predictions": p[:1] * 5, "labelled_embeddings": h[:1] * 5}
        >>> BAIT(1)(p, embeddings=h, **labelled).tolist()
        [0, 1, 2]
    """

    needs_probabilities = True
    needs_embeddings = True
    takes_labelled_embeddings = True
    takes_labelled_predictions = True

    def __init__(
        self,
        query_size: int,
        ridge: float = 1.0,
        binary: bool = False,
        max_parameters: int = 2048,
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(query_size, mode=mode, seed=seed)
        self.ridge, self.binary = check_positive("ridge", ridge), binary
        self.max_parameters = check_count("max_parameters", max_parameters, at_least=1)

    def choose(self, pool: PoolData, n: int) -> Choice:
        """Choose a batch.

        Args:
            pool: With probabilities and embeddings, and both of labelled items if there are any.
            n: Items to choose.

        Returns:
            The batch, and what others would bring next.

        Raises:
            InvalidArgumentError: Labelled items have embeddings alone, or predictions alone, or the
                pool is too large or its embeddings too long, see `fisher_batch`.
        """
        assert pool.probabilities is not None
        assert pool.embeddings is not None
        p, h = pool.labelled_probabilities, pool.labelled_embeddings
        n_predicted, n_embedded = (0 if x is None else len(x) for x in (p, h))
        if n_predicted != n_embedded:
            raise InvalidArgumentError(
                "Expected `labelled_predictions` and `labelled_embeddings` to be of the same "
                f"items, but got {n_predicted} and {n_embedded}."
            )
        return Choice(
            *fisher_batch(
                pool.probabilities,
                pool.embeddings,
                n,
                p,
                h,
                ridge=self.ridge,
                binary=self.binary,
                max_parameters=self.max_parameters,
            )
        )
