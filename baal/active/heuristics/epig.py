"""EPIG: what an item's label would tell about predictions on the inputs one cares for."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_of
from baal.active.heuristics.information import (
    gaussian_predictive_information,
    predictive_information,
)
from baal.active.heuristics.predictions import as_array, join, read_whole
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.regression import check_gaussians, split_gaussians
from baal.active.heuristics.scoring import Reading, read_probabilities
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError

__all__ = ["EPIG", "MAX_DEFAULT_TARGETS", "GaussianEPIG"]

Array = npt.NDArray[Any]

MAX_DEFAULT_TARGETS = 1000
"""Where no targets are given, so many items of the pool stand for them, evenly spaced."""


class EPIG(AbstractHeuristic):
    r"""Expected predictive information gain; high is uncertain.

    $$E_{x_*}\, I[y;y_*|x,x_*]$$

    In nats. Bickford Smith et al. (2023), https://arxiv.org/abs/2304.08151. BALD also asks for
    labels that tell of parameters which no prediction needs, as those of outliers in the pool do;
    EPIG asks for those that tell of the predictions on `target_predictions`, inputs as one will
    meet them in use. Without targets the pool itself is the target: all of it, or 1,000 items at
    even spaces if it has more.

    Predictions are joint posterior samples `[N, C, K]`: sample `k` is the same function for every
    item and target. Items with several positions have no score here.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reverse: Without effect, for scripts of BaaL: high is always uncertain.
        reduction: Accepted for uniformity; there is one score for each item.
        mode: What predictions are: "probabilities", "logits", or "auto". Targets are read by
            the same mode; "auto" looks at either alone.
        seed: Of the shuffling. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An argument is none of the above.

    Example:
        >>> item, outlier = [[1, 0, 1, 0], [0, 1, 0, 1]], [[1, 1, 0, 0], [0, 0, 1, 1]]
        >>> ranks, scores = EPIG().get_ranks([outlier, item], target_predictions=[item])
        >>> ranks.tolist(), scores.round(6).tolist()
        ([1, 0], [0.0, 0.693147])
    """

    reversed = True
    needs_target_predictions = True
    needs_joint_samples = True
    needs_probabilities = True
    has_positions = False
    min_dims = 3

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reverse: bool = False,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(shuffle_prop, reverse, reduction, mode=mode, seed=seed)

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:
        """Score each item.

        Args:
            predictions: `[N, C, K]`.
            target_predictions: `[T, C, K]`, or batches of it; None: the pool.

        Returns:
            `[N]` float64, in nats.

        Raises:
            InvalidArgumentError: The shape is wrong, targets have another number of classes or
                samples or no finite item, or values are not what `mode` says.
            InvalidTypeError: These are no numbers.

        Example:
            >>> item = [[1, 0], [0, 1]]
            >>> EPIG().compute_score([item], [item]).round(6).tolist()
            [0.693147]
        """
        pool = self._check_dims(as_array(predictions))
        if target_predictions is None:
            targets = _spaced_out(pool)
        else:
            targets = self._check_targets(pool, target_predictions)
        if len(pool) == 0:
            return np.zeros(0)
        p, q = (_one_position(array) for array in self._read(pool, targets))
        if not np.isfinite(q).all():
            raise InvalidArgumentError(
                "Expected `target_predictions` to be what `predictions` are, but got values that "
                f"have no score in {type(self).__name__}."
            )
        finite = np.isfinite(p).all(axis=(1, 2))
        scores = np.full(len(p), np.nan)
        if finite.any():
            scores[finite] = self._information(p[finite], q)
        return scores

    def get_uncertainties_generator(
        self, predictions: Iterable[Any], target_predictions: Any = None
    ) -> Array:
        """Score each item of an iterable of batches, in constant memory if targets are given.

        Args:
            predictions: Batches `[B, C, K]` of any sizes.
            target_predictions: `[T, C, K]`, or batches of it; None: the pool.

        Returns:
            `[N]` float64, in nats.

        Raises:
            InvalidArgumentError: There is no batch, or as for `compute_score`.
            InvalidTypeError: These are no numbers.
        """
        if target_predictions is None:
            return self.get_uncertainties(join(predictions))
        return super().get_uncertainties_generator(predictions, target_predictions)

    def _targets(self, target_predictions: Any) -> Array | None:
        return None if target_predictions is None else super()._targets(target_predictions)

    def _check_targets(self, pool: Array, target_predictions: Any) -> Array:
        targets = read_whole(target_predictions, "target_predictions")
        if targets.shape[1:] != pool.shape[1:]:
            raise InvalidArgumentError(
                "Expected `target_predictions` to hold items like those of `predictions`, "
                f"{pool.shape[1:]}, by the same posterior samples, but got shape {targets.shape}."
            )
        if not len(targets) or not np.isfinite(targets).all():
            raise InvalidArgumentError(
                "Expected `target_predictions` to hold at least one item and nothing but finite "
                f"values, but got shape {targets.shape}"
                + (" with values that are not finite." if len(targets) else ".")
            )
        return targets

    def _read(self, pool: Array, targets: Array) -> tuple[Array, Array]:
        """Both as probabilities."""
        # What was decided on the blocks of an iterable says nothing of the targets.
        return read_probabilities(pool, reading_of(self)), read_probabilities(targets, self.mode)

    def _information(self, predictions: Array, targets: Array) -> Array:
        return predictive_information(predictions, targets)


class GaussianEPIG(EPIG):
    r"""Expected predictive information gain for regression; high is uncertain.

    $$-\tfrac 12 E_{x_*} \ln(1 - \rho^2(x, x_*))$$

    In nats, see `information.gaussian_predictive_information`. Bickford Smith et al. (2023),
    https://arxiv.org/abs/2304.08151. Predictions and targets are `[N, 2 D, K]`, as for
    `GaussianBALD`: D means, then D (log-)variances. Outputs are summed, as if independent.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reverse: Without effect: high is always uncertain.
        reduction: Accepted for uniformity; there is one score for each item.
        log_variance: Whether the model gives the logarithm of the variance, as most do.
        mode: Accepted for uniformity: outputs are taken as they come.
        seed: Of the shuffling. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An argument is none of the above.

    Example:
        >>> item, other = [[-1.0, 1.0], [0.0, 0.0]], [[3.0, 3.0], [0.0, 0.0]]
        >>> GaussianEPIG()([other, item], target_predictions=[item]).tolist()
        [1, 0]
    """

    needs_probabilities = False
    needs_variances = True

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reverse: bool = False,
        reduction: str | Reduction = "none",
        *,
        log_variance: bool = True,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(shuffle_prop, reverse, reduction, mode=mode, seed=seed)
        self.log_variance = log_variance

    def _check_dims(self, predictions: Array) -> Array:
        return check_gaussians(super()._check_dims(predictions), type(self).__name__)

    def _read(self, pool: Array, targets: Array) -> tuple[Array, Array]:
        """Both with variances, NaN where they are none."""
        return self._with_variances(pool), self._with_variances(targets)

    def _with_variances(self, predictions: Array) -> Array:
        means, variances = split_gaussians(predictions, log_variance=self.log_variance)
        return np.concatenate([means, np.where(variances < 0, np.nan, variances)], axis=1)

    def _information(self, predictions: Array, targets: Array) -> Array:
        return gaussian_predictive_information(predictions, targets)


def _one_position(p: Array) -> Array:
    """`[N, C, 1, K]` or the like to `[N, C, K]`, contiguous."""
    return np.ascontiguousarray(p).reshape(len(p), p.shape[1], p.shape[-1])


def _spaced_out(pool: Array) -> Array:
    """The pool's finite items, or some of them at even spaces."""
    finite = np.flatnonzero(np.isfinite(pool).all(axis=tuple(range(1, pool.ndim))))
    n = min(len(finite), MAX_DEFAULT_TARGETS)
    places = np.arange(n) * len(finite) // max(1, n)
    return pool[finite[places]]
