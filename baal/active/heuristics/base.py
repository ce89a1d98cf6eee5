"""What every heuristic is: predictions in, scores and ranks out."""

import inspect
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_seed
from baal.active.heuristics.decorators import reading_as, reads_probabilities
from baal.active.heuristics.predictions import as_array, is_batches, join, read_whole, reblock
from baal.active.heuristics.ranking import rank_scores, read_scores
from baal.active.heuristics.reductions import Reduction, find_reduction
from baal.active.heuristics.scoring import MODES, Reading, score_undecided
from baal.active.heuristics.shuffling import (
    IGNORED,
    Ignored,
    check_shuffle_prop,
    shuffle_some,
)
from baal.exceptions import InvalidArgumentError
from baal.utils.frames import level_outside_baal

__all__ = ["AbstractHeuristic"]

Array = npt.NDArray[Any]


class AbstractHeuristic:
    """Scores items by how much their labels would teach, and ranks them.

    Subclasses define `compute_score(predictions)`, and say what they need by class attributes:

    Attributes:
        reversed: The highest score is the most uncertain; else the lowest is.
        needs_predictions: False: of `predictions` only the length is read.
        needs_target_predictions: `target_predictions` must be given.
        needs_joint_samples: Sample `k` must be the same function for every item.
        needs_whole_pool: An item's score depends on the other items: an iterable of batches is
            collected. Otherwise it is scored block by block, in constant memory.
        needs_probabilities: Predictions are read as `mode` says. Set by itself where
            `compute_score` is decorated with `requireprobs`; where it is False, predictions are
            scored as they come.
        needs_variances: Half of the outputs are means, and the other half are their variances, as
            the heuristic's own arguments say.
        needs_independent_labels: The outputs are labels of which any number may apply, each with
            its own probability; they sum to nothing, and `mode` cannot be "auto".
        is_continuous: A small change of the predictions changes the scores little. False where
            votes are counted, or a batch is chosen.
        takes_mask: The methods take `mask` as well: which positions count.
        is_random: Two calls with the same predictions may differ.
        has_positions: Items may have several positions, `[N, C, ..., K]`; else `[N, C, K]` it is.
        ranks_by_score: The ranks are the order of the scores. False where a batch is chosen, or
            ranks are drawn.
        plans_batch: `query_size` items are chosen to be good together, and the others ranked one by
            one: the loop warns where it takes more.
        scores_compare: The scores of any two items say which of them is the better. False where
            those of a chosen batch tell something else than those of the rest.
        takes_pending: The methods take `pending_predictions` as well: on items that were chosen
            before and wait for their labels, `[P, C, ..., K]` by the same posterior samples.
        needs_embeddings: `embeddings` `[N, D]` must be given, see `PoolHeuristic`.
        needs_gradient_embeddings: `gradient_embeddings` must be given: a pair of factors, `[N, C]`
            and `[N, D]` (see `GradientEmbeddings`).
        needs_gradient_lengths: `gradient_lengths` `[N, C]` must be given.
        takes_labelled_embeddings: The methods take `labelled_embeddings` `[M, D]` as well: of items
            that have labels or wait for them.
        takes_labelled_predictions: Likewise `labelled_predictions` `[M, C, ..., K]`.
        takes_labelled_targets: Likewise `labelled_targets` `[M, ...]`.
        min_dims: How many dimensions predictions must have: 1 `[N]`, 2 `[N, C]`, or 3
            `[N, C, ..., K]` for what only exists with posterior samples, which warns if there is
            but one.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1, whatever their
            scores are.
        reverse: Whether the highest score is the most uncertain.
        reduction: From `[N, ...]` to `[N]`: "max", "min", "mean", "sum", "top_k_mean", "quantile",
            "none", or a callable that treats each item on its own (see `reductions`).
        mode: What predictions are: "probabilities", "logits", or "auto" (see `scoring`).
        seed: Of all that is random here. None draws from NumPy's global state, which
            `np.random.seed` sets.

    Raises:
        InvalidArgumentError: An argument is none of the above, or `seed` is negative.
        InvalidTypeError: `seed` is neither a whole number nor None.

    Example:
        >>> class MeanOutput(AbstractHeuristic):
        ...     def compute_score(self, predictions):
        ...         return predictions.mean(axis=(1, -1))
        >>> MeanOutput(reverse=True)([[[1.0]], [[3.0]], [[2.0]]]).tolist()
        [1, 2, 0]
    """

    reversed: bool = False
    needs_predictions: bool = True
    needs_target_predictions: bool = False
    needs_joint_samples: bool = False
    needs_whole_pool: bool = False
    needs_probabilities: bool = False
    needs_variances: bool = False
    needs_independent_labels: bool = False
    is_continuous: bool = True
    takes_mask: bool = False
    is_random: bool = False
    has_positions: bool = True
    ranks_by_score: bool = True
    plans_batch: bool = False
    scores_compare: bool = True
    takes_pending: bool = False
    needs_embeddings: bool = False
    needs_gradient_embeddings: bool = False
    needs_gradient_lengths: bool = False
    takes_labelled_embeddings: bool = False
    takes_labelled_predictions: bool = False
    takes_labelled_targets: bool = False
    min_dims: int = 1

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reverse: bool = False,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        if mode not in MODES:
            raise InvalidArgumentError(f"Expected `mode` to be one of {MODES}, but got {mode!r}.")
        find_reduction(reduction)  # an unknown name is an error here and now
        self.reduction = reduction
        self.shuffle_prop = check_shuffle_prop(shuffle_prop)
        self.reversed = reverse or type(self).reversed
        self.mode: Reading = mode
        seed = check_seed(seed)
        self._generator = None if seed is None else np.random.default_rng(seed)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if reads_probabilities(cls.compute_score):
            cls.needs_probabilities = True

    @property
    def rng(self) -> np.random.Generator | np.random.RandomState:
        """Where all randomness here comes from: of its own with a seed, else NumPy's global."""
        if self._generator is not None:
            return self._generator
        return np.random.mtrand._rand  # noqa: SLF001 - all there is

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Any:
        """Score each item, or each of its positions.

        Args:
            predictions: `[N, C, ..., K]` in general.
            target_predictions: `[T, C, ..., K]`, predictions on what the model will be used for.
                A subclass that does not need them may leave the argument out.

        Returns:
            `[N, ...]`.

        Raises:
            NotImplementedError: A subclass did not define it.

        Example:
            >>> class FirstOutput(AbstractHeuristic):
            ...     def compute_score(self, predictions):
            ...         return predictions[:, 0]
            >>> FirstOutput().compute_score(np.array([[1.0, 2.0]])).tolist()
            [1.0]
        """
        raise NotImplementedError(f"{type(self).__name__} must define `compute_score`.")

    def get_uncertainties(self, predictions: Any, target_predictions: Any = None) -> Array:
        """Score each item.

        Args:
            predictions: `[N, C, ..., K]` in general: an array, a tensor, a list with one of them,
                or an iterable of such batches, which gives the same scores as the array.
            target_predictions: `[T, C, ..., K]`, for heuristics that need them.

        Returns:
            `[N]` float64; `[N, ...]` with the reduction "none" where there are more dimensions.

        Raises:
            InvalidArgumentError: The shape is wrong, values are not what `mode` says, an iterable
                has no batch, or target predictions are missing.
            InvalidTypeError: These are no numbers.

        Example:
            >>> class MeanOutput(AbstractHeuristic):
            ...     def compute_score(self, predictions):
            ...         return predictions.mean(axis=-1)
            >>> MeanOutput(reduction="max").get_uncertainties([[[1.0, 3.0], [0.0, 0.0]]]).tolist()
            [2.0]
        """
        if is_batches(predictions):
            return self.get_uncertainties_generator(predictions, target_predictions)
        targets = self._targets(target_predictions)
        array = self._check_dims(as_array(predictions))
        self._warn_if_one_sample(array)
        return self._score(array, targets)

    def get_uncertainties_generator(
        self, predictions: Iterable[Any], target_predictions: Any = None
    ) -> Array:
        """Score each item of an iterable of batches, in constant memory if that can be.

        Args:
            predictions: Batches `[B, C, ..., K]` of any sizes.
            target_predictions: As for `get_uncertainties`.

        Returns:
            As `get_uncertainties` gives for all batches in one array.

        Raises:
            InvalidArgumentError: There is no batch, or as for `get_uncertainties`.
            InvalidTypeError: These are no numbers.

        Example:
            >>> class FirstOutput(AbstractHeuristic):
            ...     def compute_score(self, predictions):
            ...         return predictions[:, 0]
            >>> FirstOutput().get_uncertainties_generator(np.eye(1) for _ in range(3)).tolist()
            [1.0, 1.0, 1.0]
        """
        if self.needs_whole_pool:
            return self.get_uncertainties(join(predictions), target_predictions)
        targets = self._targets(target_predictions)
        blocks = self._checked(reblock(predictions))

        def score_as(block: Array, reading: Reading) -> Array:
            with reading_as(self, reading):
                return self._score(block, targets)

        if self.needs_probabilities and self.mode == "auto":
            scores = score_undecided(blocks, score_as)
        else:
            scores = [self._score(block, targets) for block in blocks]
        return self._joined(scores)

    def reorder_indices(self, scores: Any) -> npt.NDArray[np.int64]:
        """Order items by their scores, the most uncertain first.

        Ties (within 1e-9) go to the lowest index. Items whose score is not finite come last, with
        one warning, and no `shuffle_prop` moves them.

        Args:
            scores: `[N]`, or a list of arrays, which are joined.

        Returns:
            `[N]` int64, a permutation.

        Raises:
            InvalidArgumentError: More than one dimension.
            InvalidTypeError: These are no numbers.

        Example:
            >>> AbstractHeuristic(reverse=True).reorder_indices([0.2, 0.7, 0.7]).tolist()
            [1, 2, 0]
        """
        array = read_scores(scores)
        ranks = rank_scores(array, highest_first=self.reversed)
        n_finite = int(np.isfinite(array).sum())
        if self.shuffle_prop:
            ranks[:n_finite] = shuffle_some(ranks[:n_finite], self.shuffle_prop, self.rng)
        return ranks

    def get_ranks(
        self, predictions: Any, target_predictions: Any = None
    ) -> tuple[npt.NDArray[np.int64], Array]:
        """Score and rank each item.

        Args:
            predictions: As for `get_uncertainties`.
            target_predictions: As for `get_uncertainties`.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation with the winner first, `scores[i]`
            belongs to item `i`.

        Raises:
            InvalidArgumentError: As for `get_uncertainties`, or there is more than one score for
                an item.
            InvalidTypeError: These are no numbers.

        Example:
            >>> class FirstOutput(AbstractHeuristic):
            ...     def compute_score(self, predictions):
            ...         return predictions[:, 0]
            >>> ranks, scores = FirstOutput().get_ranks([[0.9, 0.1], [0.5, 0.5]])
            >>> ranks.tolist(), scores.tolist()
            ([1, 0], [0.9, 0.5])
        """
        scores = self.get_uncertainties(predictions, target_predictions)
        return self.reorder_indices(scores), scores

    def __call__(
        self, predictions: Any, target_predictions: Any = None, **further: Any
    ) -> npt.NDArray[np.int64]:
        """The ranks alone, as `get_ranks` gives them with the same arguments."""
        get_ranks: Any = self.get_ranks  # subclasses take a mask, or items that wait for labels
        return np.asarray(get_ranks(predictions, target_predictions, **further)[0])

    def _score(self, predictions: Array, targets: Array | None) -> Array:
        """`compute_score` and the reduction, and a look at what they gave."""
        if "target_predictions" in inspect.signature(self.compute_score).parameters:
            scores = self.compute_score(predictions, target_predictions=targets)
        else:  # as subclasses written for BaaL may have it
            scores = self.compute_score(predictions)
        reduce = find_reduction(self.reduction)
        reduced = np.asarray(reduce(as_array(scores, "scores")), dtype=np.float64)
        if reduced.shape[:1] != predictions.shape[:1]:
            raise InvalidArgumentError(
                f"Expected the scores of {type(self).__name__} to be [N, ...] with N = "
                f"{len(predictions)}, but got shape {reduced.shape} after reduction "
                f"{self.reduction!r}."
            )
        return reduced

    def _joined(self, scores: list[Array]) -> Array:
        if not scores:
            raise InvalidArgumentError(
                "Expected `predictions` to yield at least one batch, but got none."
            )
        return np.concatenate(scores)

    def _check_dims(self, predictions: Array) -> Array:
        if predictions.ndim < self.min_dims or 0 in predictions.shape[1:]:
            expected = ("[N, ...]", "[N, C, ..., K] or [N, C]", "[N, C, ..., K] with K samples")
            raise InvalidArgumentError(
                f"Expected `predictions` for {type(self).__name__} to be "
                f"{expected[self.min_dims - 1]}, no axis but the first empty, "
                f"but got shape {predictions.shape}."
            )
        if not self.has_positions and np.prod(predictions.shape[2:-1]) > 1:
            raise InvalidArgumentError(
                f"Expected `predictions` for {type(self).__name__} to be [N, C, K], with one "
                f"position for each item, but got shape {predictions.shape}."
            )
        return predictions

    def _checked(self, blocks: Iterable[Array]) -> Iterator[Array]:
        warned = False
        for block in blocks:
            self._check_dims(block)
            if not warned:  # one warning for all
                self._warn_if_one_sample(block)
                warned = True
            yield block
            del block  # before the next one is made

    def _warn_if_one_sample(self, predictions: Array) -> None:
        if self.min_dims == 3 and predictions.shape[-1] == 1:
            warnings.warn(
                f"Expected at least 2 posterior samples for {type(self).__name__}, which compares "
                f"them, but got 1 in predictions of shape {predictions.shape}: the scores of all "
                "items are equal.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )

    def _targets(self, target_predictions: Any) -> Array | None:
        if target_predictions is None and self.needs_target_predictions:
            raise InvalidArgumentError(
                f"Expected `target_predictions` to be given to {type(self).__name__}, which needs "
                "predictions on what the model will be used for, but got None."
            )
        if target_predictions is None:
            return None
        return read_whole(target_predictions, "target_predictions")
