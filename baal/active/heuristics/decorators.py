"""Decorators for `compute_score`: what it wants to be given.

They work in any order and together. Logits always become probabilities before samples are averaged.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from baal.active.heuristics.predictions import as_array
from baal.active.heuristics.scoring import Reading, read_probabilities
from baal.exceptions import InvalidArgumentError

if TYPE_CHECKING:
    from baal.active.heuristics.base import AbstractHeuristic

__all__ = [
    "reading_of",
    "reads_probabilities",
    "require_single_item",
    "requireprobs",
    "reading_as",
    "singlepass",
]

ComputeScore = Callable[..., Any]

# Within a call the decision on how to read predictions may have been made already, for a whole
# iterable of which `compute_score` sees one block. It is kept beside the heuristic and not on it,
# so that threads may share one.
_decided: ContextVar[tuple["AbstractHeuristic", Reading] | None] = ContextVar(
    "decided", default=None
)


@contextmanager
def reading_as(heuristic: "AbstractHeuristic", reading: Reading) -> Iterator[None]:
    """Fix how a heuristic's `compute_score` reads its predictions, inside the `with`.

    Args:
        heuristic: This one, and no other that it may call.
        reading: How.

    Yields:
        Nothing.

    Example:
        >>> from baal.active.heuristics.uncertainty import Certainty
        >>> heuristic = Certainty()
        >>> with reading_as(heuristic, "logits"):
        ...     heuristic.compute_score([[0.5, 0.5], [1.0, 0.0]]).round(2).tolist()
        [0.5, 0.73]
    """
    token = _decided.set((heuristic, reading))
    try:
        yield
    finally:
        _decided.reset(token)


def reading_of(heuristic: "AbstractHeuristic") -> Reading:
    """How this heuristic reads its predictions right now: as decided, or else by its mode.

    Args:
        heuristic: Whose `compute_score` is asking.

    Returns:
        How to read predictions `[N, C, ...]`.

    Example:
        >>> from baal.active.heuristics.uncertainty import Certainty
        >>> reading_of(Certainty(mode="logits"))
        'logits'
    """
    decided = _decided.get()
    return decided[1] if decided is not None and decided[0] is heuristic else heuristic.mode


def reads_probabilities(compute_score: ComputeScore) -> bool:
    """Whether a `compute_score` is decorated with `requireprobs`.

    Args:
        compute_score: The method.

    Returns:
        True also if further decorators, with `functools.wraps`, came after it.

    Example:
        >>> reads_probabilities(requireprobs(lambda self, predictions: predictions))
        True
    """
    return getattr(compute_score, "_reads_probabilities", False)


def requireprobs(compute_score: ComputeScore) -> ComputeScore:
    """Give `compute_score` probabilities, whatever it was called with.

    Logits are converted as the heuristic's `mode` says, each posterior sample on its own. An
    iterable of batches is decided upon as a whole before it comes here.

    Args:
        compute_score: Method of a heuristic that takes predictions `[N, C, ...]` first.

    Returns:
        The decorated method.

    Raises:
        InvalidArgumentError: By the decorated method, if predictions have fewer than two
            dimensions, or are no probabilities with `mode="probabilities"`.

    Example:
        >>> from baal.active.heuristics.base import AbstractHeuristic
        >>> class Highest(AbstractHeuristic):
        ...     @requireprobs
        ...     def compute_score(self, predictions):
        ...         return predictions.max(axis=1)
        >>> Highest().compute_score([[-50.0, 50.0]]).tolist()
        [1.0]
    """

    @wraps(compute_score)
    def wrapper(self: "AbstractHeuristic", predictions: Any, *args: Any, **kwargs: Any) -> Any:
        array = as_array(predictions)
        if array.ndim < 2:
            raise InvalidArgumentError(
                "Expected `predictions` to be [N, C, ...], with an axis of items and one of "
                f"classes, but got shape {array.shape}."
            )
        probabilities = read_probabilities(array, reading_of(self))
        # A parent's `compute_score`, called from inside, must not convert them once more.
        with reading_as(self, "as_is"):
            return compute_score(self, probabilities, *args, **kwargs)

    cast("Any", wrapper)._reads_probabilities = True  # noqa: SLF001 - `wraps` hands it on
    return wrapper


def singlepass(compute_score: ComputeScore) -> ComputeScore:
    """Give `compute_score` the mean over the posterior samples.

    Args:
        compute_score: Method of a heuristic that takes predictions `[N, C, ...]` first. Where it
            wants probabilities as well, logits are converted before they are averaged.

    Returns:
        The decorated method: it takes `[N, C, ..., K]` and averages over the last axis; `[N, C]`
        has no samples and stays as it is.

    Example:
        >>> from baal.active.heuristics.base import AbstractHeuristic
        >>> class First(AbstractHeuristic):
        ...     @singlepass
        ...     def compute_score(self, predictions):
        ...         return predictions[:, 0]
        >>> First().compute_score([[[1.0, 3.0], [0.0, 0.0]]]).tolist()
        [2.0]
    """

    @wraps(compute_score)
    def average(self: "AbstractHeuristic", predictions: Any, *args: Any, **kwargs: Any) -> Any:
        array = as_array(predictions)
        mean = array.mean(axis=-1) if array.ndim >= 3 else array
        return compute_score(self, mean, *args, **kwargs)

    return requireprobs(average) if reads_probabilities(compute_score) else average


def require_single_item(compute_score: ComputeScore) -> ComputeScore:
    """Give `compute_score` one array, also when it was called with a list of one.

    Args:
        compute_score: Method of a heuristic that takes predictions first.

    Returns:
        The decorated method.

    Raises:
        InvalidArgumentError: By the decorated method, for a list of several arrays, as a model
            with several outputs gives.

    Example:
        >>> from baal.active.heuristics.base import AbstractHeuristic
        >>> class First(AbstractHeuristic):
        ...     @require_single_item
        ...     def compute_score(self, predictions):
        ...         return predictions[:, 0]
        >>> import numpy as np
        >>> First().compute_score([np.array([[1.0, 3.0]])]).tolist()
        [1.0]
    """

    @wraps(compute_score)
    def wrapper(self: "AbstractHeuristic", predictions: Any, *args: Any, **kwargs: Any) -> Any:
        return compute_score(self, as_array(predictions), *args, **kwargs)

    return wrapper
