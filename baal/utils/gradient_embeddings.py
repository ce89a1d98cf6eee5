"""Gradients with respect to a last layer, as the two factors of an outer product."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.utils.probabilities import to_probabilities

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
    probabilities: npt.NDArray[Any],
    embeddings: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]] | None = None,
) -> GradientEmbeddings:
    """Gradients of the cross-entropy with respect to the last layer, as if labels were known.

    Ash et al. (2020), https://arxiv.org/abs/1906.03671, with the most probable class as label.

    Args:
        probabilities: `[N, C]` with C >= 2.
        embeddings: Inputs of the last layer, `[N, D]`.
        labels: `[N]`; by default the most probable classes.

    Returns:
        The factors: `p - onehot(label)`, and the embeddings.

    Example:
        >>> gradient_embeddings(np.array([[0.75, 0.25]]), np.ones((1, 3))).residuals.tolist()
        [[-0.25, 0.25]]
    """
    residuals = np.array(probabilities)
    labels = residuals.argmax(axis=1) if labels is None else labels
    residuals[np.arange(len(residuals)), labels] -= 1
    return GradientEmbeddings(residuals, embeddings)


def factors_of(outputs: npt.NDArray[Any], embeddings: npt.NDArray[Any]) -> GradientEmbeddings:
    """Gradients with respect to the last layer, if the most probable label were the right one.

    Args:
        outputs: Of the model, `[N, C]`: logits, or probabilities. A single one is that of the
            second of two classes.
        embeddings: `[N, D]`.

    Returns:
        The factors `[N, C]` and `[N, D]`.

    Raises:
        InvalidArgumentError: `outputs` have another shape.

    Example:
        >>> factors_of(np.array([[0.75, 0.25]]), np.ones((1, 3))).residuals.tolist()
        [[-0.25, 0.25]]
    """
    if outputs.ndim != 2:
        raise InvalidArgumentError(
            "Expected the model to give one output, [N, C], for gradients with respect to its last "
            f"layer, but got shape {outputs.shape}."
        )
    if not len(outputs):
        return GradientEmbeddings(outputs, embeddings)
    p = to_probabilities(outputs)
    if p.shape[1] > 1:
        return gradient_embeddings(p, embeddings)
    return GradientEmbeddings(p - (p > 0.5), embeddings)
