"""BatchBALD: the batch that teaches the most together, not the items that do one by one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics import functional
from baal.active.heuristics.arguments import check_count
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_of
from baal.active.heuristics.greedy import select_batch
from baal.active.heuristics.predictions import read_whole
from baal.active.heuristics.ranking import rank_scores
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading, read_probabilities, score_array
from baal.active.heuristics.shuffling import IGNORED, Ignored, shuffle_some
from baal.exceptions import InvalidArgumentError

__all__ = ["BatchBALD"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


class BatchBALD(AbstractHeuristic):
    r"""Joint mutual information of a batch's labels and the model's parameters; high is uncertain.

    $$I[y_1, \dots, y_b; \theta] = H[y_1, \dots, y_b] - \sum_i E_\theta\, H[y_i|\theta]$$

    In nats, maximised greedily. Kirsch et al. (2019), https://arxiv.org/abs/1906.08158. Ten copies
    of one uncertain item are ten good items to BALD, and one to BatchBALD.

    The ranks begin with the batch in order of selection; its scores are conditional information
    gains, whose sum is the joint mutual information. The other items follow, ranked by BALD with
    BALD as score. So scores do not fall along the ranks, and more than `num_samples` items should
    not be taken: ask for as many as are labelled at once.

    Predictions are joint posterior samples, `[N, C, K]`: sample `k` is the same function for every
    item, as an ensemble or consistent dropout gives. Items with several positions have no score
    here. At most ln K can be learnt from K samples: with few of them a large batch has learnt it
    all half-way, and goes on by BALD.

    Args:
        num_samples: Items of the batch; more than the pool holds are as many as it holds.
        num_draw: Configurations of the batch's labels to keep. Everything is exact while there
            are no more (`C ** b` of them for `b` items); then as many are drawn.
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: Accepted for uniformity; there is one score for each item.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the configurations that are drawn, anew at each call: the same predictions have
            the same ranks. None is 0. Also of the shuffling.

    Raises:
        InvalidArgumentError: An argument is none of the above.
        InvalidTypeError: `num_samples` or `num_draw` is no whole number.

    Example:
        >>> item, other = [[1, 0, 1, 0], [0, 1, 0, 1]], [[1, 1, 0, 0.5], [0, 0, 1, 0.5]]
        >>> ranks, scores = BatchBALD(2).get_ranks([item, item, other])
        >>> ranks.tolist(), scores.round(3).tolist()
        ([0, 2, 1], [0.693, 0.693, 0.454])
    """

    reversed = True
    needs_joint_samples = True
    needs_whole_pool = True
    needs_probabilities = True
    has_positions = False
    ranks_by_score = False
    is_continuous = False
    takes_pending = True
    min_dims = 3

    def __init__(
        self,
        num_samples: int,
        num_draw: int = 500,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(shuffle_prop, reduction=reduction, mode=mode, seed=seed)
        self.num_samples = check_count("num_samples", num_samples)
        self.num_draw = check_count("num_draw", num_draw, at_least=1)
        self.seed = 0 if seed is None else seed

    def compute_score(
        self,
        predictions: Any,
        target_predictions: Any = None,  # noqa: ARG002
        pending_predictions: Any = None,
    ) -> Array:
        """Score the batch by its conditional gains, and the other items by BALD.

        Args:
            predictions: `[N, C, K]`, or batches of it.
            target_predictions: Not used.
            pending_predictions: As for `get_ranks`.

        Returns:
            `[N]` float64, in nats.

        Raises:
            InvalidArgumentError: As for `get_ranks`.
            InvalidTypeError: These are no numbers.

        Example:
            >>> twice = [[[1, 0], [0, 1]]] * 2
            >>> BatchBALD(1).compute_score(twice).round(6).tolist()
            [0.693147, 0.693147]
        """
        return self._select(predictions, pending_predictions)[1]

    def get_uncertainties(
        self,
        predictions: Any,
        target_predictions: Any = None,  # noqa: ARG002
        pending_predictions: Any = None,
    ) -> Array:
        """The scores of `get_ranks`.

        Args:
            predictions: `[N, C, K]`, or batches of it.
            target_predictions: Not used.
            pending_predictions: As for `get_ranks`.

        Returns:
            `[N]` float64, in nats.

        Raises:
            InvalidArgumentError: As for `get_ranks`.
            InvalidTypeError: These are no numbers.
        """
        return self._select(predictions, pending_predictions)[1]

    def get_ranks(
        self,
        predictions: Any,
        target_predictions: Any = None,  # noqa: ARG002
        pending_predictions: Any = None,
    ) -> tuple[IntArray, Array]:
        """Choose a batch, and rank the rest.

        Args:
            predictions: Joint posterior samples `[N, C, K]`, or batches of it, which are collected.
            target_predictions: Not used.
            pending_predictions: `[P, C, K]` by the same samples, on items that were chosen before
                and wait for their labels. The batch is chosen for what it adds to them.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation that begins with the batch in order
            of selection, `scores[i]` belongs to item `i`.

        Raises:
            InvalidArgumentError: The shape is wrong, pending items have another number of classes
                or samples, or values are not what `mode` says.
            InvalidTypeError: These are no numbers.

        Example:
            >>> item, other = [[1, 0, 1, 0], [0, 1, 0, 1]], [[1, 1, 0, 0.5], [0, 0, 1, 0.5]]
            >>> BatchBALD(1).get_ranks([item, other])[0].tolist()
            [0, 1]
            >>> BatchBALD(1).get_ranks([item, other], pending_predictions=[item])[0].tolist()
            [1, 0]
        """
        chosen, scores = self._select(predictions, pending_predictions)
        ranks = rank_scores(scores, highest_first=True)
        ranks = np.concatenate([chosen, ranks[~np.isin(ranks, chosen)]])
        if self.shuffle_prop:
            n_finite = int(np.isfinite(scores).sum())
            ranks[:n_finite] = shuffle_some(ranks[:n_finite], self.shuffle_prop, self.rng)
        return ranks, scores

    def _select(self, predictions: Any, pending_predictions: Any) -> tuple[IntArray, Array]:
        """The batch in order of selection, and the score of each item of the pool."""
        pool = self._check_dims(read_whole(predictions))
        self._warn_if_one_sample(pool)
        everything = pool
        if pending_predictions is not None:
            pending = read_whole(pending_predictions, "pending_predictions")
            everything = _join_pending(pool, pending)
        # One decision on what the values are, for both.
        p = read_probabilities(everything, reading_of(self))
        p = np.ascontiguousarray(p).reshape(len(p), p.shape[1], p.shape[-1])
        if p.dtype == np.float16:
            p = p.astype(np.float32)
        if p.shape[1] == 1:  # a Bernoulli's two outcomes
            p = np.concatenate([p, 1 - p], axis=1)
        p, pending = p[: len(pool)], p[len(pool) :]
        scores = score_array(p, functional.mutual_information, "as_is")
        rng = np.random.default_rng(self.seed)
        chosen, gains = select_batch(p, self.num_samples, self.num_draw, rng, pending)
        scores[chosen] = gains
        return chosen, scores


def _join_pending(pool: Array, pending: Array) -> Array:
    if pending.shape[1:] != pool.shape[1:]:
        raise InvalidArgumentError(
            "Expected `pending_predictions` to hold items like those of `predictions`, "
            f"{pool.shape[1:]}, by the same posterior samples, but got shape {pending.shape}."
        )
    if not np.isfinite(pending).all():
        raise InvalidArgumentError(
            "Expected `pending_predictions` to be finite, but got values that are not."
        )
    return np.concatenate([pool, pending])
