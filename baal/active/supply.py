"""What a heuristic asks for beside predictions on the pool, supplied in one place.

Heuristics say by class attributes what they need; nobody asks which heuristic it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.masks import valid_positions
from baal.active.heuristics.predictions import read_whole
from baal.exceptions import InvalidArgumentError
from baal.utils.array_utils import to_prob
from baal.utils.gradient_embeddings import gradient_embeddings

__all__ = ["Context", "Sources", "context_of", "supply"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]

_TARGET_KEYS = ("label", "labels", "target")


@dataclass(frozen=True)
class Sources:
    """Where the inputs of heuristics come from.

    Attributes:
        predict: Items, in the form of the pool, to posterior samples.
        predictor: Whose method `predict` is, such as a `ModelWrapper`: its `embed_on_dataset`,
            `gradient_embed_on_dataset` and `gradient_lengths_on_dataset` are used where it has
            them.
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
            if _asks(heuristic, f"needs_{kind}"):
                self._embedding_source(heuristic)
        if _asks(heuristic, "needs_gradient_lengths"):
            self._own("gradient_lengths_on_dataset", heuristic)

    def gradient_embeddings(self, heuristic: Any, items: Any) -> Any:
        """Gradients with respect to the last layer, as their two factors.

        Args:
            heuristic: Which asks for them, for the message.
            items: In the form of the pool.

        Returns:
            Residuals `[n, C]` and embeddings `[n, D]`: those of the predictor if it has them; else
            of the mean prediction.
        """
        method = "gradient_embed_on_dataset"
        if self.get_embeddings is None and hasattr(self.predictor, method):
            return self._own(method, heuristic)(items)
        p = mean_outputs(self.predict(items))
        return gradient_embeddings(to_prob(p), read_whole(self.embeddings(heuristic, items)))

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
            raise InvalidArgumentError(
                f"Expected somebody to supply {type(heuristic).__name__} with what it needs, but "
                f"got a `get_probabilities` without `{method}`: take it from a ModelWrapper, as "
                f"`wrapper.predict_on_dataset`{otherwise}."
            )
        return partial(found, **self.options)


@dataclass(frozen=True)
class Context:
    """What surrounds the pool when a query begins: a label given meanwhile changes nothing in it.

    Attributes:
        pending: Items that wait for their labels, in the form of the pool; None: there are none, or
            nobody wants to know.
        covered: Those and the labelled ones, by ascending dataset index; None likewise.
        targets: Of the items `covered`: a label, or None for one that waits for it.

    Example:
        >>> Context().covered is None
        True
    """

    pending: Any = None
    covered: Any = None
    targets: tuple[Any, ...] = ()


def context_of(dataset: Any, heuristic: Any) -> Context:
    """Take down what a heuristic wants to know of labelled and pending items.

    Args:
        dataset: The active dataset.
        heuristic: Any heuristic.

    Returns:
        It.

    Example:
        >>> from baal.active.dataset.numpy import ActiveNumpyArray
        >>> from baal.active.heuristics import CoreSet
        >>> dataset = ActiveNumpyArray((np.eye(3), np.arange(3)), labelled=[0, 1, 0])
        >>> context_of(dataset, CoreSet(1)).covered[0]
        array([[0., 1., 0.]])
    """
    waiting = dataset.pending_indices
    asks_for_targets = _asks(heuristic, "takes_labelled_targets")
    asks = asks_for_targets or any(
        _asks(heuristic, f"takes_labelled_{kind}") for kind in ("embeddings", "predictions")
    )
    pending = covered = None
    targets: tuple[Any, ...] = ()
    if len(waiting) and (_asks(heuristic, "takes_pending") or asks_for_targets):
        pending = dataset.as_in_pool(waiting)
    if asks:
        indices = np.union1d(np.flatnonzero(dataset.labelled), waiting).astype(np.int64)
        covered = dataset.as_in_pool(indices) if len(indices) else None
        if asks_for_targets:
            is_waiting = np.isin(indices, waiting)
            targets = tuple(
                None if waits else _target_of(dataset.get_raw(int(index)))
                for index, waits in zip(indices, is_waiting, strict=True)
            )
    return Context(pending, covered, targets)


