"""Wrappers that stop where training diverges, and measure the predictive distribution."""

import math
from typing import Any

from torch.utils.data import Dataset

from baal.calibration.likelihood import predictive_log_probabilities
from baal.exceptions import StateError
from baal.modelwrapper import ModelWrapper
from baal.utils.iterutils import map_on_tensor
from baal.utils.metrics import Accuracy

__all__ = ["CheckedWrapper", "ErrorRate", "StudyWrapper"]


class ErrorRate(Accuracy):
    """Share of items whose target is not the class with the highest output, between 0 and 1.

    Example:
        >>> import torch
        >>> error = ErrorRate()
        >>> error.update(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        >>> error.value
        0.5
    """

    def calculate_result(self) -> Any:
        """One minus the accuracy.

        Returns:
            A float, NaN when nothing was taken in; a list of floats with `average=False`.
        """
        accuracy = super().calculate_result()
        return [1 - one for one in accuracy] if isinstance(accuracy, list) else 1 - accuracy


class CheckedWrapper(ModelWrapper):
    """Stops where training diverges: what the model would choose then means nothing.

    Args:
        model: As for `ModelWrapper`.
        args: As for `ModelWrapper`.

    Raises:
        StateError: While it trains or is tested, the loss is no longer finite.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> from baal.training_args import TrainingArgs
        >>> data = TensorDataset(torch.full((4, 2), math.nan), torch.tensor([0, 1, 1, 0]))
        >>> args = TrainingArgs(criterion=torch.nn.CrossEntropyLoss(), workers=0)
        >>> CheckedWrapper(torch.nn.Linear(2, 2), args).test_on_dataset(data)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        baal.exceptions.StateError: Expected a finite test loss, but got nan: try a lower ...
    """

    def train_on_dataset(self, dataset: Dataset[Any]) -> list[float]:
        """Train, and look at the last loss.

        Args:
            dataset: Items `(data, target, *rest)`.

        Returns:
            The training loss of each epoch.
        """
        history = super().train_on_dataset(dataset)
        for loss in history[-1:]:
            _check_finite("training", loss)
        return history

    def test_on_dataset(self, dataset: Dataset[Any], average_predictions: int = 1) -> float:
        """Measure the test metrics, and look at the loss.

        Args:
            dataset: Items `(data, target, *rest)`.
            average_predictions: Number of posterior samples whose probabilities are averaged.

        Returns:
            The mean loss.
        """
        loss = super().test_on_dataset(dataset, average_predictions)
        _check_finite("test", loss)
        return loss


class StudyWrapper(CheckedWrapper):
    r"""A classifier whose test loss is that of its predictive distribution.

    The mean over items of $-\log \frac{1}{K} \sum_k p(y \mid x, \theta_k)$, the negative
    predictive log-likelihood, where a plain `ModelWrapper` averages the logits of the samples. The
    model gives logits `[B, C, ...]` and the criterion is the cross-entropy.

    Args:
        model: As for `ModelWrapper`.
        args: As for `ModelWrapper`.

    Raises:
        StateError: While it trains or is tested, the loss is no longer finite.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> from baal.training_args import TrainingArgs
        >>> data = TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
        >>> model = torch.nn.Linear(2, 3, bias=False)
        >>> args = TrainingArgs(criterion=torch.nn.CrossEntropyLoss(), workers=0)
        >>> loss = StudyWrapper(model, args).test_on_dataset(data)
        >>> round(loss, 4) == round(math.log(3), 4)
        True
    """

    def _output_to_test(self, samples: Any) -> Any:
        """The logarithm of the mean probability: the cross-entropy of it is that of the mean."""
        return map_on_tensor(predictive_log_probabilities, samples)


def _check_finite(what: str, loss: float) -> None:
    if not math.isfinite(loss):
        raise StateError(
            f"Expected a finite {what} loss, but got {loss}: try a lower learning rate."
        )
