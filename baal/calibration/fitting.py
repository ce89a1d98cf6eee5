"""Fitting calibration maps to held-out logits and their targets."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from baal.calibration.held_out import HeldOut, check_held_out
from baal.calibration.likelihood import negative_log_likelihood, odir_penalty
from baal.calibration.maps import CalibrationMap, DirichletMap
from baal.exceptions import InvalidArgumentError

__all__ = ["Descent", "check_factors", "fit_dirichlet", "fit_temperature"]

COLDEST, HOTTEST = 1e-2, 1e2
_STEPS, _HALVINGS, _TOLERANCE = 100, 40, 1e-10

History = list[dict[str, float]]


def fit_temperature(logits: torch.Tensor, targets: torch.Tensor) -> float:
    r"""The temperature under which held-out targets are most likely.

    $$\min_T -\sum_i \log \frac{1}{K} \sum_k \mathrm{softmax}(z_{ik} / T)_{y_i}$$

    by Newton's method on log T from T = 1 on; each step is halved until the loss falls. With one
    sample there is one minimum; with more, this finds the one downhill from T = 1. Guo et al.
    (2017), https://arxiv.org/abs/1706.04599.

    Args:
        logits: `[N, C, ..., K]`; for a single output `C` is 1, and it belongs to class 1 of two.
        targets: Classes `[N, ...]`; -100 is left out.

    Returns:
        Between 1/100 and 100: without bounds there is no best temperature for logits that are right
        about all targets. The same for the same input, always.

    Raises:
        InvalidArgumentError: The shapes do not fit, a target is out of range, none counts, or a
            logit is not finite.

    Example:
        >>> three_to_one = torch.tensor([3.0, 1.0]).log()
        >>> round(fit_temperature(2 * three_to_one.expand(4, 2)[..., None], torch.eye(4)[0].long()))
        2
    """
    held_out = check_held_out(logits, targets, "logits").with_two_columns()
    z, y = held_out.logits.double(), held_out.targets

    def loss_at(log_t: float) -> torch.Tensor:
        with torch.no_grad():
            return negative_log_likelihood(z * math.exp(-log_t), y)

    log_t, loss = 0.0, float(loss_at(0.0))
    for _ in range(_STEPS):
        step = _newton_step(z, y, log_t)
        for _ in range(_HALVINGS):
            to = min(max(log_t + step, math.log(COLDEST)), math.log(HOTTEST))
            now = float(loss_at(to))
            if now < loss:
                break
            step /= 2
        else:
            break  # nothing is better within rounding
        moved, log_t, loss = abs(to - log_t), to, now
        if moved < _TOLERANCE:
            break
    return math.exp(log_t)


def _newton_step(z: torch.Tensor, y: torch.Tensor, log_t: float) -> float:
    """At most 1, and downhill also where the loss is not convex."""
    with torch.enable_grad():
        at = torch.tensor(log_t, dtype=torch.double, device=z.device, requires_grad=True)
        loss = negative_log_likelihood(z * torch.exp(-at), y)
        (slope,) = torch.autograd.grad(loss, at, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, at)
    g, h = float(slope.detach()), float(curvature)
    step = -g / h if h > 0 else -math.copysign(1.0, g)
    return min(max(step, -1.0), 1.0)


def fit_dirichlet(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    reg_factor: float,
    mu: float | None = None,
    lr: float = 0.01,
    epochs: int = 100,
    batch_size: int = 256,
    seed: int = 0,
) -> tuple[DirichletMap, History]:
    """A Dirichlet map under which held-out targets are likely, with the penalty `odir_penalty`.

    From the identity on, by Adam. What counts in the end is the best of all epochs and the
    identity, by the loss with its penalty; so the loss alone is never worse than the identity's.

    Args:
        logits: `[N, C, ..., K]`.
        targets: Classes `[N, ...]`; -100 is left out.
        reg_factor: Penalty of the weights off the diagonal.
        mu: Penalty of the intercepts; None: as `reg_factor`.
        lr: Learning rate.
        epochs: Passes over the items.
        batch_size: Items of a step.
        seed: Of the order of the items.

    Returns:
        The map, and by epoch `train_loss` (over the epoch) and `test_loss` (after it, on the same
        items), without the penalty.

    Raises:
        InvalidArgumentError: As by `fit_temperature`; or a factor is negative.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]]).repeat(8, 1)[..., None]
        >>> targets = torch.tensor([0, 1]).repeat(8)
        >>> calibration, history = fit_dirichlet(logits, targets, reg_factor=0.1)
        >>> history[-1]["test_loss"] < negative_log_likelihood(logits, targets)
        tensor(True)
    """
    mu = reg_factor if mu is None else mu
    check_factors(reg_factor, mu)
    held_out = check_held_out(logits, targets, "logits")
    calibration = DirichletMap(held_out.logits.shape[1])
    descent = Descent(
        calibration, lambda: odir_penalty(calibration.weight, calibration.bias, reg_factor, mu)
    )
    return calibration, descent.run(held_out, held_out, lr, epochs, batch_size, seed)


def check_factors(reg_factor: float, mu: float) -> None:
    """Refuse factors of a penalty that are none.

    Args:
        reg_factor: Of the weights off the diagonal.
        mu: Of the intercepts.

    Raises:
        InvalidArgumentError: One is negative or not finite.

    Example:
        >>> check_factors(0.1, 0.0)
    """
    for name, value in (("reg_factor", reg_factor), ("mu", mu)):
        if not 0 <= value < math.inf:
            raise InvalidArgumentError(f"Expected `{name}` to be at least 0, but got {value}")


@dataclass
class Descent:
    """Fits a map, in place, by Adam on batches of items.

    Attributes:
        calibration: The map.
        penalty: Called without arguments at each step; gives a scalar that is added to the loss.
        patience: Stop after so many epochs that were no better on the items to test on, by the loss
            with its penalty; None: never.
        min_epoch_for_es: Epochs before which patience does not end.
        return_best_weights: End with the best of all epochs and the start, rather than the last.

    Example:
        >>> calibration = DirichletMap(2)
        >>> descent = Descent(calibration, lambda: torch.zeros(()))
        >>> data = HeldOut(torch.tensor([[[1.0], [0.0]]]), torch.tensor([0]))
        >>> len(descent.run(data, data, lr=0.1, epochs=3, batch_size=8, seed=0))
        3
    """

    calibration: CalibrationMap
    penalty: Callable[[], torch.Tensor]
    patience: int | None = None
    min_epoch_for_es: int = 0
    return_best_weights: bool = True

    def run(
        self, train: HeldOut, test: HeldOut, lr: float, epochs: int, batch_size: int, seed: int
    ) -> History:
        """Fit from where the map is.

        Args:
            train: What to fit to.
            test: What decides which epoch is the best.
            lr: Learning rate.
            epochs: Passes over `train`.
            batch_size: Items of a step.
            seed: Of the order of the items.

        Returns:
            By epoch, `train_loss` and `test_loss`, without the penalty.
        """
        optimizer = torch.optim.Adam(self.calibration.parameters(), lr=lr)
        generator = torch.Generator().manual_seed(seed)
        best, stale = test.loss(self.calibration, batch_size) + self._penalty_now(), 0
        weights = copy.deepcopy(self.calibration.state_dict())
        history: History = []
        for epoch in range(epochs):
            order = torch.randperm(len(train), generator=generator)
            starts = range(0, len(order), batch_size)
            batches = (train[order[start : start + batch_size]] for start in starts)
            losses = sum(self._step(optimizer, batch) * batch.n_counted for batch in batches)
            now = test.loss(self.calibration, batch_size)
            history.append({"train_loss": losses / train.n_counted, "test_loss": now})
            objective = now + self._penalty_now()
            if objective < best:
                best, stale, weights = objective, 0, copy.deepcopy(self.calibration.state_dict())
            else:
                stale += 1
            patient = self.patience is None or stale < self.patience
            if not patient and epoch + 1 >= self.min_epoch_for_es:
                break
        if self.return_best_weights:
            self.calibration.load_state_dict(weights)
        return history

    def _penalty_now(self) -> float:
        with torch.no_grad():
            return float(self.penalty())

    def _step(self, optimizer: torch.optim.Optimizer, batch: HeldOut) -> float:
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = negative_log_likelihood(self.calibration.transform(batch.logits), batch.targets)
            (loss + self.penalty()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())
