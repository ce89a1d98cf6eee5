"""Held-out predictions and their targets: read by a wrapper, checked before anything is fitted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from baal.calibration.likelihood import (
    IGNORED,
    negative_log_likelihood,
    predictive_log_probabilities,
)
from baal.calibration.maps import CalibrationMap, Mode, check_outputs, to_logits
from baal.exceptions import InvalidArgumentError
from baal.training.batches import split_batch
from baal.utils.array_utils import to_numpy
from baal.utils.metrics.calibration import expected_calibration_error
from baal.utils.workers import end_with_parent, sensible_workers

__all__ = ["HeldOut", "Loading", "check_held_out", "read_held_out"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions and targets of items that the model was not trained on.

    Attributes:
        logits: `[N, C, ..., K]`.
        targets: Classes `[N, ...]`; -100 does not count.

    Example:
        >>> data = HeldOut(torch.zeros(2, 3, 1), torch.tensor([0, -100]))
        >>> len(data), data.n_counted
        (2, 1)
    """

    logits: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, items: Any) -> "HeldOut":
        return HeldOut(self.logits[items], self.targets[items])

    @property
    def n_counted(self) -> int:
        """Number of targets that count."""
        return int((self.targets != IGNORED).sum())

    def with_two_columns(self) -> "HeldOut":
        """The same with a column for each class where there is a single output.

        Returns:
            With `C` of at least 2.
        """
        if self.logits.shape[1] > 1:
            return self
        return HeldOut(torch.cat([torch.zeros_like(self.logits), self.logits], 1), self.targets)

    def calibrated(self, calibration: CalibrationMap, batch_size: int) -> Iterator["HeldOut"]:
        """The same behind a map, a batch at a time.

        Args:
            calibration: The map.
            batch_size: Items of a batch.

        Yields:
            The items in their order.
        """
        for start in range(0, len(self), batch_size):
            part = self[start : start + batch_size]
            with torch.no_grad():
                mapped = calibration.transform(part.logits)
            yield HeldOut(mapped, part.targets).with_two_columns()

    def loss(self, calibration: CalibrationMap, batch_size: int) -> float:
        """Negative log-likelihood behind a map.

        Args:
            calibration: The map.
            batch_size: Items of a batch.

        Returns:
            In nats, by target.
        """
        parts = self.calibrated(calibration, batch_size)
        losses = [
            float(negative_log_likelihood(p.logits.double(), p.targets)) * p.n_counted
            for p in parts
        ]
        return sum(losses) / self.n_counted

    def measure(self, calibration: CalibrationMap, batch_size: int) -> dict[str, float]:
        """Expected calibration error and negative log-likelihood behind a map.

        Args:
            calibration: The map.
            batch_size: Items of a batch.

        Returns:
            By the names `ece` and `nll`.
        """
        parts = self.calibrated(calibration, batch_size)
        log_p = torch.cat([predictive_log_probabilities(p.logits.double()) for p in parts])
        ece = expected_calibration_error(to_numpy(log_p.exp()), to_numpy(self.targets))
        return {"ece": ece, "nll": self.loss(calibration, batch_size)}


def check_held_out(
    logits: Any, targets: Any, name: str = "train_set", n_classes: int | None = None
) -> HeldOut:
    """Refuse predictions and targets that nothing can be fitted to.

    Args:
        logits: Predictions `[N, C, ..., K]`.
        targets: Classes `[N, ...]`; for a single output `[N, 1, ...]` as well, and of any type.
        name: What the argument is called, for the messages.
        n_classes: Number of classes `C`; None: any.

    Returns:
        Both together, without graph.

    Raises:
        InvalidArgumentError: There are other classes, the shapes do not fit, a logit is not finite,
            a target is no class, or none counts.
        InvalidTypeError: The logits are no tensor.

    Example:
        >>> len(check_held_out(torch.zeros(2, 3, 1), torch.tensor([0, 1])))
        2
    """
    check_outputs(logits, n_classes, dims=3)
    logits, targets = logits.detach(), torch.as_tensor(targets).detach().to(logits.device)
    shape, columns = logits[:, 0, ..., 0].shape, max(logits.shape[1], 2)
    if logits.shape[1] == 1 and targets.shape == logits[..., 0].shape:
        targets = targets[:, 0]
    if targets.shape != shape:
        raise InvalidArgumentError(
            f"Expected `{name}` to have targets of shape {list(shape)}, a class for each position, "
            f"but got {list(targets.shape)}"
        )
    if not bool(logits.isfinite().all()):
        raise InvalidArgumentError(
            f"Expected `{name}` to have finite predictions, but got {_n_bad(logits)} of "
            f"{len(logits)} items with NaN or infinity"
        )
    counted = targets[targets != IGNORED]
    if counted.numel() == 0:
        raise InvalidArgumentError(f"Expected `{name}` to have targets that count, but got none")
    wrong = counted[(counted < 0) | (counted >= columns) | (counted != counted.long())]
    if wrong.numel():
        raise InvalidArgumentError(
            f"Expected `{name}` to have classes from 0 to {columns - 1} as targets, or {IGNORED} "
            f"for those that do not count, but got {wrong[0].item()}"
        )
    return HeldOut(logits, targets.long())


