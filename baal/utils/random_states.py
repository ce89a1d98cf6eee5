"""The global random states of torch, NumPy and Python: looked at, kept, put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["RandomStates", "kept_random_states", "seeded"]


@dataclass(frozen=True, eq=False)
class RandomStates:
    """The global random states at one moment.

    Attributes:
        torch_states: By device: `"cpu"`, and each accelerator that is in use.
        numpy_state: Of `np.random`.
        python_state: Of `random`.

    Example:
        >>> now = RandomStates.current()
        >>> a = torch.rand(1), np.random.rand(), random.random()
        >>> now.restore()
        >>> a == (torch.rand(1), np.random.rand(), random.random())
        True
    """

    torch_states: dict[str, torch.Tensor]
    numpy_state: Any
    python_state: Any

    @classmethod
    def current(cls) -> "RandomStates":
        """Take the states of now; those of GPUs only where one is in use.

        Returns:
            A copy, which later draws do not change.
        """
        states = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            for index in range(torch.cuda.device_count()):
                states[f"cuda:{index}"] = torch.cuda.get_rng_state(index)
        if torch.backends.mps.is_available():
            states["mps"] = torch.mps.get_rng_state()
        return cls(states, np.random.get_state(), random.getstate())  # noqa: NPY002

    def restore(self) -> None:
        """Put the global random states back to these."""
        for device, state in self.torch_states.items():
            if device == "cpu":
                torch.set_rng_state(state)
            elif device == "mps":
                torch.mps.set_rng_state(state)
            else:
                torch.cuda.set_rng_state(state, device)
        np.random.set_state(self.numpy_state)  # noqa: NPY002
        random.setstate(self.python_state)

    def torch_changed(self) -> bool:
        """Whether torch has drawn something since, or was seeded anew."""
        now = type(self).current().torch_states
        return any(not torch.equal(now[name], old) for name, old in self.torch_states.items())

    def host_changed(self) -> bool:
        """Whether NumPy or Python have drawn something since."""
        now: Any = np.random.get_state()  # noqa: NPY002
        return random.getstate() != self.python_state or any(
            not np.array_equal(a, b) for a, b in zip(now, self.numpy_state, strict=True)
        )


@contextmanager
def kept_random_states() -> Iterator[RandomStates]:
    """Put the global random states back at the end, after an error too.

    Yields:
        The states as they were.

    Example:
        >>> with kept_random_states():
        ...     a = torch.rand(1)
        >>> bool(a == torch.rand(1))
        True
    """
    states = RandomStates.current()
    try:
        yield states
    finally:
        states.restore()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from the global random states as if they had just been seeded, and put them back.

    Args:
        seed: Of torch, NumPy and Python; at least 0.

    Yields:
        Nothing.

    Example:
        >>> with seeded(0):
        ...     a = torch.rand(1)
        >>> with seeded(0):
        ...     bool(a == torch.rand(1))
        True
    """
    with kept_random_states():
        # Not `torch.manual_seed`, which also seeds a GPU that nobody uses yet, once it is used.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(seed)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        yield
