"""The deterministic prefix of a forward pass, computed once for all posterior samples.

All that a model computes before its first random operation is the same for every sample. The first
pass is watched, operation by operation (`TorchDispatchMode`), and what is still alive when
randomness sets in is kept. In the passes that follow, the operations before that point are not
computed: each gives what it gave. This needs nothing of the model: residual connections, in-place
operations and control flow all run as they are written, since every pass is a plain call of it.
"""

from collections.abc import Callable
from typing import TypeVar

import torch

from baal.bayesian.sampling.context import prefix_mode
from baal.bayesian.sampling.recording import (
    Mode,
    Operation,
    PrefixMismatchError,
    Recorder,
    Replayer,
    is_random,
)

__all__ = ["Prefix", "PrefixMismatchError", "is_random"]

T = TypeVar("T")


class Prefix:
    """Several passes of one model over one batch, sharing what comes before the randomness.

    Args:
        poison: Fill what is not kept with values that nobody could take for real ones. A model that
            reads a tensor behind torch's back (`.numpy()`, `.tolist()`) then gives itself away.

    Raises:
        PrefixMismatchError: By `run`, when a later pass departs from the first one.

    Example:
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5))
        >>> prefix, x = Prefix(), torch.ones(4, 3)
        >>> with torch.no_grad():
        ...     outputs = [prefix.run(lambda: net(x)) for _ in range(3)]
    """

    def __init__(self, *, poison: bool = False) -> None:
        self._poison = poison
        self._operations: list[Operation] | None = None
        self._shared: list[tuple[torch.Tensor, int]] = []

    def run(self, forward: Callable[[], T]) -> T:
        """Make a pass, the first time in full, then from the first random operation on.

        Args:
            forward: Calls the model on the batch, always the same one.

        Returns:
            What `forward` returns.

        Raises:
            PrefixMismatchError: It did other operations than the first time, or the first pass
                changed in place what later ones would have shared.
        """
        if self._operations is None:
            recorder = Recorder(self._poison)
            result = _run_in(recorder, forward)
            self._operations = recorder.operations
            self._shared = recorder.shared
            return result
        if any(tensor._version != version for tensor, version in self._shared):  # noqa: SLF001
            raise PrefixMismatchError("a pass changed in place what later ones would have shared")
        replayer = Replayer(self._operations)
        result = _run_in(replayer, forward)
        if replayer.position < len(self._operations):
            raise PrefixMismatchError("a later pass did fewer operations than the first")
        return result


def _run_in(mode: "Mode", forward: Callable[[], T]) -> T:
    token = prefix_mode.set(mode)
    mode.__enter__()
    try:
        return forward()
    finally:
        prefix_mode.reset(token)
        mode.leave()
