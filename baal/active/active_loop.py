"""One step of active learning: score the pool, or a random part of it, and label the winners."""

import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Subset

from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.pool import pool_indices_of
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Random
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.log_configuration import get_logger

__all__ = ["ActiveLearningLoop", "Proposal"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Proposal:
    """Items to label next, best first; nothing is labelled yet.

    Attributes:
        dataset_indices: Their positions in the underlying dataset, which never change, `[q]`.
        pool_indices: Their positions in the pool as it is now, `[q]`: what `label` takes.
        scores: The heuristic's score of each, `[q]`.

    Example:
        >>> none = np.zeros(0, dtype=np.int64)
        >>> len(Proposal(none, none, np.zeros(0)))
        0
    """

    dataset_indices: IntArray
    pool_indices: IntArray
    scores: npt.NDArray[np.floating[Any]]

    def __len__(self) -> int:
        """Number of items proposed."""
        return len(self.pool_indices)


class ActiveLearningLoop:
    """Asks a model about the pool, a heuristic about the answers, and labels the best.

    Args:
        dataset: What is labelled and what is not.
        get_probabilities: Called as `get_probabilities(pool, **kwargs)`; gives the posterior
            samples of the pool's items in their order: an array `[n, C, ..., K]`, a list of them
            (several outputs), or a generator of batches of either. Not called for a heuristic that
            needs no predictions.
        heuristic: Scores and ranks; `Random()` by default.
        query_size: Number of items to label in a step; with 0 nothing happens.
        max_sample: Score a random subset of that many items instead of the whole pool; -1 for all.
            Drawn from the dataset's own random state.
        uncertainty_folder: Where `step` writes the scores of each step, as pickles, for scripts
            that expect them from BaaL 2.1. The library itself never reads them.
        ndata_to_label: Deprecated name of `query_size`.
        **kwargs: Passed on to `get_probabilities`.

    Raises:
        InvalidArgumentError: `query_size` is negative, or `max_sample` neither -1 nor positive.
        InvalidTypeError: One of them is no whole number.

    Example:
        >>> from baal.active.dataset import ActiveNumpyArray
        >>> from baal.active.heuristics import Margin
        >>> x, y = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]]), np.array([0, 1, 1])
        >>> dataset = ActiveNumpyArray((x, y))
        >>> loop = ActiveLearningLoop(dataset, lambda pool: pool[0], Margin())
        >>> loop.query().dataset_indices
        array([1])
        >>> loop.step(), dataset.labelled
        (True, array([False,  True, False]))
    """

    def __init__(
        self,
        dataset: SplittedDataset,
        get_probabilities: Callable[..., Any],
        heuristic: AbstractHeuristic | None = None,
        query_size: int = 1,
        max_sample: int = -1,
        uncertainty_folder: str | Path | None = None,
        ndata_to_label: int | None = None,
        **kwargs: Any,
    ) -> None:
        if ndata_to_label is not None:
            warnings.warn(
                "`ndata_to_label` is deprecated, use `query_size`.",
                DeprecationWarning,
                stacklevel=2,
            )
            query_size = ndata_to_label
        _check_whole_number("query_size", query_size)
        _check_whole_number("max_sample", max_sample)
        if query_size < 0:
            raise InvalidArgumentError(
                f"Expected `query_size` to be 0 or more, but got {query_size}"
            )
        if max_sample != -1 and max_sample < 1:
            raise InvalidArgumentError(
                f"Expected `max_sample` to be -1 (no limit) or positive, but got {max_sample}"
            )
        self.dataset = dataset
        self.get_probabilities = get_probabilities
        self.heuristic = Random() if heuristic is None else heuristic
        self.query_size = int(query_size)
        self.max_sample = int(max_sample)
        self.uncertainty_folder = None if uncertainty_folder is None else Path(uncertainty_folder)
        self.kwargs = kwargs

    def query(self, pool: Any = None) -> Proposal:
        """Score the pool and propose the best items, without labelling anything.

        Args:
            pool: Restricts the query to the items of a `torch.utils.data.Subset` of
                `dataset.pool`; by default the whole pool.

        Returns:
            At most `query_size` items, best first. None at all when the pool is empty or
            `get_probabilities` gives nothing.

        Raises:
            InvalidArgumentError: `pool` is no subset of the dataset's pool, or there are more or
                fewer predictions than items.
        """
        return self._query(pool)[0]

    def step(self, pool: Any = None) -> bool:
        """Label the items that `query` proposes.

        Args:
            pool: As in `query`.

        Returns:
            Whether anything was labelled.

        Raises:
            InvalidArgumentError: As in `query`.
        """
        proposal, scored, scores = self._query(pool)
        if len(proposal) == 0:
            return False
        if self.uncertainty_folder is not None:
            self._write_uncertainty(scored, scores)
        self.dataset.label(proposal.pool_indices)
        get_logger().info(
            "items labelled",
            n=len(proposal),
            n_labelled=self.dataset.n_labelled,
            n_pool=self.dataset.n_unlabelled,
        )
        return True

    def _query(self, pool: Any) -> tuple[Proposal, IntArray | None, npt.NDArray[Any]]:
        """The proposal, the pool indices scored (None: all, in order), and their scores."""
        nothing = np.zeros(0, dtype=np.int64)
        none_at_all = Proposal(nothing, nothing, np.zeros(0)), None, np.zeros(0)
        if self.query_size == 0 or self.dataset.n_unlabelled == 0:
            return none_at_all
        pool, candidates = self._candidates(pool)
        n = self.dataset.n_unlabelled if candidates is None else len(candidates)
        if n == 0:
            return none_at_all
        predictions = self._predict(pool, n)
        if predictions is None:
            return none_at_all
        ranks, scores = self.heuristic.get_ranks(predictions)
        if len(ranks) != n:
            raise InvalidArgumentError(
                f"Expected `get_probabilities` to give predictions for the {n} items of its pool, "
                f"in order, but got {len(ranks)}"
            )
        # Ranks are relative to what was scored: back to the pool before anything else is done.
        best = np.asarray(ranks[: self.query_size], dtype=np.int64)
        pool_indices = best if candidates is None else candidates[best]
        dataset_indices = self.dataset.pool_to_dataset_index(pool_indices)
        proposal = Proposal(np.asarray(dataset_indices), pool_indices, np.asarray(scores)[best])
        return proposal, candidates, np.asarray(scores)

    def _candidates(self, pool: Any) -> tuple[Any, IntArray | None]:
        """What to predict on, and its pool indices `[n]`; None where it is the whole pool."""
        whole = self.dataset.pool
        candidates = None if pool is None else np.asarray(pool_indices_of(pool, whole))
        n = self.dataset.n_unlabelled if candidates is None else len(candidates)
        pool = whole if pool is None else pool
        if self.max_sample == -1 or self.max_sample >= n:
            return pool, candidates
        drawn = np.sort(self.dataset.random_state.choice(n, self.max_sample, replace=False))
        drawn = drawn.astype(np.int64, copy=False)
        return _take(pool, drawn), drawn if candidates is None else candidates[drawn]

    def _predict(self, pool: Any, n: int) -> Any:
        """Predictions for the n items of `pool`, or None when there are none."""
        if not self.heuristic.needs_predictions:
            return np.zeros((n, 1))  # of which only the length is read
        predictions = self.get_probabilities(pool, **self.kwargs)
        if isinstance(predictions, Iterator):
            first = next(predictions, None)
            return None if first is None else chain([first], predictions)
        return None if predictions is None or len(predictions) == 0 else predictions

    def _write_uncertainty(self, scored: IntArray | None, scores: npt.NDArray[Any]) -> None:
        assert self.uncertainty_folder is not None
        self.uncertainty_folder.mkdir(parents=True, exist_ok=True)
        n_pool, n_labelled = self.dataset.n_unlabelled, self.dataset.n_labelled
        path = self.uncertainty_folder / f"uncertainty_pool={n_pool}_labelled={n_labelled}.pkl"
        content = {
            "indices": scored,
            "uncertainty": scores,
            "dataset": self.dataset.state_dict(),
        }
        partial = path.with_suffix(".tmp")
        partial.write_bytes(pickle.dumps(content))
        partial.replace(path)


def _check_whole_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidTypeError(f"Expected `{name}` to be an int, but got {value!r}")


def _take(pool: Any, indices: IntArray) -> Any:
    """The items `indices` of a pool: a map-style dataset, or a tuple of arrays."""
    if isinstance(pool, tuple):
        return tuple(part[indices] for part in pool)
    return Subset(pool, indices.tolist())
