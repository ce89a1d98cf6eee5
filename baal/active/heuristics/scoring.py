"""Scoring predictions block by block, and deciding what they are: probabilities or logits.

How predictions are *read* (a `Reading`):

- `"auto"`: probabilities if all values lie in [0, 1] and all columns sum to one (for a single
  output column: if all lie in [0, 1]), else logits. One decision for all that is scored in one
  call, be it an array or an iterable of batches.
- `"probabilities"`: checked, and an error if they are not.
- `"logits"`: turned into probabilities, each posterior sample on its own.
- `"as_is"`: scored as they come. Not a mode for users: it is for outputs that are no probabilities
  at all, and for blocks that were checked before.

What auto cannot know: values in [0, 1] whose columns do not sum to one are either logits that
happen to be small, or independent (multi-label) probabilities. They are read as logits, with a
warning; multi-label probabilities have heuristics of their own. And the logits of a single output
column that all happen to lie in [0, 1] look exactly like Bernoulli probabilities, and are read as
such.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.predictions import BLOCK_ELEMENTS, items_per_block
from baal.exceptions import InvalidArgumentError
from baal.utils.frames import level_outside_baal
from baal.utils.probabilities import (
    in_unit_range,
    logits_to_probabilities,
    precision,
    sums_to_one,
)

__all__ = ["MODES", "Reading", "read_probabilities", "score_array", "score_undecided"]

Array = npt.NDArray[Any]
Reading = Literal["auto", "probabilities", "logits", "as_is"]
"""What predictions are taken for; "as_is" is for outputs that are neither."""
Place = tuple[slice, slice]
MODES: tuple[Reading, ...] = ("auto", "probabilities", "logits")


def score_array(
    array: Array, score: Callable[[Array], Array], reading: Reading, threads: int = 1
) -> Array:
    """Apply a function on probabilities to an array, block by block.

    Args:
        array: `[N, C, ..., K]`.
        score: `[n, C, m, K]` to `[n, m]` or `[n, C, m]`; an item's and a position's scores depend
            on that item and position alone.
        reading: What the array holds.
        threads: How many blocks are scored at once.

    Returns:
        `[N, ...]` or `[N, C, ...]`.

    Raises:
        InvalidArgumentError: `reading` is "probabilities" and the values are not.

    Example:
        >>> score_array(np.zeros((2, 4, 3)), lambda p: p.max(axis=(1, -1)), "logits").tolist()
        [0.25, 0.25]
    """
    if reading == "auto":
        # As long as nothing speaks against probabilities they are scored as such; the first block
        # of logits gives itself away, so that starting over costs next to nothing.
        scores = _score_blocks(array, score, "auto", threads)
        if scores is not None:
            return scores
        eps, read = precision(array), _reader(array)
        _warn_if_multilabel(all(in_unit_range(read(place), eps) for place in _places(array)))
        reading = "logits"
    scores = _score_blocks(array, score, reading, threads)
    assert scores is not None  # only auto can fail
    return scores


def score_undecided(
    blocks: Iterable[Array], score: Callable[[Array, Reading], Array]
) -> list[Array]:
    """Score blocks that are read once, deciding at the end: both answers are kept until then.

    Args:
        blocks: Each `[n, C, ..., K]`.
        score: A block and how to read it, to its scores.

    Returns:
        The scores of each block, all of them read in the same way.

    Example:
        >>> blocks = [np.array([[0.5, 0.5]]), np.array([[-3.0, 3.0]])]
        >>> score_undecided(blocks, lambda block, reading: reading)
        ['logits', 'logits']
    """
    evidence = Evidence()
    as_probabilities: list[Array] = []
    as_logits: list[Array] = []
    for block in blocks:
        evidence.see(block)
        if evidence.for_probabilities:
            as_probabilities.append(score(block, "as_is"))
        else:
            as_probabilities.clear()
        as_logits.append(score(block, "logits"))
        del block  # before the next one is made
    if evidence.for_probabilities:
        return as_probabilities
    _warn_if_multilabel(evidence.in_range)
    return as_logits


def read_probabilities(array: Array, reading: Reading) -> Array:
    """The probabilities that an array stands for, as a whole.

    Args:
        array: `[N, C, ...]`.
        reading: What it holds.

    Returns:
        `[N, C, ...]`; the very array if there was nothing to change.

    Raises:
        InvalidArgumentError: `reading` is "probabilities" and the values are not.

    Example:
        >>> read_probabilities(np.log([[1.0, 3.0]]), "auto").round(6).tolist()
        [[0.25, 0.75]]
    """
    if reading == "auto":
        evidence = Evidence()
        evidence.see(array)
        if not evidence.for_probabilities:
            _warn_if_multilabel(evidence.in_range)
        reading = "as_is" if evidence.for_probabilities else "logits"
    elif reading == "probabilities":
        _check_probabilities(array, precision(array))
    if reading == "logits":
        return logits_to_probabilities(_single_or_double(array))
    return array


class Evidence:
    """What the values seen so far say about whether they are probabilities."""

    def __init__(self) -> None:
        self.in_range = True
        self.normalised = True

    @property
    def for_probabilities(self) -> bool:
        """Whether nothing seen so far speaks against probabilities."""
        return self.in_range and self.normalised

    def see(self, values: Array, eps: float | None = None) -> None:
        """Take in some more values `[n, C, ...]`, computed with machine epsilon `eps`."""
        eps = eps or precision(values)
        values = _single_or_double(values)
        self.in_range = self.in_range and in_unit_range(values, eps)
        if self.for_probabilities and values.shape[1] > 1:
            self.normalised = sums_to_one(values)


def _score_blocks(
    array: Array, score: Callable[[Array], Array], reading: Reading, threads: int
) -> Array | None:
    """Scores of all blocks; None as soon as auto sees that these are no probabilities."""
    eps, read = precision(array), _reader(array)

    def score_block(place: Place) -> Array | None:
        block = read(place)
        if reading == "auto":
            evidence = Evidence()
            evidence.see(block, eps)
            if not evidence.for_probabilities:
                return None
        elif reading == "probabilities":
            _check_probabilities(block, eps)
        elif reading == "logits":
            block = logits_to_probabilities(block)
        # Broken values give broken scores, which are reported where they are ranked.
        with np.errstate(invalid="ignore", over="ignore"):
            return score(block)  # [n, m] or [n, C, m]

    scores: Array | None = None
    places = list(_places(array))
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        parts = pool.map(score_block, places) if pool else map(score_block, places)
        for place, part in zip(places, parts, strict=True):
            if part is None:
                if pool:
                    pool.shutdown(cancel_futures=True)
                return None
            if scores is None:
                n_positions = int(np.prod(array.shape[2:-1]))
                scores = np.empty((len(array), *part.shape[1:-1], n_positions))
            scores[place[0], ..., place[1]] = part
    assert scores is not None  # an array without items is one block without items
    return scores.reshape(*scores.shape[:-1], *array.shape[2:-1])


def _places(array: Array) -> Iterator[Place]:
    """Which items and which of their positions each block of `[N, C, ..., K]` holds.

    The cuts depend on the shape of one item alone: so the same items give the same bits, however
    many there are.
    """
    n_items, n_classes, *further, n_samples = array.shape
    n_positions = int(np.prod(further))
    item_step = items_per_block(array.shape[1:])
    step = max(1, BLOCK_ELEMENTS // (n_classes * n_samples)) if item_step == 1 else n_positions
    for start in range(0, max(1, n_items), item_step):
        for first in range(0, n_positions, step):
            yield slice(start, min(start + item_step, n_items)), slice(first, first + step)


def _reader(array: Array) -> Callable[[Place], Array]:
    """Gives the block at a place: `[n, C, m, K]` in float32 or float64, in the order of memory."""
    n_positions = int(np.prod(array.shape[2:-1]))

    # An item may have many blocks, and one that lies spread out in memory is brought in order once.
    @lru_cache(maxsize=1)
    def items(start: int, stop: int) -> Array:
        part = np.ascontiguousarray(array[start:stop])
        return part.reshape(len(part), array.shape[1], n_positions, array.shape[-1])

    def read(place: Place) -> Array:
        # A part of an item's positions is a row for each class, with gaps between the rows: as fast
        # to walk through as a copy of it.
        return _single_or_double(items(place[0].start, place[0].stop)[:, :, place[1]])

    return read


def _single_or_double(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _check_probabilities(values: Array, eps: float) -> None:
    if not in_unit_range(values, eps):
        raise InvalidArgumentError(
            "Expected `predictions` to be probabilities in [0, 1] with mode='probabilities', but "
            f"got values from {np.nanmin(values):.6g} to {np.nanmax(values):.6g}. For logits pass "
            "mode='logits'."
        )
    if values.shape[1] > 1 and not sums_to_one(_single_or_double(values)):
        raise InvalidArgumentError(
            "Expected `predictions` to sum to one over the classes (axis 1) with "
            "mode='probabilities', but got sums that do not. Independent (multi-label) "
            "probabilities [N, L, ..., K] are for MultiLabelBALD, MultiLabelEntropy and "
            "MultiLabelMargin."
        )


def _warn_if_multilabel(in_range: bool) -> None:
    if in_range:
        warnings.warn(
            "Expected `predictions` to be logits, or probabilities that sum to one over the "
            "classes (axis 1), but got values in [0, 1] with other sums: read as logits. If they "
            "are, mode='logits' says so. Independent (multi-label) probabilities [N, L, ..., K] "
            "are for MultiLabelBALD, MultiLabelEntropy and MultiLabelMargin.",
            UserWarning,
            stacklevel=level_outside_baal(),
        )
