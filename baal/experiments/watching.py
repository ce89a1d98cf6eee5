"""What an experiment says of itself while it runs: metrics, seconds, a posterior that collapsed."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.arrays import as_items
from baal.training.batches import split_batch
from baal.utils.frames import level_outside_baal
from baal.utils.log_configuration import get_logger
from baal.utils.metrics.calibration import expected_calibration_error
from baal.utils.predictive import predictive_probabilities
from baal.utils.probabilities import tensor_to_numpy

__all__ = ["Predictor", "Stopwatch", "calibration", "headline", "plain_metrics"]

# Samples of one function differ by rounding where they are computed in batches of another shape.
_ROUNDING = 64


class Predictor:
    """An adapter's predictions, looked at in passing: do the posterior samples disagree at all?

    Args:
        adapter: What predicts.
        iterations: Number of posterior samples `K`.

    Attributes:
        disagree: Whether any two samples disagreed since this was last set to None; None where
            nothing was predicted since.

    Example:
        >>> from types import SimpleNamespace
        >>> same = SimpleNamespace(predict=lambda dataset, k: np.ones((len(dataset), 2, k)))
        >>> predict = Predictor(same, iterations=5)
        >>> predict(["a", "b"]).shape, predict.disagree
        ((2, 2, 5), False)
    """

    def __init__(self, adapter: FrameworkAdapter, iterations: int) -> None:
        self.adapter = adapter
        self.iterations = iterations
        self.disagree: bool | None = None

    @property
    def samples_are_joint(self) -> bool | None:
        """As the adapter has it."""
        return self.adapter.samples_are_joint

    @property
    def masks_padding(self) -> bool:
        """Whether padding is NaN in the predictions made last."""
        return bool(getattr(self.adapter, "masks_padding", False))

    def __call__(self, dataset: Any) -> Any:
        """Draw posterior samples of a dataset's items, in the adapter's form."""
        predictions = self.adapter.predict(dataset, self.iterations)
        if isinstance(predictions, Iterator):
            return self._watched(predictions)
        self._look_at(predictions)
        return predictions

    def embed_on_dataset(self, dataset: Any) -> Any:
        """Embeddings of a dataset's items, as the adapter gives them.

        Args:
            dataset: Items, in the form of the pool.

        Returns:
            `[N, D]`.
        """
        return self.adapter.embed(dataset)

    def gradient_embed_on_dataset(self, dataset: Any) -> Any:
        """Gradients with respect to the last layer, as the adapter gives them.

        Args:
            dataset: Items, in the form of the pool.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`.
        """
        return self.adapter.gradient_embed(dataset)

    def _watched(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self._look_at(batch)
            yield batch

    def _look_at(self, batch: Any) -> None:
        if self.disagree is True:  # once seen, it is known
            return
        arrays = [array for array in _arrays_in(batch) if array.ndim < 3 or array.shape[-1] > 1]
        if arrays:  # one sample, of an estimator without members, tells nothing
            self.disagree = any(map(_disagree, arrays))

    def collapsed(self, warn: bool) -> bool | None:
        """Whether all samples since the last call were the same.

        Args:
            warn: Warn if so, and log it in any case.

        Returns:
            None where nobody can tell: there is one sample, or nothing was predicted.
        """
        disagree, self.disagree = self.disagree, None
        if disagree is None or self.iterations == 1:
            return None
        if not disagree:
            get_logger().warning("posterior collapsed", iterations=self.iterations)
        if warn and not disagree:
            warnings.warn(
                f"The {self.iterations} posterior samples of every item are the same: they no "
                "longer say anything about uncertainty, and scores that compare them are noise.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )
        return not disagree


def _arrays_in(batch: Any) -> Iterator[npt.NDArray[Any]]:
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, list | tuple):
        for one in batch:
            yield from _arrays_in(one)
    else:
        yield tensor_to_numpy(batch) if hasattr(batch, "detach") else np.asarray(batch)


def _disagree(samples: npt.NDArray[Any]) -> bool:
    """Whether any sample `[..., K]` differs from the first by more than rounding."""
    if samples.ndim < 3 or samples.size == 0 or samples.dtype.kind != "f":
        return False
    padding = np.isnan(samples).all(axis=-1)
    if padding.any() and not padding.all():
        samples = samples[~padding]
    with np.errstate(invalid="ignore"):
        spread = np.abs(samples - samples[..., :1]).max()
        rounding = _ROUNDING * np.finfo(samples.dtype).eps * np.abs(samples).max()
    return not spread <= rounding  # NaN is no agreement


def calibration(
    predict: Any,
    dataset: Any,
    columns: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] = np.asarray,
) -> float:
    """Expected calibration error of the mean prediction on a dataset with classes as targets.

    Args:
        predict: Called with the dataset; gives posterior samples.
        dataset: Items `(data, target, *rest)`, or dicts with a `label`, see
            `baal.training.batches.split_batch`; or a pair of arrays.
        columns: Says which column of the predictions each target stands for; by default targets
            number them.

    Returns:
        Between 0 and 1.

    Example:
        >>> calibration(lambda _: [[[0.25], [0.75]], [[0.25], [0.75]]], [("a", 1), ("b", 0)])
        0.25
    """
    items = as_items(dataset)
    targets = np.stack([np.asarray(split_batch(items[i])[1]) for i in range(len(items))])
    probabilities = predictive_probabilities(predict(dataset))
    return expected_calibration_error(probabilities, columns(targets))


class Stopwatch:
    """Adds up the seconds of the stages of a round.

    Example:
        >>> watch = Stopwatch()
        >>> with watch("train"):
        ...     pass
        >>> sorted(watch.seconds)
        ['train']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._start = "", 0.0

    def __call__(self, stage: str) -> "Stopwatch":
        """Name the stage that the `with` block is."""
        self._stage = stage
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._start + self.seconds.get(self._stage, 0.0)
        self.seconds[self._stage] = round(spent, 4)


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as JSON has them.

    Args:
        metrics: Numbers, arrays and tensors by name.

    Returns:
        Numbers and lists; None for what is not finite; the text of anything else.

    Example:
        >>> plain_metrics({"loss": np.float32(0.5), "by_class": np.array([1.0, np.nan])})
        {'loss': 0.5, 'by_class': [1.0, None]}
    """
    return {str(name): _plain(value) for name, value in metrics.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value)


def headline(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The numbers worth a place beside a progress bar.

    Args:
        metrics: As `plain_metrics` gives them.

    Returns:
        The numbers among them, rounded.

    Example:
        >>> headline({"test_loss": 0.123456, "chosen": [1, 2]})
        {'test_loss': '0.123'}
    """
    return {k: f"{v:.3g}" for k, v in metrics.items() if isinstance(v, float)}
