"""Temperature scaling of a wrapper's predictions."""

from typing import Any

from torch.utils.data import Dataset

from baal.calibration.base import Calibrator, History
from baal.calibration.fitting import fit_temperature
from baal.calibration.held_out import HeldOut, Loading
from baal.calibration.maps import Mode, TemperatureMap
from baal.modelwrapper import ModelWrapper

__all__ = ["TemperatureScaling"]


class TemperatureScaling(Calibrator):
    """Calibrates by dividing logits by one temperature: one number, which needs few items.

    The map acts on each posterior sample, and the fit looks at the predictive distribution of
    `iterations` of them: take as many as are predicted later. The model's weights, its BatchNorm
    statistics and modes, the optimizer and the global random states stay as they are. Guo et al.
    (2017), https://arxiv.org/abs/1706.04599.

    Args:
        wrapper: What predicts.
        iterations: Posterior samples `K`; 1 for a model without a posterior.
        mode: What the model gives: "logits" or "probabilities".
        seed: Of posterior samples.

    Attributes:
        metrics: `ece_before`, `ece_after`, `nll_before` and `nll_after`, measured on the `test_set`
            of the last fit.
        calibrated_model: The wrapper's own model with the map behind it.
        calibrated_wrapper: The wrapper with the map behind it, whose `predict_on_dataset` an
            `ActiveLearningLoop` takes.

    Raises:
        InvalidArgumentError: `mode` is unknown, or `iterations` below 1.
        InvalidTypeError: `wrapper` is no ModelWrapper.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from torch.utils.data import TensorDataset
        >>> from baal.modelwrapper import TrainingArgs
        >>> three_to_one = torch.tensor([3.0, 1.0]).log().expand(4, 2)
        >>> data = TensorDataset(2 * three_to_one, torch.tensor([0, 0, 1, 0]))
        >>> calibrator = TemperatureScaling(ModelWrapper(nn.Identity(), TrainingArgs(workers=0)))
        >>> history, weights = calibrator.calibrate(data)
        >>> round(calibrator.temperature, 4)
        2.0
    """

    calibration: TemperatureMap

    def __init__(
        self,
        wrapper: ModelWrapper,
        *,
        iterations: int = 1,
        mode: Mode = "logits",
        seed: int = 0,
    ) -> None:
        super().__init__(wrapper, TemperatureMap(mode), iterations, seed)

    @property
    def temperature(self) -> float:
        """What logits are divided by; 1 until it is fitted."""
        return float(self.calibration.temperature)

    def calibrate(
        self,
        train_set: Dataset[Any],
        test_set: Dataset[Any] | None = None,
        use_cuda: bool = False,  # noqa: ARG002 - as in DirichletCalibrator
        **kwargs: Any,
    ) -> tuple[History, dict[str, Any]]:
        """Fit the temperature anew, to predictions that are drawn once.

        Args:
            train_set: Items `(data, target, *rest)` to fit to, which the model was not trained on;
                all their samples are held in memory. A target of -100 does not count.
            test_set: Items to measure on; None: `train_set`.
            use_cuda: Makes no difference: data goes where the model is.
            **kwargs: `batch_size`, `workers` and `collate_fn`, by default the wrapper's. Options of
                `DirichletCalibrator.calibrate` about epochs make no difference.

        Returns:
            One dict with `train_loss` and `test_loss` after the fit, in a list; and the
            `state_dict` of `calibrated_model`.

        Raises:
            InvalidArgumentError: A set is empty, a target is out of range, or predictions are not
                finite or of another kind than `mode`. The map is as it was.
            InvalidTypeError: An option is unknown, or the model has several outputs.
        """
        return self._calibrate(train_set, test_set, kwargs)

    def _fit(self, train: HeldOut, test: HeldOut, loading: Loading, **options: Any) -> History:  # noqa: ARG002
        self.calibration.temperature.fill_(fit_temperature(train.logits, train.targets))
        losses = [part.loss(self.calibration, loading.batch_size) for part in (train, test)]
        return [dict(zip(("train_loss", "test_loss"), losses, strict=True))]
