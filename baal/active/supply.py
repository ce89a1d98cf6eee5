"""What a heuristic asks for beside predictions on the pool, supplied in one place.

Heuristics say by class attributes what they need; nobody asks which heuristic it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.masks import valid_positions
from baal.active.sources import Sources, asks_for, mean_outputs
from baal.exceptions import InvalidArgumentError
from baal.utils.probabilities import tensor_to_numpy

__all__ = ["Context", "context_of", "supply"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]

_TARGET_KEYS = ("label", "labels", "target")


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

    Raises:
        InvalidArgumentError: It wants labels, and a labelled item has none, or no number.

    Example:
        >>> from baal.active.dataset.numpy import ActiveNumpyArray
        >>> from baal.active.heuristics import CoreSet
        >>> dataset = ActiveNumpyArray((np.eye(3), np.arange(3)), labelled=[0, 1, 0])
        >>> context_of(dataset, CoreSet(1)).covered[0]
        array([[0., 1., 0.]])
    """
    waiting = dataset.pending_indices
    asks_for_targets = asks_for(heuristic, "takes_labelled_targets")
    asks = asks_for_targets or any(
        asks_for(heuristic, f"takes_labelled_{kind}") for kind in ("embeddings", "predictions")
    )
    pending = covered = None
    targets: tuple[Any, ...] = ()
    if len(waiting) and (asks_for(heuristic, "takes_pending") or asks_for_targets):
        pending = dataset.as_in_pool(waiting)
    if asks:
        indices = np.union1d(np.flatnonzero(dataset.labelled), waiting).astype(np.int64)
        covered = dataset.as_in_pool(indices) if len(indices) else None
        if asks_for_targets:
            is_waiting = np.isin(indices, waiting)
            targets = tuple(
                None if waits else _target_of(dataset.get_raw(int(index)), int(index))
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
        InvalidArgumentError: It asks for what nobody gives, or labels differ in their number of
            values.

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
    if masks_padding and hasattr(predictions, "shape") and asks_for(heuristic, "takes_mask"):
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
        if is_there and asks_for(heuristic, fact)
    }


def _targets(sources: Sources, context: Context) -> Array:
    """Of the items covered; what the model expects stands for labels that are not known yet."""
    expected: Iterator[Any] = iter(())
    if context.pending is not None:
        expected = iter(mean_outputs(sources.predict(context.pending)))
    targets = [np.ravel(next(expected) if t is None else t) for t in context.targets]
    sizes = {target.size for target in targets}
    if len(sizes - {1}) > 1:
        raise InvalidArgumentError(
            "Expected the labels of all labelled items to have one number of values, or what the "
            f"model gives for those that wait for theirs, but got {sorted(sizes)}."
        )
    return np.stack([np.broadcast_to(target, max(sizes)) for target in targets])


def _target_of(item: Any, index: int) -> Array:
    """The label of an item: a pair's second part, or what a dict calls so."""
    keys = [key for key in _TARGET_KEYS if key in item] if isinstance(item, Mapping) else []
    if keys:
        target = item[keys[0]]
    elif isinstance(item, tuple | list) and len(item) > 1:
        target = item[1]
    else:
        got = f"a dict with the keys {list(item)}" if isinstance(item, Mapping) else _named(item)
        raise InvalidArgumentError(
            f"Expected labelled items to be (input, label), or dicts with one of {_TARGET_KEYS}, "
            f"for a heuristic that takes their labels, but got {got} as item {index}."
        )
    array = tensor_to_numpy(target) if hasattr(target, "detach") else np.asarray(target)
    if array.dtype.kind not in "iubf" or not array.size:
        raise InvalidArgumentError(
            "Expected the labels of labelled items to be numbers, for a heuristic that takes "
            f"them, but got {_named(target)} as that of item {index}."
        )
    return array


def _named(thing: Any) -> str:
    """What it is, in few words: a type, with its shape or length where it has one."""
    if hasattr(thing, "shape"):
        return f"{type(thing).__name__} of shape {tuple(thing.shape)}"
    if isinstance(thing, tuple | list):
        return f"a {type(thing).__name__} of length {len(thing)}"
    return "None" if thing is None else f"{type(thing).__name__} {thing!r:.40}"
