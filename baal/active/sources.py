"""Where the inputs of heuristics come from: predictions, embeddings, gradients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.predictions import read_whole
from baal.active.heuristics.scoring import Reading, score_array
from baal.exceptions import InvalidArgumentError
from baal.utils.gradient_embeddings import gradient_embeddings

__all__ = ["Sources", "asks_for", "mean_outputs", "mean_probabilities"]

Array = npt.NDArray[Any]


def asks_for(heuristic: Any, fact: str) -> bool:
    """Whether a heuristic says of itself that something holds.

    Args:
        heuristic: Any heuristic, also one that knows of no such fact.
        fact: Name of a class attribute, such as `"needs_embeddings"`.

    Returns:
        What it says; False if it says nothing.

    Example:
        >>> from baal.active.heuristics import CoreSet
        >>> asks_for(CoreSet(1), "needs_embeddings"), asks_for(CoreSet(1), "needs_coffee")
        (True, False)
    """
    return bool(getattr(heuristic, fact, False))


def mean_outputs(predictions: Any) -> Array:
    """Means over posterior samples.

    Args:
        predictions: `[n, C, ..., K]`, or batches of it; `[n, C]` has no samples.

    Returns:
        `[n, C, ...]`.

    Example:
        >>> mean_outputs([[[1.0, 3.0]]]).tolist()
        [[2.0]]
    """
    array = read_whole(predictions)
    return array.mean(axis=-1) if array.ndim > 2 else array


def mean_probabilities(predictions: Any, reading: Reading = "auto") -> Array:
    """What posterior samples expect: each is turned into probabilities before they are averaged.

    Args:
        predictions: `[n, C, K]`, or batches of it; `[n, C]` is one sample.
        reading: What they hold; see `baal.active.heuristics.scoring`.

    Returns:
        `[n, C]` float64: of a single column, the probability of the second of two classes.

    Raises:
        InvalidArgumentError: They have another shape, or are not what `reading` says.
        InvalidTypeError: These are no numbers.

    Example:
        >>> mean_probabilities([[[9.0, 0.0], [-9.0, 0.0]]]).round(3).tolist()
        [[0.75, 0.25]]
    """
    array = read_whole(predictions)
    if array.ndim not in (2, 3):
        raise InvalidArgumentError(
            "Expected the model to give one output, [n, C, K] or [n, C], for gradients with "
            f"respect to its last layer, but got shape {array.shape}."
        )
    samples = array if array.ndim == 3 else array[..., None]
    return score_array(samples, lambda p: p.mean(axis=-1, dtype=np.float64), reading)


@dataclass(frozen=True)
class Sources:
    """Where the inputs of heuristics come from.

    Attributes:
        predict: Items, in the form of the pool, to posterior samples.
        predictor: Whose method `predict` is, such as a `ModelWrapper`: its `embed_on_dataset`,
            `gradient_embed_on_dataset` and `gradient_lengths_on_dataset` are used where it has
            them, and its attribute `supplier` names it in errors.
        get_embeddings: Items to embeddings `[n, D]`, in place of the predictor's; None: those.
        target_dataset: What the model is to be used on; None: nobody said.
        options: Passed on to the predictor's own methods, such as `verbose`.

    Example:
        >>> Sources(predict=lambda pool: pool, predictor=None).get_embeddings is None
        True
    """

    predict: Callable[[Any], Any]
    predictor: Any
    get_embeddings: Callable[[Any], Any] | None = None
    target_dataset: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def embeddings(self, heuristic: Any, items: Any) -> Any:
        """Embeddings of items.

        Args:
            heuristic: Which asks for them, for the message.
            items: In the form of the pool.

        Returns:
            `[n, D]`.

        Raises:
            InvalidArgumentError: Nobody gives any.
        """
        return self._embedding_source(heuristic)(items)

    def check(self, heuristic: Any) -> None:
        """Refuse a heuristic that could not be supplied.

        Args:
            heuristic: Any heuristic.

        Raises:
            InvalidArgumentError: It asks for what nobody gives.
        """
        for kind in ("embeddings", "gradient_embeddings"):
            if asks_for(heuristic, f"needs_{kind}"):
                self._embedding_source(heuristic)
        if asks_for(heuristic, "needs_gradient_lengths"):
            self._own("gradient_lengths_on_dataset", heuristic)

    def gradient_embeddings(self, heuristic: Any, items: Any) -> Any:
        """Gradients with respect to the last layer, as their two factors.

        Args:
            heuristic: Which asks for them, for the message.
            items: In the form of the pool.

        Returns:
            Residuals `[n, C]` and embeddings `[n, D]`: those of the predictor if it has them; else
            of the mean prediction, read as the heuristic's `mode` says.

        Raises:
            InvalidArgumentError: Nobody gives embeddings, or the predictions are not one output.
        """
        method = "gradient_embed_on_dataset"
        if self.get_embeddings is None and hasattr(self.predictor, method):
            return self._own(method, heuristic)(items)
        p = mean_probabilities(self.predict(items), getattr(heuristic, "mode", "auto"))
        x = read_whole(self.embeddings(heuristic, items), "embeddings")
        return gradient_embeddings(p, x)

    def gradient_lengths(self, heuristic: Any, items: Any) -> Any:
        """Lengths of the gradient of the whole model, by class.

        Args:
            heuristic: Which asks for them, for the message.
            items: In the form of the pool.

        Returns:
            `[n, C]`.
        """
        return self._own("gradient_lengths_on_dataset", heuristic)(items)

    def _embedding_source(self, heuristic: Any) -> Callable[[Any], Any]:
        if self.get_embeddings is not None:
            return self.get_embeddings
        return self._own("embed_on_dataset", heuristic, ", or pass `get_embeddings`")

    def _own(self, method: str, heuristic: Any, otherwise: str = "") -> Callable[[Any], Any]:
        found: Callable[[Any], Any] | None = getattr(self.predictor, method, None)
        if found is None:
            got = getattr(self.predictor, "supplier", "a `get_probabilities`")
            raise InvalidArgumentError(
                f"Expected somebody to supply {type(heuristic).__name__} with what it needs, but "
                f"got {got} without `{method}`: take it from a ModelWrapper, as "
                f"`wrapper.predict_on_dataset`{otherwise}."
            )
        return partial(found, **self.options)
