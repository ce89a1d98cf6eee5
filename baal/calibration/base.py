"""What all calibrators share: reading held-out predictions, measuring, predicting behind a map."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch.utils.data import Dataset

from baal.bayesian.sampling import check_iterations
from baal.calibration.held_out import HeldOut, Loading, read_held_out
from baal.calibration.maps import CalibrationMap, Mode
from baal.calibration.wrapper import CalibratedModel, CalibratedModelWrapper
from baal.exceptions import InvalidTypeError
from baal.modelwrapper import ModelWrapper
from baal.utils.log_configuration import get_logger
from baal.utils.random_states import seeded

__all__ = ["Calibrator", "History"]

History = list[dict[str, float]]
"""Losses of each epoch, by name."""
_LOADING = ("batch_size", "workers", "collate_fn")
_FITTING = ("patience", "min_epoch_for_es", "return_best_weights", "skip_epochs")


class Calibrator(ABC):
    """Fits a calibration map to held-out predictions of a wrapper, which is not changed by it.

    Subclasses define `_fit`.

    Args:
        wrapper: What predicts.
        calibration: The map, as it is before it is fitted.
        iterations: Posterior samples `K` whose predictive distribution is calibrated.
        seed: Of whatever is random in the fit, posterior samples included.

    Attributes:
        metrics: `ece_before`, `ece_after`, `nll_before` and `nll_after`, on the items that were
            last tested on; nothing before the first fit.
        calibrated_wrapper: Predicts behind the map.

    Raises:
        InvalidTypeError: `wrapper` is no ModelWrapper, or `iterations` no whole number.
        InvalidArgumentError: `iterations` is below 1.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from baal.calibration.maps import TemperatureMap
        >>> from baal.modelwrapper import TrainingArgs
        >>> class Fixed(Calibrator):
        ...     def _fit(self, train, test, loading, **options):
        ...         self.calibration.temperature.fill_(2.0)
        ...         return []
        >>> wrapper = ModelWrapper(nn.Linear(3, 2), TrainingArgs(workers=0))
        >>> Fixed(wrapper, TemperatureMap()).calibrated_wrapper.predict_on_batch(
        ...     torch.ones(4, 3)
        ... ).shape
        torch.Size([4, 2, 1])
    """

    def __init__(
        self, wrapper: ModelWrapper, calibration: CalibrationMap, iterations: int = 1, seed: int = 0
    ) -> None:
        if not isinstance(wrapper, ModelWrapper):
            raise InvalidTypeError(
                f"Expected `wrapper` to be a ModelWrapper, but got {type(wrapper).__name__}"
            )
        check_iterations(iterations)
        self.wrapper = wrapper
        self.calibration = calibration
        self.iterations = iterations
        self.seed = seed
        self.metrics: dict[str, float] = {}
        self.calibrated_wrapper = CalibratedModelWrapper(wrapper, calibration)
        self._identity = copy.deepcopy(calibration.state_dict())
        self._model: CalibratedModel | None = None

    @property
    def calibrated_model(self) -> CalibratedModel:
        """The wrapper's model with the map behind it: it shares the model, and can be sampled."""
        if self._model is None or self._model.module is not self.wrapper.model:
            self._model = CalibratedModel(self.wrapper.model, self.calibration)
        return self._model

    @property
    def mode(self) -> Mode:
        """What the model gives: "logits" or "probabilities"."""
        return self.calibration.mode

    def settings(self) -> dict[str, Any]:
        """What decides on the fit beside the data: a resumed run must have the same.

        Returns:
            Plain values by name.
        """
        return {
            "class": type(self).__name__,
            "iterations": self.iterations,
            "seed": self.seed,
            "mode": self.mode,
        }

    def state_dict(self) -> dict[str, Any]:
        """The map's weights.

        Returns:
            Tensors by name; they share memory with the map.
        """
        state: dict[str, Any] = self.calibration.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load the map's weights.

        Args:
            state_dict: What `state_dict` gave.
        """
        self.calibration.load_state_dict(state_dict)

    @abstractmethod
    def _fit(self, train: HeldOut, test: HeldOut, loading: Loading, **options: Any) -> History:
        """Fit the map, which is as it was before any fit and on the CPU."""

    def _calibrate(
        self, train_set: Dataset[Any], test_set: Dataset[Any] | None, kwargs: dict[str, Any]
    ) -> tuple[History, dict[str, Any]]:
        """Read, check, fit anew, measure; an error on the way leaves the map as it was."""
        loading, options = self._split(kwargs)
        with seeded(self.seed):
            train = self._read(train_set, loading, "train_set")
            same = test_set is None or test_set is train_set
            test = train if same else self._read(test_set, loading, "test_set")
            before = copy.deepcopy(self.calibration.state_dict())
            try:
                self.calibration.cpu().load_state_dict(self._identity)
                measured = {"before": test.measure(self.calibration, loading.batch_size)}
                history = self._fit(train, test, loading, **options)
                measured["after"] = test.measure(self.calibration, loading.batch_size)
            except BaseException:
                self.calibration.load_state_dict(before)
                raise
            finally:
                self.calibration.to(self.wrapper.device)
        self.metrics = {
            f"{name}_{when}": values[name] for name in ("ece", "nll")
            for when, values in measured.items()
        }  # fmt: skip
        get_logger().info("calibrated", **self.metrics)
        return history, self.calibrated_model.state_dict()

    def _split(self, kwargs: dict[str, Any]) -> tuple[Loading, dict[str, Any]]:
        unknown = sorted(set(kwargs) - {*_LOADING, *_FITTING, "double_fit"})
        if unknown:
            raise InvalidTypeError(
                f"Expected `kwargs` to be among {[*_LOADING, *_FITTING]}, but got {unknown}"
            )
        args = self.wrapper.args
        loading = Loading(**{name: kwargs.get(name, getattr(args, name)) for name in _LOADING})
        return loading, {k: v for k, v in kwargs.items() if k not in {*_LOADING, "skip_epochs"}}

    def _read(self, dataset: Any, loading: Loading, name: str) -> HeldOut:
        def predict(data: Any) -> Any:
            return self.wrapper.predict_on_batch(data, self.iterations)

        n_classes = self.calibration.n_classes
        return read_held_out(predict, dataset, loading, self.mode, name, n_classes)
