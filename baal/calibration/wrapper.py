"""A model, and a `ModelWrapper`, with a calibration map behind it."""

from typing import Any

import torch
from torch import nn

from baal.calibration.likelihood import predictive_logits
from baal.calibration.maps import CalibrationMap
from baal.modelwrapper import ModelWrapper
from baal.training.predicting import mean_over_samples

__all__ = ["CalibratedModel", "CalibratedModelWrapper"]


class CalibratedModel(nn.Module):
    """A model with a calibration map behind it; the model inside is shared, not copied.

    A patched model stays stochastic, and what its posterior samples have in common is still
    computed once.

    Args:
        module: The model, reachable as `module`.
        calibration: The map.

    Example:
        >>> from baal.calibration.maps import DirichletMap
        >>> model = CalibratedModel(nn.Linear(3, 2), DirichletMap(2))
        >>> model(torch.ones(4, 3)).shape
        torch.Size([4, 2])
    """

    def __init__(self, module: nn.Module, calibration: CalibrationMap) -> None:
        super().__init__()
        self.module = module
        self.calibration = calibration
        self.training = module.training

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Call the model, and map what it gives.

        Args:
            *args: Passed on.
            **kwargs: Passed on.

        Returns:
            `[B, C, ...]`.
        """
        calibrated: torch.Tensor = self.calibration(self.module(*args, **kwargs))
        return calibrated


class CalibratedModelWrapper(ModelWrapper):
    """Predicts and tests behind a calibration map, whatever kind of wrapper is in front of it.

    Each posterior sample is mapped alone. Test metrics, the loss among them, are those of the
    predictive distribution, the mean of the mapped samples' probabilities, which is what the map is
    fitted to; a plain `ModelWrapper` averages outputs. Training trains the model in front, whose
    metrics are shared, as are its learning rates: after it the map is out of date.

    Args:
        wrapper: What draws the samples.
        calibration: The map.

    Example:
        >>> from baal.calibration.maps import TemperatureMap
        >>> from baal.modelwrapper import TrainingArgs
        >>> wrapper = ModelWrapper(nn.Linear(3, 2), TrainingArgs(workers=0))
        >>> calibrated = CalibratedModelWrapper(wrapper, TemperatureMap())
        >>> calibrated.predict_on_batch(torch.ones(4, 3)).shape
        torch.Size([4, 2, 1])
    """

    def __init__(self, wrapper: ModelWrapper, calibration: CalibrationMap) -> None:
        super().__init__(wrapper.model, wrapper.args)
        self.wrapper = wrapper
        self.calibration = calibration
        self.metrics = wrapper.metrics
        self.active_learning_metrics = wrapper.active_learning_metrics
        self.training_state = wrapper.training_state

    @property
    def dataset_size(self) -> int | None:
        """Number of labelled items, as the wrapper in front knows it."""
        return self.wrapper.dataset_size

    @dataset_size.setter
    def dataset_size(self, dataset_size: int | None) -> None:
        self.wrapper.dataset_size = dataset_size

    @property
    def sampled_model(self) -> nn.Module:
        """What posterior samples are drawn of: the model in front of the map."""
        return self.wrapper.sampled_model

    def predict_on_batch(self, data: Any, iterations: int = 1) -> torch.Tensor:
        """Calibrated posterior samples of one batch.

        Args:
            data: Input of the model, `[B, ...]`.
            iterations: Number of posterior samples `K`.

        Returns:
            `[B, C, ..., K]`, of the kind that the model gives: logits or probabilities.

        Raises:
            InvalidTypeError: The model has several outputs.
            InvalidArgumentError: It has another number of classes than the map.
        """
        return self._calibrated(self.wrapper.predict_on_batch(data, iterations))

    def _calibrated(self, samples: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            calibrated: torch.Tensor = self.calibration(samples)
        return calibrated

    def _samples_to_test(self, data: Any, average_predictions: int) -> Any:
        """Those that the wrapper in front is tested on, behind the map."""
        samples = self.wrapper._samples_to_test(data, average_predictions)  # noqa: SLF001
        return self._calibrated(samples)

    def _output_to_test(self, samples: Any) -> Any:
        """The predictive distribution, of the kind that the model gives."""
        if self.calibration.mode == "probabilities":
            return mean_over_samples(samples)
        return predictive_logits(samples)