def supply(
    heuristic: Any, sources: Sources, pool: Any, predictions: Any, context: Context
) -> tuple[Any, dict[str, Any]]:
    """All that a heuristic asks for.

    Args:
        heuristic: Any heuristic.
        sources: Where it comes from.
        pool: The items to score.
        predictions: On them.
        context: Labelled and pending items.

    Returns:
        The predictions, and the other arguments of the heuristic's `get_ranks` by name.

    Raises:
        InvalidArgumentError: It asks for what nobody gives.

    Example:
        >>> from baal.active.heuristics import CoreSet
        >>> sources = Sources(lambda items: None, None, get_embeddings=lambda items: items)
        >>> supply(CoreSet(1), sources, np.eye(2), np.zeros((2, 1)), Context())[1]
        {'embeddings': array([[1., 0.],
               [0., 1.]])}
    """
    wanted = _wanted(heuristic, sources, pool, context)
    if wanted and isinstance(predictions, Iterator):
        # Those of the pool are drawn first: whoever predicts does one thing after the other.
        predictions = iter(list(predictions))
    # Only now the predictor knows; only an array has one length for all sentences.
    masks_padding = getattr(sources.predictor, "masks_padding", False)
    mask = {}
    if masks_padding and hasattr(predictions, "shape") and _asks(heuristic, "takes_mask"):
        mask["mask"] = valid_positions(predictions)
    return predictions, {name: get() for name, get in wanted.items()} | mask


def _wanted(
    heuristic: Any, sources: Sources, pool: Any, context: Context
) -> dict[str, Callable[[], Any]]:
    """By name, what is asked for and there to be given: how to get it."""
    pending, covered, targets = context.pending, context.covered, sources.target_dataset
    ways: dict[str, tuple[str, bool, Callable[[], Any]]] = {
        "pending_predictions": (
            "takes_pending", pending is not None, lambda: sources.predict(pending),
        ),
        "target_predictions": (
            "needs_target_predictions", targets is not None, lambda: sources.predict(targets),
        ),
        "embeddings": ("needs_embeddings", True, lambda: sources.embeddings(heuristic, pool)),
        "gradient_embeddings": (
            "needs_gradient_embeddings",
            True,
            lambda: sources.gradient_embeddings(heuristic, pool),
        ),
        "gradient_lengths": (
            "needs_gradient_lengths", True, lambda: sources.gradient_lengths(heuristic, pool),
        ),
        "labelled_embeddings": (
            "takes_labelled_embeddings",
            covered is not None,
            lambda: sources.embeddings(heuristic, covered),
        ),
        "labelled_predictions": (
            "takes_labelled_predictions", covered is not None, lambda: sources.predict(covered),
        ),
        "labelled_targets": (
            "takes_labelled_targets", covered is not None, lambda: _targets(sources, context),
        ),
    }  # fmt: skip
    return {
        name: get
        for name, (fact, is_there, get) in ways.items()
        if is_there and _asks(heuristic, fact)
    }


def _targets(sources: Sources, context: Context) -> Array:
    """Of the items covered; what the model expects stands for labels that are not known yet."""
    expected: Iterator[Any] = iter(())
    if context.pending is not None:
        expected = iter(mean_outputs(sources.predict(context.pending)))
    targets = [next(expected) if t is None else np.asarray(t) for t in context.targets]
    size = max(np.size(target) for target in targets)
    return np.stack([np.broadcast_to(np.ravel(target), size) for target in targets])


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


def _target_of(item: Any) -> Any:
    """The label of an item: a pair's second part, or what a dict calls so."""
    if isinstance(item, Mapping):
        return next(item[key] for key in _TARGET_KEYS if key in item)
    return item[1]


def _asks(heuristic: Any, fact: str) -> bool:
    return bool(getattr(heuristic, fact, False))
