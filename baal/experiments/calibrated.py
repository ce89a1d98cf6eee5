"""Experiments whose scores come from calibrated predictions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from baal.calibration.base import Calibrator
from baal.calibration.dirichlet import DirichletCalibrator
from baal.calibration.temperature import TemperatureScaling
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.modelwrapper import ModelWrapperAdapter

__all__ = ["CalibratedAdapter"]


class CalibratedAdapter(ModelWrapperAdapter):
    """Trains a `ModelWrapper`, then calibrates it; predicts and is evaluated behind the map.

    Args:
        calibrator: Around the wrapper that is trained.
        calibration_set: Items `(data, target, *rest)` to fit the map to, apart from those that the
            model is trained and evaluated on; None: the validation split of the active dataset.
        schedulers: As in `ModelWrapperAdapter`.

    Raises:
        InvalidTypeError: `calibrator` is none.
        InvalidArgumentError: `calibration_set` is empty.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from baal.modelwrapper import ModelWrapper, TrainingArgs
        >>> wrapper = ModelWrapper(nn.Linear(3, 2), TrainingArgs(workers=0))
        >>> adapter = CalibratedAdapter(TemperatureScaling(wrapper))
        >>> adapter.state_dict()["calibration"]
        {'temperature': tensor(1.)}
    """

    def __init__(
        self,
        calibrator: TemperatureScaling | DirichletCalibrator,
        calibration_set: Any = None,
        schedulers: Sequence[Any] | None = None,
    ) -> None:
        if not isinstance(calibrator, Calibrator):
            raise InvalidTypeError(
                f"Expected `calibrator` to be a calibrator, but got {type(calibrator).__name__}"
            )
        if calibration_set is not None and len(calibration_set) == 0:
            raise InvalidArgumentError(
                "Expected `calibration_set` to have items, but got an empty one"
            )
        super().__init__(calibrator.wrapper, schedulers)
        self.calibrator = calibrator
        self.calibration_set = calibration_set

    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Train for `args.epoch` epochs, then calibrate.

        Args:
            dataset: The active dataset.

        Returns:
            The wrapper's training metrics, and those of the calibrator as `calibration_<name>`.

        Raises:
            InvalidArgumentError: There is nothing to calibrate on.
        """
        held_out = dataset.validation if self.calibration_set is None else self.calibration_set
        if len(held_out) == 0:
            raise InvalidArgumentError(
                "Expected the active dataset to have a validation split to calibrate on, but got "
                "none: give it a `validation_split`, or pass a `calibration_set`"
            )
        trained = dict(super().train(dataset))
        self.calibrator.calibrate(held_out, held_out)
        measured = self.calibrator.metrics.items()
        return trained | {f"calibration_{name}": value for name, value in measured}

    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Measure the test metrics of calibrated predictions.

        They are those of the mean of the calibrated samples' probabilities, as `test_ece` is, where
        a plain `ModelWrapper` averages outputs: see `CalibratedModelWrapper`.

        Args:
            dataset: What to measure them on.
            average_predictions: Number of posterior samples whose probabilities are averaged.

        Returns:
            The wrapper's test metrics.
        """
        self.calibrator.calibrated_wrapper.test_on_dataset(dataset, average_predictions)
        return self.wrapper.get_metrics("test")

    def predict(self, dataset: Any, iterations: int) -> Iterator[Any]:
        """Draw calibrated posterior samples, batch by batch.

        Args:
            dataset: Items.
            iterations: Number of posterior samples `K`.

        Returns:
            Batches `[B, C, ..., K]`.
        """
        calibrated = self.calibrator.calibrated_wrapper
        return calibrated.predict_on_dataset_generator(dataset, iterations, verbose=False)

    def state_dict(self) -> dict[str, Any]:
        """What `ModelWrapperAdapter` has, and the map.

        Returns:
            They share memory with the model.
        """
        return {**super().state_dict(), "calibration": dict(self.calibrator.state_dict())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put them back.

        Args:
            state_dict: What `state_dict` gave.
        """
        super().load_state_dict(state_dict)
        self.calibrator.load_state_dict(state_dict["calibration"])

    def random_parts(self) -> list[Any]:
        """The wrapper, and the items to calibrate on.

        Returns:
            What may hold random generators.
        """
        return [*super().random_parts(), self.calibration_set]

    def settings(self) -> dict[str, Any]:
        """The model, how it is trained, and how it is calibrated.

        Returns:
            What a resumed run must have too.
        """
        items = None if self.calibration_set is None else len(self.calibration_set)
        return {
            **super().settings(),
            "calibrator": self.calibrator.settings(),
            "calibration_set": items,
        }
