"""Is data augmentation left on in the pool? Two reads of one item tell, most of the time."""

import warnings
from collections.abc import Callable
from typing import Any

from baal.active.dataset.specifics import view_with
from baal.utils.equality import deep_check
from baal.utils.random_states import kept_random_states

__all__ = ["items_differ", "warn_if_augmented"]


def warn_if_augmented(dataset: Any, read: Callable[[Any], Any], stacklevel: int = 2) -> None:
    """Read one item twice and warn if it came out differently.

    The global random states of torch, NumPy and `random` are as before afterwards. The reads go
    through a shallow copy of the dataset: a file or database that it opens at its first read must
    not stay open here, since another process could not inherit it.

    Args:
        dataset: The dataset, which may have attributes overridden.
        read: Reads one item from such a dataset.
        stacklevel: Of the warning, as in `warnings.warn`.

    Warns:
        UserWarning: The item differs between the reads.

    Example:
        >>> warn_if_augmented([1, 2, 3], lambda dataset: dataset[0])
    """
    try:
        with kept_random_states():
            probe = view_with(dataset, {})
            differ = items_differ(read(probe), read(probe))
    except Exception:  # noqa: BLE001 - advice only: whoever reads the item meets its error
        return
    if differ:
        warnings.warn(
            "An item of the pool differs between two reads: data augmentation is not switched "
            "off, and scores will be noisy. Switch it off in the pool only with `pool_specifics`, "
            'for example pool_specifics={"transform": test_transform}.',
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def items_differ(first: Any, second: Any) -> bool:
    """Whether two reads of an item surely differ; NaN equals NaN.

    Args:
        first: Tensors, arrays and plain values, in mappings and sequences at any depth.
        second: The same, read again.

    Returns:
        False also for what cannot be compared, such as objects that define no equality.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> items_differ((torch.ones(2), 3), (torch.ones(2), 3))
        False
        >>> items_differ({"x": np.zeros(2)}, {"x": np.array([0.0, 1.0])})
        True
    """
    return not deep_check(first, second, unknown=True)
