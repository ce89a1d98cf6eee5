"""Gradients with respect to a last layer, as the two factors of an outer product."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.probabilities import are_probabilities, tensor_to_numpy, to_probabilities

__all__ = ["GradientEmbeddings", "factors_of", "gradient_embeddings"]


class GradientEmbeddings(NamedTuple):
    """Gradients of the loss with respect to the last layer's weights, as their two factors.

    The gradient of item `i` is the outer product of `residuals[i]` and `embeddings[i]`, `[C, D]`.
    It is never formed: products and distances of gradients follow from those of the factors.

    Attributes:
        residuals: Gradients with respect to the outputs, `[N, C]`; of the cross-entropy
            `p - onehot`.
        embeddings: Inputs of the last layer, `[N, D]`.

    Example:
        >>> factors = GradientEmbeddings(np.array([[0.5, -0.5]]), np.array([[1.0, 2.0, 0.0]]))
        >>> np.outer(factors.residuals[0], factors.embeddings[0]).tolist()
        [[0.5, 1.0, 0.0], [-0.5, -1.0, -0.0]]
    """

    residuals: npt.NDArray[Any]
    embeddings: npt.NDArray[Any]


def gradient_embeddings(
    probabilities: Any, embeddings: Any, labels: Any = None
) -> GradientEmbeddings:
    """Gradients of the cross-entropy with respect to the last layer, as if labels were known.

    Ash et al. (2020), https://arxiv.org/abs/1906.03671, with the most probable class as label.

    Args:
        probabilities: `[N, C]`, an array or a tensor. A single column is that of the second of two
            classes, with the gradient of a Bernoulli's cross-entropy.
        embeddings: Inputs of the last layer, `[N, D]`, an array or a tensor.
        labels: `[N]`, classes from 0; by default the most probable ones.

    Returns:
        The factors: `p - onehot(label)`, of a single column `p - label`, and the embeddings.

    Raises:
        InvalidArgumentError: Shapes do not fit together, probabilities are none, or a label is not
            one of the classes.
        InvalidTypeError: These are no numbers, or labels no whole ones.

    Example:
        >>> gradient_embeddings(np.array([[0.75, 0.25]]), np.ones((1, 3))).residuals.tolist()
        [[-0.25, 0.25]]
        >>> gradient_embeddings([[0.75]], [[1.0, 2.0]], labels=[0]).residuals.tolist()
        [[0.75]]
    """
    p, x = _matrix(probabilities, "probabilities", "C"), _matrix(embeddings, "embeddings", "D")
    _check(p, x)
    single = p.shape[1] == 1
    if labels is not None:
        labels = _classes(labels, len(p), 2 if single else p.shape[1])
    elif len(p):
        labels = p[:, 0] > 0.5 if single else p.argmax(axis=1)
    residuals = p.copy()
    if len(p) and single:
        residuals[:, 0] -= labels
    elif len(p):
        residuals[np.arange(len(p)), labels] -= 1
    return GradientEmbeddings(residuals, x)


def factors_of(outputs: npt.NDArray[Any], embeddings: npt.NDArray[Any]) -> GradientEmbeddings:
    """Gradients with respect to the last layer, if the most probable label were the right one.

    Args:
        outputs: Of the model, `[N, C]`: logits, or probabilities. A single one is that of the
            second of two classes.
        embeddings: `[N, D]`.

    Returns:
        The factors `[N, C]` and `[N, D]`.

    Raises:
        InvalidArgumentError: `outputs` have another shape, or there are not as many embeddings.
        InvalidTypeError: These are no numbers.

    Example:
        >>> factors_of(np.array([[0.75, 0.25]]), np.ones((1, 3))).residuals.tolist()
        [[-0.25, 0.25]]
    """
    if outputs.ndim != 2:
        raise InvalidArgumentError(
            "Expected the model to give one output, [N, C], for gradients with respect to its last "
            f"layer, but got shape {outputs.shape}."
        )
    p = to_probabilities(outputs) if len(outputs) else outputs
    return gradient_embeddings(p, embeddings)


def _matrix(values: Any, name: str, letter: str) -> npt.NDArray[Any]:
    """`[N, letter]` in a type of floating point; it may share memory with what was given."""
    is_tensor = hasattr(values, "detach") and hasattr(values, "cpu")
    try:
        array = tensor_to_numpy(values) if is_tensor else np.asarray(values)
    except ValueError as error:
        raise InvalidArgumentError(
            f"Expected `{name}` to be [N, {letter}], but got lists of unequal lengths."
        ) from error
    if array.dtype.kind not in "iubf":
        raise InvalidTypeError(
            f"Expected `{name}` to hold real numbers, but got an array of dtype {array.dtype}."
        )
    if array.ndim != 2 or (len(array) and not array.shape[1]):
        raise InvalidArgumentError(
            f"Expected `{name}` to be [N, {letter}], but got shape {array.shape}."
        )
    return array if array.dtype in (np.float16, np.float32, np.float64) else array.astype(float)


def _check(p: npt.NDArray[Any], x: npt.NDArray[Any]) -> None:
    if len(p) != len(x):
        raise InvalidArgumentError(
            "Expected `embeddings` to be [N, D] with an item for each of the "
            f"{len(p)} `probabilities`, but got shape {x.shape}."
        )
    if p.size and not are_probabilities(p):  # what is not finite is the heuristic's to report
        raise InvalidArgumentError(
            "Expected `probabilities` to lie in [0, 1] and to sum to one over the classes "
            f"(axis 1), but got values from {np.nanmin(p):.6g} to {np.nanmax(p):.6g} with sums "
            f"from {np.nanmin(p.sum(axis=1)):.6g} to {np.nanmax(p.sum(axis=1)):.6g}: turn logits "
            "into probabilities first, each posterior sample on its own."
        )


def _classes(labels: Any, n_items: int, n_classes: int) -> npt.NDArray[Any]:
    is_tensor = hasattr(labels, "detach") and hasattr(labels, "cpu")
    array = tensor_to_numpy(labels) if is_tensor else np.asarray(labels)
    if array.dtype.kind not in "iub" and array.size:
        raise InvalidTypeError(
            f"Expected `labels` to hold whole numbers, but got an array of dtype {array.dtype}."
        )
    if array.shape != (n_items,):
        raise InvalidArgumentError(
            f"Expected `labels` to be [N], one for each of the {n_items} `probabilities`, but got "
            f"shape {array.shape}."
        )
    if n_items and (array.min() < 0 or array.max() >= n_classes):
        raise InvalidArgumentError(
            f"Expected `labels` to be classes from 0 to {n_classes - 1}, but got values from "
            f"{array.min()} to {array.max()}."
        )
    return array.astype(np.int64)
