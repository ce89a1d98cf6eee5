"""Stop by what the model says: it is sure of the pool, or changes its mind no more."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.dataset.base import SplittedDataset
from baal.active.stopping_criteria.base import Metrics, StoppingCriterion, check_whole_number
from baal.exceptions import InvalidArgumentError
from baal.utils.predictive import cohen_kappa, predicted_labels

__all__ = ["LowAverageUncertaintyStoppingCriterion", "StabilizingPredictionsStoppingCriterion"]


class LowAverageUncertaintyStoppingCriterion(StoppingCriterion):
    """Stops when the pool's mean score falls below a threshold.

    Of heuristics whose high scores mean uncertain, such as BALD and Entropy. Scores that are not
    finite do not count.

    Args:
        active_dataset: What is being labelled.
        avg_uncertainty_thresh: The threshold, in the unit of the scores.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b", "c"])
        >>> criterion = LowAverageUncertaintyStoppingCriterion(dataset, 0.5)
        >>> criterion.should_stop({}, np.array([0.1, 0.8])), criterion.should_stop({}, iter([0.9]))
        (True, False)
    """

    def __init__(self, active_dataset: SplittedDataset, avg_uncertainty_thresh: float) -> None:
        super().__init__(active_dataset)
        self.avg_uncertainty_thresh = float(avg_uncertainty_thresh)

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the mean of the scores is low.

        Args:
            metrics: Not looked at.
            uncertainty: Scores: an array `[N]`, or an iterable of arrays or numbers, which is read
                in constant memory.

        Returns:
            True if it is below the threshold; False if there is no score.
        """
        parts = [uncertainty] if hasattr(uncertainty, "__array__") else uncertainty
        total, count = 0.0, 0
        for part in parts:
            values = np.asarray(part, dtype=np.float64)
            finite = values[np.isfinite(values)]
            total, count = total + float(finite.sum()), count + finite.size
        return count > 0 and total / count < self.avg_uncertainty_thresh


class StabilizingPredictionsStoppingCriterion(StoppingCriterion):
    """Stops when the models of successive rounds label a fixed set of inputs alike.

    The agreement of each model with the one before is Cohen's kappa; its mean over the last rounds
    decides. No labels are needed. Bloodgood & Vijay-Shanker (2009),
    https://aclanthology.org/W09-1107.

    Args:
        active_dataset: What is being labelled.
        stop_set: Inputs, the more the better (the authors take 2,000), for a classifier.
        threshold: Stop at this mean agreement.
        window: Number of agreements in the mean.

    Raises:
        InvalidArgumentError: `window` is below 1, or `stop_set` empty.
        InvalidTypeError: It is no whole number.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b"])
        >>> criterion = StabilizingPredictionsStoppingCriterion(dataset, ["c", "d"], window=1)
        >>> stops = []
        >>> for p in ([[[0.9], [0.1]], [[0.9], [0.1]]], [[[0.9], [0.1]], [[0.3], [0.7]]]):
        ...     criterion.see_model(lambda stop_set: np.array(p))
        ...     stops.append(criterion.should_stop({}))
        >>> stops
        [False, False]
    """

    needs_uncertainty = False

    def __init__(
        self,
        active_dataset: SplittedDataset,
        stop_set: Any,
        threshold: float = 0.99,
        window: int = 3,
    ) -> None:
        super().__init__(active_dataset)
        if hasattr(stop_set, "__len__") and len(stop_set) == 0:
            raise InvalidArgumentError("Expected `stop_set` to have items, but got an empty one")
        self._stop_set = (stop_set,)  # in a tuple it is no plain data, whatever it is
        self.threshold = float(threshold)
        self.window = check_whole_number("window", window, least=1)
        self._labels: npt.NDArray[np.int64] | None = None
        self._kappas: list[float] = []

    def see_model(self, predict: Callable[[Any], Any]) -> None:
        """Label the stop set, and compare with the round before.

        Args:
            predict: Called with the stop set; gives its posterior samples, `[N, C, ..., K]` or
                batches of them.
        """
        labels = predicted_labels(predict(self._stop_set[0]))
        if self._labels is not None:
            self._kappas = [*self._kappas, cohen_kappa(self._labels, labels)][-self.window :]
        self._labels = labels

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether predictions have come to rest.

        Args:
            metrics: Not looked at.
            uncertainty: Not looked at.

        Returns:
            True if so; False before `window + 1` models were seen.
        """
        return len(self._kappas) == self.window and float(np.mean(self._kappas)) >= self.threshold
