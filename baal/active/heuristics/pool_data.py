"""What is known of a pool as a whole: predictions, embeddings, gradients, and what has labels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.predictions import as_array, is_batches, join
from baal.exceptions import InvalidArgumentError

__all__ = ["PoolData", "read_pool_data"]

Array = npt.NDArray[Any]

# How large values may be, and 1 over it how small the largest of them: products of four have room.
_FLOAT32 = 1e8
_FLOAT64 = 1e70


@dataclass(frozen=True, eq=False)
class PoolData:
    """A pool of N items, and M items that have labels or wait for them.

    Only what a heuristic asks for is there; the rest is None. Nothing in it is broken: items with
    values that are not finite were left out.

    Attributes:
        n_items: N.
        predictions: `[N, C, ..., K]`, as they came.
        probabilities: Means over the posterior samples, `[N, C]` with C >= 2.
        embeddings: `[N, D]`, and so is the second factor of gradients.
        residuals: The first factor of gradients, `[N, C]`.
        scores: Of another heuristic, that this one builds on, `[N]`.
        gradient_lengths: Of the loss if the label were `c`, `[N, C]`.
        labelled_embeddings: `[M, D]`; M may be 0.
        labelled_predictions: `[M, C, ..., K]`.
        labelled_probabilities: `[M, C]`.
        labelled_targets: `[M, ...]`.

    Example:
        >>> pool = PoolData(3, embeddings=np.eye(3))
        >>> pool.take(np.array([0, 2])).embeddings.tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """

    n_items: int
    predictions: Array | None = None
    probabilities: Array | None = None
    embeddings: Array | None = None
    residuals: Array | None = None
    gradient_lengths: Array | None = None
    scores: Array | None = None
    labelled_embeddings: Array | None = None
    labelled_predictions: Array | None = None
    labelled_probabilities: Array | None = None
    labelled_targets: Array | None = None

    def take(self, items: npt.NDArray[np.int64]) -> "PoolData":
        """Some of the pool's items; what is labelled stays.

        Args:
            items: `[n]`.

        Returns:
            Them, copied.
        """
        parts = {
            field.name: getattr(self, field.name)[items]
            for field in fields(self)
            if _is_of_items(field.name) and getattr(self, field.name) is not None
        }
        return replace(self, n_items=len(items), **parts)

    def in_range(self) -> "PoolData":
        """The same, with embeddings in float64 where products of them need it.

        Returns:
            This, or a copy.

        Raises:
            InvalidArgumentError: Not even float64 has room for the products.
        """
        names = ("embeddings", "labelled_embeddings", "residuals")
        arrays = {name: x for name in names if (x := getattr(self, name)) is not None and x.size}
        largest = {name: _largest(x) for name, x in arrays.items()}
        for name, value in largest.items():
            if not _is_within(value, _FLOAT64):
                raise InvalidArgumentError(
                    f"Expected the largest value of `{name}` to be zero, or between 1e-70 and "
                    f"1e+70, but got {value:.3g}: scale them."
                )
        if all(x.itemsize > 4 or _is_within(largest[name], _FLOAT32) for name, x in arrays.items()):
            return self
        return replace(self, **{name: x.astype(np.float64) for name, x in arrays.items()})

    def finite(self) -> npt.NDArray[np.bool_]:
        """Which of the pool's items have nothing but finite values, `[N]`."""
        whole = np.ones(self.n_items, dtype=np.bool_)
        for field in fields(self):
            array = getattr(self, field.name)
            if _is_of_items(field.name) and array is not None:
                whole &= _finite_rows(array)
        return whole


def _is_of_items(name: str) -> bool:
    return name != "n_items" and not name.startswith("labelled")


def _largest(array: Array) -> float:
    """Without its sign; by no copy."""
    return float(max(array.max(), -array.min()))


def _is_within(value: float, limit: float) -> bool:
    return value == 0 or 1 / limit <= value <= limit


def _finite_rows(array: Array) -> npt.NDArray[np.bool_]:
    rows = array.reshape(len(array), -1) if len(array) else array.reshape(0, 1)
    # A sum is finite where all of it is, but for overflow; it needs no copy of the array.
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(rows.sum(axis=1, dtype=np.float64))
    if not finite.all():
        doubtful = np.flatnonzero(~finite)
        finite[doubtful] = np.isfinite(rows[doubtful]).all(axis=1)
    return np.asarray(finite)


def read_pool_data(n_items: int | None, given: Mapping[str, Any]) -> PoolData:
    """Read what was given, and see that it fits together.

    Args:
        n_items: N, where predictions have told it.
        given: Arguments of a heuristic by name: `embeddings`, `gradient_embeddings`,
            `gradient_lengths`, `labelled_embeddings`, `labelled_targets`; None is left out.

    Returns:
        The data; float16 becomes float32.

    Raises:
        InvalidArgumentError: Shapes do not fit together, or what has labels is not finite.
        InvalidTypeError: These are no numbers.

    Example:
        >>> read_pool_data(None, {"embeddings": [[1, 2], [3, 4]]}).n_items
        2
    """
    given = {name: value for name, value in given.items() if value is not None}
    gradients = given.pop("gradient_embeddings", None)
    if gradients is not None:
        given["residuals"], given["embeddings"] = _two_factors(gradients)
    if _is_nothing(given.get("labelled_embeddings")):
        del given["labelled_embeddings"]
    arrays = {name: _read(name, value) for name, value in given.items()}
    sizes = {name: len(array) for name, array in arrays.items() if _is_of_items(name)}
    n_items = next(iter(sizes.values()), 0) if n_items is None else n_items
    for name, size in sizes.items():
        if size != n_items:
            raise InvalidArgumentError(
                f"Expected `{name}` to hold a row for each of the {n_items} items of the pool, but "
                f"got {size}."
            )
    _check_labelled(arrays)
    return PoolData(n_items, **arrays)


def _is_nothing(value: Any) -> bool:
    """An empty list has no D, and yet says what it means."""
    return isinstance(value, list) and not value


def _two_factors(gradients: Any) -> tuple[Any, Any]:
    if not isinstance(gradients, tuple | list) or len(gradients) != 2:
        raise InvalidArgumentError(
            "Expected `gradient_embeddings` to be a pair of factors, residuals [N, C] and "
            f"embeddings [N, D], but got {type(gradients).__name__}."
        )
    return gradients[0], gradients[1]


def _read(name: str, value: Any) -> Array:
    array = join(value, name) if is_batches(value) else as_array(value, name)
    if name != "labelled_targets" and (array.ndim != 2 or array.shape[1] == 0):
        n_rows = "N" if _is_of_items(name) else "M"
        raise InvalidArgumentError(
            f"Expected `{name}` to be [{n_rows}, D], a row for each item, but got shape "
            f"{array.shape}."
        )
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _check_labelled(arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if name.startswith("labelled") and not np.isfinite(array).all():
            raise InvalidArgumentError(
                f"Expected `{name}` to be finite, but got values that are not."
            )
    pool, labelled = arrays.get("embeddings"), arrays.get("labelled_embeddings")
    if pool is not None and labelled is not None and pool.shape[1] != labelled.shape[1]:
        raise InvalidArgumentError(
            f"Expected `labelled_embeddings` to be [M, {pool.shape[1]}] like the rows of "
            f"`embeddings`, but got shape {labelled.shape}."
        )
