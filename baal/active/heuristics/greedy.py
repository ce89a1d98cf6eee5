"""Which items teach the most together: greedy selection by conditional information gains."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.joint_entropy import (
    Configurations,
    conditional_gains,
    extend,
    no_labels,
    sample_entropies,
)
from baal.active.heuristics.ranking import TIE

__all__ = ["select_batch"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# Items looked at in one go.
CHUNK = 128
# What rounding does to an entropy in float32, for each class that is summed over.
ROUNDING = 1e-7
# Configurations are passed over that leave less to learn than this part of the last gain, and of
# all that is left.
SMALL = 1e-3
# So many configurations are merged for a first look.
MERGED = 8
# In nats: what is left to learn in all is less than this, which is as good as nothing.
LEARNT = 1e-6


def select_batch(
    probabilities: Array,
    n: int,
    max_configurations: int,
    rng: np.random.Generator,
    pending: Array | None = None,
    *,
    lazy: bool = True,
) -> tuple[IntArray, FloatArray]:
    r"""Choose items one by one, each of them the one that adds most to what the batch teaches.

    $$i_b = \arg\max_i\; I[y_i; \theta \mid y_{i_1}, \dots, y_{i_{b-1}}]
          = \arg\max_i\; H[y_i \mid y_{i_1}, \dots] - E_\theta\, H[y_i | \theta]$$

    The sum of the gains is the batch's joint mutual information, and the greedy batch reaches at
    least 1 - 1/e of the best there is. A gain never grows as the batch grows (submodularity), so
    an item's last gain bounds its next one, and only those whose bound exceeds the best gain so
    far are looked at again. Once the labels tell all K samples apart, to within a millionth of a
    nat, the others are taken by their own mutual information, with a gain of 0. Kirsch et al.
    (2019), https://arxiv.org/abs/1906.08158; lazy evaluation by Minoux (1978),
    https://doi.org/10.1007/BFb0006528.

    Args:
        probabilities: Joint posterior samples `[N, C, K]` with C >= 2.
        n: How many items to choose.
        max_configurations: Configurations of labels to keep: exact while there are no more.
        rng: Where configurations are drawn from.
        pending: `[P, C, K]`, items whose labels are on their way: the same samples.
        lazy: False looks at every item at each step, which gives the same batch more slowly.

    Returns:
        `(indices, gains)`, both `[b]`, in order of selection, with `b` the smaller of `n` and the
        number of items whose predictions are finite. Gains in nats; ties go to the lowest index.

    Example:
        >>> item, other = [[1, 0, 1, 0], [0, 1, 0, 1]], [[1, 1, 0, 0], [0, 0, 1, 1]]
        >>> pool = np.array([item, item, other], dtype=np.float64)
        >>> indices, gains = select_batch(pool, 3, 100, np.random.default_rng(0))
        >>> indices.tolist(), gains.round(6).tolist()
        ([0, 2, 1], [0.693147, 0.693147, 0.0])
    """
    search = _Search(probabilities)
    configurations = no_labels(probabilities.shape[-1])
    for item in () if pending is None else pending:
        configurations = extend(configurations, item, max_configurations, rng)
    n = min(n, search.n_left)
    indices, gains = np.zeros(n, np.int64), np.zeros(n)
    for step in range(n):
        indices[step], gains[step] = search.best(configurations, lazy=lazy)
        search.remove(indices[step])
        item = probabilities[indices[step]]
        if step < n - 1:
            configurations = extend(configurations, item, max_configurations, rng)
    return indices, gains


class _Search:
    """The candidates, with upper bounds on their gains: -inf for what cannot be chosen now."""

    def __init__(self, probabilities: Array) -> None:
        self.p = probabilities
        # Evaluated over and over, in float32; what decides in the end is computed in float64.
        self.p32 = np.ascontiguousarray(probabilities, dtype=np.float32)
        with np.errstate(invalid="ignore", over="ignore"):  # broken items
            self.entropies = sample_entropies(self.p32)
            no_label = no_labels(probabilities.shape[-1])
            information = conditional_gains(self.p32, self.entropies, no_label)  # BALD
        finite = np.isfinite(information) & np.isfinite(self.p32).all(axis=(1, 2))
        self.n_left = int(finite.sum())
        self.rounding = ROUNDING * (10 + probabilities.shape[1])
        self.information = np.where(finite, information, -np.inf)
        self.uppers = self.information + self.rounding
        self.last_gain = float(self.uppers.max(initial=0.0))
        # Items alike have gains alike, and the lowest index wins: the others wait for their turn.
        self.next_alike = _next_alike(probabilities, finite)
        self.uppers[self.next_alike[self.next_alike >= 0]] = -np.inf

    def best(self, configurations: Configurations, *, lazy: bool) -> tuple[int, float]:
        """The winner and its gain."""
        undecided, left_out = _undecided(configurations, self.last_gain)
        if not len(undecided.weights):  # nothing is left to learn
            return int(np.argmax(self.information)), 0.0
        near = self._nearest(undecided, left_out, lazy=lazy)
        p = self.p[near].astype(np.float64)
        gains = conditional_gains(p, sample_entropies(p), configurations)
        self.uppers[near] = gains + TIE
        winner = int(np.argmax(gains >= gains.max() - TIE))
        self.last_gain = max(0.0, float(gains[winner]))
        return int(near[winner]), self.last_gain

    def _nearest(self, undecided: Configurations, left_out: float, *, lazy: bool) -> IntArray:
        """The items that may be the best, as far as float32 and some configurations can tell."""
        rounding = self.rounding * float(undecided.weights.sum())
        order = np.argsort(-self.uppers, kind="stable")[: np.count_nonzero(self.uppers > -np.inf)]
        merged = _merged(undecided)
        at_least, looked_at = -np.inf, 0
        while looked_at < len(order):
            items = order[looked_at : looked_at + CHUNK]
            if lazy:
                items = items[self.uppers[items] >= at_least]
            if not len(items):
                break
            looked_at += len(items)
            if lazy:
                gains = conditional_gains(self.p32[items], self.entropies[items], merged)
                self.uppers[items] = np.minimum(self.uppers[items], gains + rounding + left_out)
                items = items[self.uppers[items] >= at_least]
            if len(items):
                gains = conditional_gains(self.p32[items], self.entropies[items], undecided)
                self.uppers[items] = gains + rounding + left_out
                at_least = max(at_least, float(gains.max()) - rounding)
        seen = order[:looked_at]
        return np.sort(seen[self.uppers[seen] >= at_least])

    def remove(self, item: int) -> None:
        """Take the winner out, and let the next item alike take its place."""
        following = self.next_alike[item]
        if following >= 0:
            self.uppers[following] = self.uppers[item]
        self.uppers[item] = self.information[item] = -np.inf


def _undecided(configurations: Configurations, last_gain: float) -> tuple[Configurations, float]:
    """The configurations that leave something to learn, and what the others leave at most."""
    posterior = configurations.posterior
    terms = posterior * np.log(np.maximum(posterior, np.finfo(np.float64).tiny))
    left = configurations.weights * -terms.sum(axis=1)  # [M], bounds what any label would teach
    order = np.argsort(left, kind="stable")
    sums = np.cumsum(left[order])
    # One label may have taught nearly all there was: what it left is small beside it, and still
    # decides what comes next.
    budget = max(SMALL * min(last_gain, float(sums[-1])), LEARNT)
    n_out = int(np.searchsorted(sums, budget, side="right"))
    kept = np.sort(order[n_out:])
    left_out = float(sums[n_out - 1]) if n_out else 0.0
    return Configurations(configurations.weights[kept], posterior[kept]), left_out


def _merged(configurations: Configurations) -> Configurations:
    """Configurations that are much alike in one: gains can only grow by it, as entropy is concave.

    Less evidence about the samples than there is leaves more to learn. Alike are those that favour
    the same two samples as much.
    """
    weights, posterior = configurations.weights, configurations.posterior
    # With one sample nothing is undecided, so that there are two.
    second, first = np.argsort(posterior, axis=1)[:, -2:].T
    order = np.lexsort([posterior.max(axis=1), second, first])
    starts = np.arange(0, len(order), MERGED)
    merged_weights = np.add.reduceat(weights[order], starts)
    sums = np.add.reduceat((weights[:, np.newaxis] * posterior)[order], starts, axis=0)
    return Configurations(merged_weights, sums / merged_weights[:, np.newaxis])


def _next_alike(p: Array, finite: npt.NDArray[np.bool_]) -> IntArray:
    """For each item `[N]` the next one with the very same predictions, or -1."""
    following = np.full(len(p), -1, dtype=np.int64)
    last: dict[int, int] = {}
    for item in np.flatnonzero(finite):
        key = hash(p[item].tobytes())
        before = last.get(key)
        if before is not None and np.array_equal(p[before], p[item]):
            following[before] = item
        last[key] = int(item)
    return following
