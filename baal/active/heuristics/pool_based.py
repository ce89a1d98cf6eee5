"""What heuristics have in common that look at the pool as a whole: at embeddings and at labels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_of
from baal.active.heuristics.pool_data import PoolData, read_pool_data
from baal.active.heuristics.predictions import read_whole
from baal.active.heuristics.ranking import rank_scores
from baal.active.heuristics.scoring import Reading, read_probabilities
from baal.exceptions import InvalidArgumentError

__all__ = ["PoolHeuristic"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class PoolHeuristic(AbstractHeuristic):
    """Scores items by where they lie in the pool: by embeddings, gradients, and labelled items.

    Subclasses define `score_pool`, and say what they need by class attributes. The loop and the
    experiment look at these, and supply it (`baal.active.supply`).

    Args:
        reverse: Whether the highest score is the best to label; True for those of this library.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of all that is random here. Where a call draws anew (`is_random`), None draws from
            NumPy's global state; elsewhere None is 0: the same pool has the same ranks.

    Attributes:
        seed: Of what is random inside of a call, and the same for each call.

    Raises:
        InvalidArgumentError: `mode` is none of these.

    Example:
        >>> class FarFromZero(PoolHeuristic):
        ...     needs_predictions = False
        ...     needs_embeddings = True
        ...     def score_pool(self, pool):
        ...         return np.linalg.norm(pool.embeddings, axis=1)
        >>> FarFromZero()(embeddings=[[1.0, 0.0], [3.0, 4.0]]).tolist()
        [1, 0]
    """

    reversed = True
    needs_whole_pool = True
    has_positions = False
    min_dims = 2

    def __init__(
        self, *, reverse: bool = True, mode: Reading = "auto", seed: int | None = None
    ) -> None:
        super().__init__(reverse=reverse, mode=mode, seed=seed)
        self.reversed = reverse
        self.seed = 0 if seed is None else seed

    def score_pool(self, pool: PoolData) -> Array:
        """Score each item.

        Args:
            pool: What the class attributes ask for, without broken items.

        Returns:
            `[N]`.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `score_pool`.")

    def get_ranks(
        self,
        predictions: Any = None,
        target_predictions: Any = None,  # noqa: ARG002 - the same call for every heuristic
        *,
        embeddings: Any = None,
        gradient_embeddings: Any = None,
        gradient_lengths: Any = None,
        labelled_embeddings: Any = None,
        labelled_predictions: Any = None,
        labelled_targets: Any = None,
    ) -> tuple[IntArray, FloatArray]:
        """Score and rank each item.

        Args:
            predictions: `[N, C, ..., K]`, or batches of it, where the heuristic needs them; else
                only their number is looked at.
            target_predictions: Not used.
            embeddings: `[N, D]`, or batches of it.
            gradient_embeddings: Residuals `[N, C]` and embeddings `[N, D]`.
            gradient_lengths: `[N, C]`.
            labelled_embeddings: `[M, D]`, of items that have labels or wait for them.
            labelled_predictions: `[M, C, ..., K]`.
            labelled_targets: `[M, ...]`.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation with the winner first, `scores[i]`
            belongs to item `i`. An item with values that are not finite has the score NaN, and
            comes last, with a warning.

        Raises:
            InvalidArgumentError: Something that the heuristic needs is missing, shapes do not fit
                together, or predictions are not what `mode` says.
            InvalidTypeError: These are no numbers.
        """
        given = {
            "embeddings": embeddings,
            "gradient_embeddings": gradient_embeddings,
            "gradient_lengths": gradient_lengths,
            "labelled_embeddings": labelled_embeddings,
            "labelled_predictions": labelled_predictions,
            "labelled_targets": labelled_targets,
        }
        pool = self._read(predictions, given)
        finite = pool.finite()
        items = np.flatnonzero(finite)
        scores = np.full(pool.n_items, np.nan)
        if len(items):
            usable = pool if len(items) == pool.n_items else pool.take(items)
            first, scores[items] = self._chosen_and_scores(usable.in_range())
            first = items[first]
        else:
            first = items
        # Scores are in units of embeddings: where all are small, differences between them are too.
        largest = np.abs(scores, where=np.isfinite(scores), out=np.zeros(len(scores))).max(
            initial=0
        )
        units = largest if 0 < largest < 1 else 1.0
        ranks = rank_scores(scores / units, highest_first=self.reversed)
        if len(first):
            ranks = np.concatenate([first, ranks[~np.isin(ranks, first)]])
        return ranks, scores

    def _chosen_and_scores(self, pool: PoolData) -> tuple[IntArray, Array]:
        """Items that come first whatever their scores are, and the scores of all."""
        return np.zeros(0, np.int64), self.score_pool(pool)

    def get_uncertainties(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> FloatArray:
        """The scores of `get_ranks`.

        Args:
            predictions: As there.
            target_predictions: Not used.
            **further: As there.

        Returns:
            `[N]` float64.

        Raises:
            InvalidArgumentError: As there.
            InvalidTypeError: These are no numbers.
        """
        return self.get_ranks(predictions, target_predictions, **further)[1]

    compute_score = get_uncertainties  # there are no positions that a reduction would merge

    def __call__(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> IntArray:
        """The ranks alone, as `get_ranks` gives them with the same arguments."""
        return self.get_ranks(predictions, target_predictions, **further)[0]

    def _read(self, predictions: Any, given: dict[str, Any]) -> PoolData:
        """The arguments, checked against what the heuristic needs; the others are left out."""
        array = read_whole(predictions) if self.needs_predictions else None
        for name in ("embeddings", "gradient_embeddings", "gradient_lengths"):
            if not getattr(self, f"needs_{name}"):
                given[name] = None
            elif given[name] is None:
                raise InvalidArgumentError(
                    f"Expected `{name}` to be given to {type(self).__name__}, which needs them, "
                    "but got None."
                )
        for name in ("labelled_embeddings", "labelled_predictions", "labelled_targets"):
            if not getattr(self, f"takes_{name}"):
                given[name] = None
        labelled = given.pop("labelled_predictions")
        if array is None:
            n_items = None if predictions is None else _length(predictions)
            return read_pool_data(n_items, given)
        array = self._check_dims(array)
        self._warn_if_one_sample(array)
        pool = read_pool_data(len(array), given)
        return self._with_predictions(pool, array, labelled)

    def _with_predictions(self, pool: PoolData, array: Array, labelled: Any) -> PoolData:
        parts: dict[str, Any] = {"predictions": array}
        everything = array
        if labelled is not None:
            parts["labelled_predictions"] = others = read_whole(labelled, "labelled_predictions")
            if others.shape[1:] != array.shape[1:] or not np.isfinite(others).all():
                raise InvalidArgumentError(
                    "Expected `labelled_predictions` to hold finite items like those of "
                    f"`predictions`, {array.shape[1:]}, but got shape {others.shape}"
                    f"{'' if np.isfinite(others).all() else ' with values that are not finite'}."
                )
            everything = np.concatenate([array, others])
        if self.needs_probabilities:
            # One decision on what the values are, for both.
            p = _mean_probabilities(read_probabilities(everything, reading_of(self)))
            parts["probabilities"], parts["labelled_probabilities"] = p[: len(array)], None
            if labelled is not None:
                parts["labelled_probabilities"] = p[len(array) :]
        return PoolData(**{**vars(pool), **parts})


def _length(predictions: Any) -> int:
    """Number of items, whatever they are."""
    return len(read_whole(predictions))


def _mean_probabilities(p: Array) -> Array:
    """`[N, C, ..., K]` to `[N, C]`; a single column is a Bernoulli with two outcomes."""
    p = p.astype(np.float32) if p.dtype == np.float16 else p
    if p.ndim > 2:
        # In float64: whoever chooses a batch tells items apart that differ by less than rounding.
        p = p.reshape(len(p), p.shape[1], p.shape[-1]).mean(axis=-1, dtype=np.float64)
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
