"""What posterior samples say together: probabilities, labels, and how far to trust them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.utils.probabilities import (
    in_unit_range,
    logits_to_probabilities,
    sums_to_one,
    tensor_to_numpy,
)

__all__ = ["cohen_kappa", "predicted_labels", "predictive_probabilities"]

Array = npt.NDArray[Any]


def predictive_probabilities(samples: Any) -> Array:
    """The mean of the posterior samples' probabilities.

    Samples that are no probabilities are read as logits, and each of them becomes probabilities
    before they are averaged.

    Args:
        samples: `[N, C, ..., K]`, probabilities or logits, or an iterable of batches of it, of
            which one at a time is held. With a single output, that of the second of two classes.

    Returns:
        `[N, C, ...]`, float64; C is 2 where there was a single output.

    Raises:
        InvalidArgumentError: There is no batch, or an array of fewer than three dimensions.

    Example:
        >>> predictive_probabilities([[[9.0, -9.0], [-9.0, 9.0]]]).round(6).tolist()
        [[0.5, 0.5]]
    """
    means = [_means(batch) for batch in _batches(samples)]
    if not means:
        raise InvalidArgumentError("Expected `samples` to be [N, C, ..., K], but got no batch")
    # Together they decide: probabilities are what could be ones in every batch.
    as_they_are = all(raw is not None for raw, _ in means)
    mean = np.concatenate([raw if as_they_are else soft for raw, soft in means])
    return np.concatenate([1 - mean, mean], axis=1) if mean.shape[1] == 1 else mean


def _batches(samples: Any) -> Iterable[Any]:
    """An array as one batch; nested lists are an array too."""
    if not isinstance(samples, Iterable) or hasattr(samples, "__array__"):
        return [samples]
    if isinstance(samples, Sequence) and len(samples) and np.ndim(samples[0]) == 2:
        return [np.stack([np.asarray(item) for item in samples])]
    return samples


def _means(batch: Any) -> tuple[Array | None, Array]:
    """Of the samples of one batch, if they could be probabilities, and of what they are as logits.

    So that no more than means `[n, C, ...]` are kept of the batches before.
    """
    array = tensor_to_numpy(batch) if hasattr(batch, "detach") else batch
    values = np.asarray(array, dtype=np.float64)
    if values.ndim < 3:
        raise InvalidArgumentError(
            f"Expected `samples` to be [N, C, ..., K], but got shape {values.shape}"
        )
    # What came as float32 is precise to float32 only.
    could_be = in_unit_range(values) and (values.shape[1] == 1 or sums_to_one(values))
    raw = values.mean(axis=-1) if could_be else None
    return raw, np.asarray(logits_to_probabilities(values).mean(axis=-1))


def predicted_labels(samples: Any) -> npt.NDArray[np.int64]:
    """The class of the highest mean probability.

    Args:
        samples: As `predictive_probabilities` takes them, `[N, C, ..., K]`.

    Returns:
        `[N, ...]`; the lowest class of those that tie.

    Raises:
        InvalidArgumentError: As `predictive_probabilities`.

    Example:
        >>> predicted_labels([[[0.2, 0.4], [0.8, 0.6]]]).tolist()
        [1]
    """
    return np.asarray(predictive_probabilities(samples).argmax(axis=1), dtype=np.int64)


def cohen_kappa(a: Any, b: Any) -> float:
    r"""Agreement of two labellings, beyond what chance gives.

    $$\kappa = \frac{p_o - p_e}{1 - p_e}$$

    with the share $p_o$ of items of the same label, and the share $p_e$ that two labellings with
    these frequencies would agree on by chance. Cohen (1960),
    https://doi.org/10.1177/001316446002000104.

    Args:
        a: Labels, of any shape.
        b: Labels of the same shape.

    Returns:
        1 for the same labels, 0 for what chance gives, below 0 for less. 1 as well where both give
        one and the same label to all.

    Raises:
        InvalidArgumentError: The shapes differ, or there is no label.

    Example:
        >>> cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0])
        0.5
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.size == 0:
        raise InvalidArgumentError(
            f"Expected `a` and `b` to be labels of the same items, but got shapes {a.shape} and "
            f"{b.shape}"
        )
    observed = float((a == b).mean())
    by_chance = sum(float((a == label).mean() * (b == label).mean()) for label in np.unique(a))
    return 1.0 if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)
