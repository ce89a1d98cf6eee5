"""Dirichlet calibration of a wrapper's predictions."""

import math
from typing import Any

import torch
from torch.utils.data import Dataset

from baal.calibration.base import Calibrator, History
from baal.calibration.fitting import Descent, check_factors
from baal.calibration.held_out import HeldOut, Loading
from baal.calibration.likelihood import odir_penalty
from baal.calibration.maps import DirichletMap, Mode
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import ModelWrapper

__all__ = ["DirichletCalibrator"]


class DirichletCalibrator(Calibrator):
    """Calibrates by a linear layer on log-probabilities.

    The map acts on each posterior sample, and the fit looks at the predictive distribution of
    `iterations` of them: take as many as are predicted later. The model's weights, its BatchNorm
    statistics and modes, the optimizer and the global random states stay as they are. Kull et al.
    (2019), https://arxiv.org/abs/1910.12656.

    Args:
        wrapper: What predicts; its batch size is taken for the fit.
        num_classes: Number of classes `C`.
        lr: Learning rate, of Adam.
        reg_factor: Penalty of the weights off the diagonal.
        mu: Penalty of the intercepts; None: as `reg_factor`.
        training_duration: Epochs of a fit.
        iterations: Posterior samples `K`; 1 for a model without a posterior.
        mode: What the model gives: "logits" or "probabilities".
        seed: Of posterior samples and of the order of items in the fit.

    Attributes:
        metrics: `ece_before`, `ece_after`, `nll_before` and `nll_after`, measured on the `test_set`
            of the last fit.
        calibrated_model: The wrapper's own model with the map behind it.
        calibrated_wrapper: The wrapper with the map behind it, whose `predict_on_dataset` an
            `ActiveLearningLoop` takes.

    Raises:
        InvalidArgumentError: `num_classes` is below 2, `lr` not above 0, `training_duration` below
            1, a factor negative, or `mode` unknown.
        InvalidTypeError: `wrapper` is no ModelWrapper.

    Example:
        >>> from torch import nn
        >>> from torch.utils.data import TensorDataset
        >>> from baal.modelwrapper import TrainingArgs
        >>> data = TensorDataset(torch.randn(64, 3), torch.randint(2, (64,)))
        >>> wrapper = ModelWrapper(nn.Linear(3, 2), TrainingArgs(workers=0))
        >>> calibrator = DirichletCalibrator(wrapper, num_classes=2, lr=0.01, reg_factor=0.1)
        >>> history, weights = calibrator.calibrate(data, data, use_cuda=False)
        >>> calibrator.metrics["nll_after"] <= calibrator.metrics["nll_before"]
        True
    """

    calibration: DirichletMap

    def __init__(
        self,
        wrapper: ModelWrapper,
        num_classes: int,
        lr: float,
        reg_factor: float,
        mu: float | None = None,
        training_duration: int = 5,
        *,
        iterations: int = 1,
        mode: Mode = "logits",
        seed: int = 0,
    ) -> None:
        self.mu = reg_factor if mu is None else mu
        check_factors(reg_factor, self.mu)
        for name, value, least in (
            ("num_classes", num_classes, 2),
            ("training_duration", training_duration, 1),
        ):
            if value < least:
                raise InvalidArgumentError(
                    f"Expected `{name}` to be at least {least}, but got {value}"
                )
        if not 0 < lr < math.inf:
            raise InvalidArgumentError(f"Expected `lr` to be above 0, but got {lr}")
        super().__init__(wrapper, DirichletMap(num_classes, mode), iterations, seed)
        self.num_classes = num_classes
        self.lr = lr
        self.reg_factor = reg_factor
        self.training_duration = training_duration

    def l2_reg(self) -> torch.Tensor:
        """The penalty of the map as it is: `baal.calibration.likelihood.odir_penalty`.

        Returns:
            A scalar with its graph.
        """
        weight, bias = self.calibration.weight, self.calibration.bias
        return odir_penalty(weight, bias, self.reg_factor, self.mu)

    def calibrate(
        self,
        train_set: Dataset[Any],
        test_set: Dataset[Any],
        use_cuda: bool = False,  # noqa: ARG002 - BaaL 2.1's
        double_fit: bool = False,
        **kwargs: Any,
    ) -> tuple[History, dict[str, Any]]:
        """Fit the map anew, from the identity on, to predictions that are drawn once.

        Args:
            train_set: Items `(data, target, *rest)` to fit to, which the model was not trained on;
                all their samples are held in memory. A target of -100 does not count.
            test_set: Items to choose the best epoch and to measure on.
            use_cuda: Makes no difference: data goes where the model is.
            double_fit: Fit a second time, from there on, with a tenth of the learning rate.
            **kwargs: `batch_size`, `workers` and `collate_fn`, by default the wrapper's; and, as in
                `ModelWrapper.train_and_test_on_datasets`, `patience`, `min_epoch_for_es` and
                `return_best_weights`, which is True here: the best of all epochs and the identity,
                by `test_loss` and penalty. `skip_epochs` makes no difference: each epoch is tested.

        Returns:
            By epoch, `train_loss` and `test_loss` without the penalty; and the `state_dict` of
            `calibrated_model`.

        Raises:
            InvalidArgumentError: A set is empty, a target is out of range, or predictions are not
                finite, of another kind than `mode`, or of another number of classes. The map is as
                it was.
            InvalidTypeError: An option is unknown, or the model has several outputs.
        """
        return self._calibrate(train_set, test_set, {"double_fit": double_fit, **kwargs})

    def _fit(
        self,
        train: HeldOut,
        test: HeldOut,
        loading: Loading,
        *,
        double_fit: bool = False,
        **options: Any,
    ) -> History:
        descent = Descent(self.calibration, self.l2_reg, **options)
        history: History = []
        for lr in (self.lr, self.lr / 10)[: 2 if double_fit else 1]:
            history += descent.run(
                train, test, lr, self.training_duration, loading.batch_size, self.seed
            )
        return history

    def settings(self) -> dict[str, Any]:
        """What decides on the fit beside the data.

        Returns:
            Plain values by name.
        """
        names = ("num_classes", "lr", "reg_factor", "mu", "training_duration")
        return {**super().settings(), **{name: getattr(self, name) for name in names}}