def _n_bad(logits: torch.Tensor) -> int:
    return int((~logits.isfinite()).flatten(1).any(1).sum())


@dataclass(frozen=True)
class Loading:
    """How a held-out set is read.

    Attributes:
        batch_size: Items of a batch.
        workers: Processes that load data.
        collate_fn: Makes a batch of items.

    Raises:
        InvalidArgumentError: `batch_size` is below 1.

    Example:
        >>> Loading(batch_size=8, workers=0, collate_fn=list).batch_size
        8
    """

    batch_size: int
    workers: int
    collate_fn: Callable[[list[Any]], Any]

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InvalidArgumentError(
                f"Expected `batch_size` to be at least 1, but got {self.batch_size}"
            )


def read_held_out(
    predict: Callable[[Any], Any],
    dataset: Dataset[Any],
    loading: Loading,
    mode: Mode,
    name: str,
    n_classes: int | None = None,
) -> HeldOut:
    """Predict a dataset once, and keep its targets.

    Args:
        predict: Gives samples `[B, C, ..., K]` of a batch of data.
        dataset: Items `(data, target, *rest)`, or dicts: see `split_batch`.
        loading: How to read them.
        mode: What is predicted.
        name: What the dataset is called, for the messages.
        n_classes: Number of classes `C`; None: any.

    Returns:
        Logits and targets of all items, on the CPU.

    Raises:
        InvalidArgumentError: The dataset is empty, or as by `check_held_out`; or probabilities are
            predicted where logits are expected, or the other way round.
        InvalidTypeError: There is more than one output.

    Example:
        >>> data = [(torch.tensor([1.0, 0.0]), 0), (torch.tensor([0.0, 2.0]), 1)]
        >>> loading = Loading(8, 0, torch.utils.data.default_collate)
        >>> read_held_out(lambda x: x[..., None], data, loading, "logits", "train_set").targets
        tensor([0, 1])
    """
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise InvalidArgumentError(f"Expected `{name}` to have items, but got an empty one")
    n_batches = -(-len(dataset) // loading.batch_size)  # type: ignore[arg-type]
    batches = DataLoader(
        dataset, loading.batch_size, collate_fn=loading.collate_fn,
        num_workers=sensible_workers(loading.workers, n_batches), worker_init_fn=end_with_parent,
    )  # fmt: skip
    outputs, targets = [], []
    for batch in batches:
        data, target = split_batch(batch)
        samples = predict(data)
        check_outputs(samples, n_classes, dims=3)
        outputs.append(samples.detach().cpu())
        targets.append(torch.as_tensor(target).cpu())
    together = torch.cat(outputs)
    _check_kind(together, mode, name)
    return check_held_out(to_logits(together, mode), torch.cat(targets), name, n_classes)


def _check_kind(outputs: torch.Tensor, mode: Mode, name: str) -> None:
    """Refuse logits as probabilities; and the other way round, which no logits ever look like."""
    values = outputs.float()
    slack = 2.0**-6  # two units of bfloat16
    in_range = bool(((values >= -slack) & (values <= 1 + slack)).all())
    sums_to_one = bool(((values.sum(1) - 1).abs() <= slack).all())
    single = values.shape[1] == 1
    if mode == "probabilities" and bool(values.isfinite().all()):
        wrong = not (in_range and (single or sums_to_one))
    else:
        wrong = mode == "logits" and in_range and sums_to_one and not single
    if wrong:
        other = "logits" if mode == "probabilities" else "probabilities"
        raise InvalidArgumentError(
            f"Expected the model to give {mode} for `{name}`, but got {other}: pass mode={other!r}"
        )
