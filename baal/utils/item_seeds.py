"""Random numbers of one item: transforms draw from the global states, which stay as they were."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from baal.utils.random_states import kept_random_states

__all__ = ["ItemSeeds"]


@dataclass(frozen=True)
class ItemSeeds:
    """A seed for each source of randomness that a transform may draw from.

    Attributes:
        torch_seed: Of torch, on all devices in use.
        numpy_seed: Of `np.random`.
        python_seed: Of `random`.

    Example:
        >>> seeds = ItemSeeds.of(1337, 5)
        >>> with seeds.applied() as again:
        ...     first = torch.rand(1), np.random.rand(), random.random()
        ...     again()
        ...     first == (torch.rand(1), np.random.rand(), random.random())
        True
    """

    torch_seed: int
    numpy_seed: int
    python_seed: int

    @classmethod
    def of(cls, seed: int, index: int) -> "ItemSeeds":
        """Seeds that depend on these two numbers and on nothing else.

        Args:
            seed: Of the dataset; not negative.
            index: Of the item; not negative.

        Returns:
            Seeds that have nothing in common with those of a neighbouring item.
        """
        return cls(*np.random.SeedSequence((seed, index)).generate_state(3).tolist())

    @classmethod
    def drawn(cls) -> "ItemSeeds":
        """Each seed drawn from the global state of its own source, which so goes on by one number.

        Whoever seeds torch alone has the same torch numbers in the next run.

        Returns:
            Other seeds in each call.
        """
        return cls(
            int(torch.randint(2**32, ())),
            int(np.random.randint(2**32, dtype=np.uint32)),  # noqa: NPY002
            random.getrandbits(32),
        )

    @contextmanager
    def applied(self) -> Iterator[Callable[[], None]]:
        """Seed the global states; put them back at the end, after an error too.

        Yields:
            A function that seeds them again, so that the same numbers come once more.
        """
        with kept_random_states() as states:

            def seed() -> None:
                self._seed(states.torch_states)

            seed()
            yield seed

    def _seed(self, devices: Iterable[str]) -> None:
        for device in devices:
            # Not `torch.manual_seed`: it would also leave a seed for a GPU that is not in use yet.
            if device == "cpu":
                torch.default_generator.manual_seed(self.torch_seed)
            elif device == "mps":
                torch.mps.manual_seed(self.torch_seed)
            else:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(self.torch_seed)
        np.random.seed(self.numpy_seed)  # noqa: NPY002
        random.seed(self.python_seed)

    def generator(self) -> torch.Generator:
        """A generator of its own, for a transform that takes one.

        Returns:
            A new generator on the CPU.
        """
        return torch.Generator().manual_seed(self.torch_seed)

    def rng(self) -> np.random.Generator:
        """As `generator`, for NumPy.

        Returns:
            A new generator.
        """
        return np.random.default_rng(self.numpy_seed)
