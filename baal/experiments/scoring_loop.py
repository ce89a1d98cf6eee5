"""The loop as an experiment needs it: tried out when it is built, and with the scores at hand."""

from dataclasses import replace
from typing import Any

import numpy.typing as npt

from baal.active.active_loop import ActiveLearningLoop, Proposal
from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.dataset.pool import ActivePool
from baal.active.supply import Context, supply
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.arrays import first_items, is_pair, n_items
from baal.experiments.plain_state import load_generators, plain_generators
from baal.utils.random_states import kept_random_states

__all__ = ["ScoringLoop"]

PROBED_ITEMS = 4


class ScoringLoop(ActiveLearningLoop):
    """An `ActiveLearningLoop` for datasets whose items have labels already.

    Raises:
        StateError: The dataset stores labels that somebody has to give.

    Example:
        >>> import numpy as np
        >>> from baal.active.heuristics import Margin
        >>> x, y = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]]), np.array([0, 1, 1])
        >>> loop = ScoringLoop(ActiveNumpyArray((x, y)), lambda pool: pool[0], Margin())
        >>> proposal, scores = loop.scored_query()
        >>> proposal.dataset_indices.tolist(), scores.round(3).tolist()
        ([1], [0.8, 0.0, 0.2])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.dataset.can_label and not isinstance(self.dataset, ActiveNumpyArray):
            raise StateError(
                "Expected `al_dataset` to have items with labels already, but got one that stores "
                "the labels it is given: nobody is there to give them."
            )

    def scored_query(self) -> tuple[Proposal, npt.NDArray[Any]]:
        """As `query`, with all scores.

        Returns:
            The proposal, and the scores of the pool, or of the part of it that was drawn, `[n]`.
        """
        proposal, _, scores = self._query(None)
        return proposal, scores

    def probe(self) -> None:
        """Predict and score a few items, and change nothing by it.

        Raises:
            InvalidArgumentError: There are more or fewer predictions than items.
            Exception: Whatever the model or the heuristic raises.
        """
        n = min(PROBED_ITEMS, self.dataset.n_unlabelled)
        if n == 0:
            return
        states = plain_generators(self.heuristic)
        with kept_random_states():  # the first look at a pool reads items too
            pool = self.dataset.pool
            if not isinstance(pool, ActivePool) and not is_pair(pool):
                return
            try:
                found = self._try_out(first_items(pool, n), n)
            finally:
                load_generators(self.heuristic, states)
        if found != n:
            raise InvalidArgumentError(
                f"Expected `trainer` to give a prediction for each item, but got {found} for {n}"
            )
        self._warn_if_not_joint()

    def _try_out(self, few: Any, n: int) -> int:
        """Predict and score n items; gives the number of ranks."""
        predictions, targets = self._predict(few, n), self.target_dataset
        if predictions is None:
            return 0
        if targets is not None:
            targets = first_items(targets, min(n, n_items(targets)))
        sources = replace(self._sources, target_dataset=targets)
        predictions, further = supply(self.heuristic, sources, few, predictions, Context())
        return len(self.heuristic.get_ranks(predictions, **further)[0])
