"""One step of active learning: score the pool, or a random part of it, and label the winners."""

import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Subset

from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.dataset.pool import ActivePool, pool_indices_of
from baal.active.dataset.random_state import draw_distinct
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Random
from baal.active.sources import Sources, asks_for
from baal.active.supply import context_of, supply
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.utils.frames import level_outside_baal
from baal.utils.log_configuration import get_logger

__all__ = ["ActiveLearningLoop", "Proposal"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Proposal:
    """Items to label next, best first; nothing is labelled yet.

    Attributes:
        dataset_indices: Their positions in the underlying dataset, `[q]`. They never change: pass
            them to `label_dataset_indices`, all at once or as the answers come in.
        pool_indices: Their positions in the pool that was scored, `[q]`; valid only until the
            next label.
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
        target_dataset: Inputs like those that the model will be used on, for heuristics that ask
            for them, such as `EPIG`: `get_probabilities` is called for them too, after the pool.
            None: the heuristic does without.
        get_embeddings: For heuristics that ask for embeddings, such as `CoreSet`: called as
            `get_embeddings(pool)`, and with the labelled items in the pool's form; gives `[n, D]`.
            None: `embed_on_dataset` of the wrapper whose method `get_probabilities` is.
        **kwargs: Passed on to `get_probabilities`.

    Raises:
        InvalidArgumentError: `query_size` is negative, `max_sample` neither -1 nor positive, or
            `heuristic` asks for embeddings and nobody gives them.
        InvalidTypeError: One of them is no whole number, `dataset` keeps no labels,
            `get_probabilities` cannot be called, or `heuristic` is none.

    Warns:
        UserWarning: `heuristic` plans a batch, as `CoreSet` does, of fewer items than `query_size`.

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
        *,
        target_dataset: Any = None,
        get_embeddings: Callable[[Any], Any] | None = None,
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
        _check_parts(dataset, get_probabilities, heuristic)
        self.dataset = dataset
        self.get_probabilities = get_probabilities
        self.heuristic = Random() if heuristic is None else heuristic
        self.query_size = int(query_size)
        self.max_sample = int(max_sample)
        self.uncertainty_folder = None if uncertainty_folder is None else Path(uncertainty_folder)
        self.target_dataset = target_dataset
        self.get_embeddings = get_embeddings
        self.kwargs = kwargs
        self._warned_of_samples = False
        self._sources.check(self.heuristic)
        self._warn_of_small_plan()

    def query(self, pool: Any = None) -> Proposal:
        """Score the pool and propose the best items, without labelling anything.

        Items that were proposed and not yet answered, or cannot be labelled, are left out.

        Args:
            pool: Restricts the query to the items of a `torch.utils.data.Subset` of
                `dataset.pool`; by default the whole pool.

        Returns:
            At most `query_size` items, best first; those whose score is not finite are left out.
            None at all when the pool is empty or `get_probabilities` gives nothing.

        Raises:
            InvalidArgumentError: `pool` is no subset of the dataset's pool, or there are more or
                fewer predictions than items.
            StateError: No score is finite.
        """
        return self._query(pool)[0]

    def ask(self, pool: Any = None) -> Proposal:
        """Propose items as `query` does, and set them down as asked for.

        They are pending: no query proposes them again, until `dataset.answer`, `dataset.withdraw`
        or `dataset.cannot_label` says what became of them. A dataset with a label store remembers
        them from one process to the next. What somebody else has asked for or labelled while the
        pool was scored is left out.

        Args:
            pool: As in `query`.

        Returns:
            As `query`.

        Raises:
            InvalidArgumentError: As in `query`.
            StateError: As in `query`.
        """
        proposal = self.query(pool)
        self.dataset.refresh()
        proposal = self._still_askable(proposal)
        if len(proposal):
            self.dataset.propose(proposal.dataset_indices, proposal.scores)
        return proposal

    def _still_askable(self, proposal: Proposal) -> Proposal:
        """Without what was labelled, proposed or ruled out since the query began."""
        indices = proposal.dataset_indices
        waiting = (self.dataset.pending_indices, self.dataset.impossible_indices)
        taken = self.dataset.labelled[indices] | np.isin(indices, np.concatenate(waiting))
        if not taken.any():
            return proposal
        return Proposal(indices[~taken], proposal.pool_indices[~taken], proposal.scores[~taken])

    def step(self, pool: Any = None) -> bool:
        """Label the items that `query` proposes.

        Args:
            pool: As in `query`.

        Returns:
            Whether anything was labelled.

        Raises:
            InvalidArgumentError: As in `query`.
            StateError: As in `query`, or the dataset stores labels that somebody has to give.
        """
        if getattr(self.dataset, "can_label", False) and not isinstance(
            self.dataset, ActiveNumpyArray
        ):
            raise StateError(
                "Expected a dataset whose items have labels already to call `step()`, but got one "
                "that stores the labels it is given. Ask with `ask()`, then pass the answers to "
                "`dataset.answer(proposal.dataset_indices, answers)`."
            )
        proposal, scored, scores = self._query(pool)
        if len(proposal) == 0:
            return False
        path, content = self._uncertainty(scored, scores)
        self.dataset.label_dataset_indices(proposal.dataset_indices)
        if path is not None:
            _write_whole(path, content)
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
        self.dataset.refresh()  # somebody else may have answered meanwhile
        if self.query_size == 0 or self.dataset.n_unlabelled == 0:
            return none_at_all
        # What the pool's positions mean is taken down before predicting, which may take hours: a
        # label given meanwhile shifts nothing.
        whole = self.dataset.pool
        in_pool = (
            whole.dataset_indices
            if isinstance(whole, ActivePool)
            else np.flatnonzero(~self.dataset.labelled)
        )
        context = context_of(self.dataset, self.heuristic)
        pool, candidates = self._candidates(pool, whole)
        n = self.dataset.n_unlabelled if candidates is None else len(candidates)
        if n == 0:
            return none_at_all
        predictions = self._predict(pool, n)
        if predictions is None:
            return none_at_all
        predictions, further = supply(self.heuristic, self._sources, pool, predictions, context)
        ranks, scores = self.heuristic.get_ranks(predictions, **further)
        self._warn_if_not_joint()
        if len(ranks) != n:
            raise InvalidArgumentError(
                f"Expected `get_probabilities` to give predictions for the {n} items of its pool, "
                f"in order, but got {len(ranks)}"
            )
        # Ranks are relative to what was scored: back to the pool before anything else is done.
        scores, ranks = np.asarray(scores), np.asarray(ranks, dtype=np.int64)
        usable = ranks[np.isfinite(scores[ranks])]
        if not len(usable):
            raise StateError(
                f"Expected at least one finite score among those of the {n} items that were "
                "scored, but got none: look for NaN in the predictions."
            )
        best = usable[: self.query_size]
        pool_indices = best if candidates is None else candidates[best]
        dataset_indices = in_pool[pool_indices].astype(np.int64, copy=False)
        return Proposal(dataset_indices, pool_indices, scores[best]), candidates, scores

    @property
    def _sources(self) -> Sources:
        """Where predictions and embeddings come from."""
        return Sources(
            partial(self.get_probabilities, **self.kwargs),
            # Such as a ModelWrapper, whose method `get_probabilities` is.
            getattr(self.get_probabilities, "__self__", self.get_probabilities),
            self.get_embeddings,
            self.target_dataset,
            {name: value for name, value in self.kwargs.items() if name == "verbose"},
        )

    def _warn_of_small_plan(self) -> None:
        """When built: what is taken beyond the heuristic's batch was not chosen to go with it."""
        if not asks_for(self.heuristic, "plans_batch"):
            return
        planned = getattr(self.heuristic, "query_size", self.query_size)
        if planned < self.query_size:
            warnings.warn(
                f"Expected the `query_size` of {type(self.heuristic).__name__} to be the "
                f"{self.query_size} items that are labelled at once, or more, but got {planned}: "
                "only so many are chosen to be good together, and the others one by one.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )

    def _warn_if_not_joint(self) -> None:
        """Once: the heuristic asks what labels have to do with each other, and samples do not say.

        Called after predicting, since only then the predictor knows.
        """
        needed = getattr(self.heuristic, "needs_joint_samples", False)
        is_joint = getattr(self._sources.predictor, "samples_are_joint", None)
        if needed and is_joint is False and not self._warned_of_samples:
            self._warned_of_samples = True
            warnings.warn(
                f"{type(self.heuristic).__name__} is only defined on joint samples, where sample k "
                "is the same function for every item, but got samples that are not: patch the "
                "model by baal.bayesian.consistent_dropout or baal.bayesian.weight_drop instead.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )

    def _candidates(self, pool: Any, whole: Any) -> tuple[Any, IntArray | None]:
        """What to predict on, and its pool indices `[n]`; None where it is the whole pool."""
        candidates = None if pool is None else np.asarray(pool_indices_of(pool, whole))
        pool = whole if pool is None else pool
        if self.dataset.n_askable < self.dataset.n_unlabelled:
            askable = self.dataset.askable
            candidates = askable if candidates is None else np.intersect1d(candidates, askable)
            pool = _take(whole, candidates)
        n = self.dataset.n_unlabelled if candidates is None else len(candidates)
        if self.max_sample == -1 or self.max_sample >= n:
            return pool, candidates
        drawn = np.sort(draw_distinct(self.dataset.random_state, n, self.max_sample))
        return _take(pool, drawn), drawn if candidates is None else candidates[drawn]

    def _predict(self, pool: Any, n: int) -> Any:
        """Predictions for the n items of `pool`, or None when there are none."""
        if not getattr(self.heuristic, "needs_predictions", True):
            return np.zeros((n, 1))  # of which only the length is read
        predictions = self.get_probabilities(pool, **self.kwargs)
        if isinstance(predictions, Iterator):
            first = next(predictions, None)
            return None if first is None else chain([first], predictions)
        return None if predictions is None or len(predictions) == 0 else predictions

    def _uncertainty(
        self, scored: IntArray | None, scores: npt.NDArray[Any]
    ) -> tuple[Path | None, dict[str, Any]]:
        """Where the scores of this step go, if anywhere, and what goes there."""
        if self.uncertainty_folder is None:
            return None, {}
        n_pool, n_labelled = self.dataset.n_unlabelled, self.dataset.n_labelled
        path = self.uncertainty_folder / f"uncertainty_pool={n_pool}_labelled={n_labelled}.pkl"
        state = self.dataset.state_dict()  # a copy: what is labelled next does not show in it
        return path, {"indices": scored, "uncertainty": scores, "dataset": state}


def _write_whole(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    partial.write_bytes(pickle.dumps(content))
    partial.replace(path)


def _check_parts(dataset: Any, get_probabilities: Any, heuristic: Any) -> None:
    """Refuse here what would fail only after hours of predicting."""
    if not hasattr(dataset, "n_unlabelled"):
        raise InvalidTypeError(
            "Expected `dataset` to be an active dataset, such as ActiveLearningDataset, "
            f"but got {type(dataset).__name__}"
        )
    if not callable(get_probabilities):
        raise InvalidTypeError(
            "Expected `get_probabilities` to be callable, such as `wrapper.predict_on_dataset`, "
            f"but got {type(get_probabilities).__name__}"
        )
    if heuristic is None:
        return
    if isinstance(heuristic, type) or not hasattr(heuristic, "get_ranks"):
        raise InvalidTypeError(
            "Expected `heuristic` to be a heuristic, such as `BALD()` or `get_heuristic('bald')`, "
            f"but got {heuristic!r}"
        )


def _check_whole_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidTypeError(f"Expected `{name}` to be an int, but got {value!r}")


def _take(pool: Any, indices: IntArray) -> Any:
    """The items `indices` of a pool: a map-style dataset, or a tuple of arrays."""
    if isinstance(pool, tuple):
        return tuple(part[indices] for part in pool)
    return Subset(pool, indices.tolist())
