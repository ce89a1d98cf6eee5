"""Heuristics for independent labels, of which any number may apply to an item."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics import functional
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading, score_array
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError

__all__ = ["MultiLabelBALD", "MultiLabelEntropy", "MultiLabelHeuristic", "MultiLabelMargin"]

Array = npt.NDArray[Any]


class MultiLabelHeuristic(PointwiseHeuristic):
    """Base of heuristics that score each of `L` independent labels, and then reduce.

    Predictions are `[N, L, ..., K]`: the probability of each label, or its logit, of which the
    logistic function makes a probability. Probabilities sum to nothing here, so that values alone
    cannot tell what they are: `mode` says it.

    Subclasses define `score_probabilities`, which sees each label as a position with a single
    output column.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, L, ...]` to `[N]`, any but "none": the labels have a score each.
        mode: What predictions are: "probabilities" or "logits".
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array.

    Raises:
        InvalidArgumentError: The mode is "auto", the reduction is "none", or an argument is none
            of the above.

    Example:
        >>> class Furthest(MultiLabelHeuristic):
        ...     def score_probabilities(self, probabilities):
        ...         return probabilities[:, 0].max(axis=-1)
        >>> Furthest(reduction="max").get_uncertainties([[0.25, 0.75]]).tolist()
        [0.75]
    """

    needs_independent_labels = True

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "sum",
        *,
        mode: Reading = "probabilities",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        if mode == "auto":
            raise InvalidArgumentError(
                f"Expected `mode` of {type(self).__name__} to be 'probabilities' or 'logits', "
                "which the values of independent labels do not tell, but got 'auto'."
            )
        if reduction == "none":
            raise InvalidArgumentError(
                f"Expected `reduction` of {type(self).__name__} to turn [N, L, ...] into [N], such "
                "as 'mean', but got 'none'."
            )
        super().__init__(shuffle_prop, reduction, mode=mode, seed=seed, threads=threads)

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:  # noqa: ARG002
        """Score each label of each position of each item.

        Args:
            predictions: `[N, L, ..., K]`; `[N, L]` is one sample, for what needs no more.
            target_predictions: Not used.

        Returns:
            `[N, L, ...]` float64.

        Raises:
            InvalidArgumentError: The shape is wrong, or values are not what `mode` says.
            InvalidTypeError: These are no numbers.

        Example:
            >>> MultiLabelMargin().compute_score([[0.5, 1.0]]).tolist()
            [[0.0, 1.0]]
        """
        by_label = self._with_samples(predictions)[:, np.newaxis]  # [N, 1, L, ..., K]
        return score_array(by_label, self.score_probabilities, self._reading(), self.threads)


class MultiLabelBALD(MultiLabelHeuristic):
    r"""Mutual information of the labels and the model's parameters; high is uncertain.

    $$\sum_l H[y_l|x] - E_\theta\, H[y_l|x,\theta]$$

    In nats. Houlsby et al. (2011), https://arxiv.org/abs/1112.5745. By default the sum over the
    labels, an upper bound of what all of them together tell. Predictions are `[N, L, ..., K]`: it
    only exists with posterior samples. Arguments and errors are those of `MultiLabelHeuristic`.

    Example:
        >>> agree, disagree = [[1, 1], [0.5, 0.5]], [[1, 0], [0.5, 0.5]]
        >>> MultiLabelBALD().get_uncertainties([agree, disagree]).round(6).tolist()
        [0.0, 0.693147]
    """

    reversed = True
    min_dims = 3

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.mutual_information` to a block.

        Args:
            probabilities: Probabilities `[n, 1, m, K]`, labels among the positions.

        Returns:
            `[n, m]`, in nats.
        """
        return functional.mutual_information(probabilities)


class MultiLabelEntropy(MultiLabelHeuristic):
    r"""Entropy of the labels' mean predictions; high is uncertain.

    $$-\sum_l \bar p_l \ln \bar p_l + (1 - \bar p_l) \ln (1 - \bar p_l)$$

    In nats. Shannon (1948), https://doi.org/10.1002/j.1538-7305.1948.tb01338.x. By default the sum
    over the labels: the entropy of all, as far as they are independent. Predictions are
    `[N, L, ..., K]` or `[N, L]`. Arguments and errors are those of `MultiLabelHeuristic`.

    Example:
        >>> MultiLabelEntropy().get_uncertainties([[1.0, 0.0], [0.5, 0.5]]).round(6).tolist()
        [0.0, 1.386294]
    """

    reversed = True

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.predictive_entropy` to a block.

        Args:
            probabilities: Probabilities `[n, 1, m, K]`, labels among the positions.

        Returns:
            `[n, m]`, in nats.
        """
        return functional.predictive_entropy(probabilities)


class MultiLabelMargin(MultiLabelHeuristic):
    r"""Lead of the likelier outcome over the other, mean of the labels; low is uncertain.

    $$\tfrac 1L \sum_l |2 \bar p_l - 1|$$

    Scheffer et al. (2001), https://doi.org/10.1007/3-540-44816-0_31; for several labels Esuli and
    Sebastiani (2009), https://doi.org/10.1007/978-3-642-00958-7_12, where `reduction="min"`, the
    label one is least sure of, is an alternative to the mean. Predictions are `[N, L, ..., K]` or
    `[N, L]`.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, L, ...]` to `[N]`, any but "none".
        mode: What predictions are: "probabilities" or "logits".
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array.

    Raises:
        InvalidArgumentError: As for `MultiLabelHeuristic`.

    Example:
        >>> MultiLabelMargin().get_uncertainties([[1.0, 0.0], [0.5, 0.0]]).tolist()
        [1.0, 0.5]
    """

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "mean",
        *,
        mode: Reading = "probabilities",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(shuffle_prop, reduction, mode=mode, seed=seed, threads=threads)

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.margin` to a block.

        Args:
            probabilities: Probabilities `[n, 1, m, K]`, labels among the positions.

        Returns:
            `[n, m]`.
        """
        return functional.margin(probabilities)
