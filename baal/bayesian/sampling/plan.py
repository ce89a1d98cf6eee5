"""How posterior samples of a given model are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args
from weakref import ref

from torch import nn

from baal.bayesian.sampling.axes import BatchAxis, Key
from baal.utils.log_configuration import get_logger

__all__ = ["WAYS", "Plan", "Way", "samples_at_once"]

Way: TypeAlias = Literal["auto", "vmap", "stack", "loop"]
"""How samples are drawn: by `torch.func.vmap`, stacked in one batch, one by one, or by rule."""
WAYS: tuple[str, ...] = get_args(Way)

# On a CPU, what several samples make of the largest tensor should stay in the cache: beyond it, a
# plain loop over the samples was up to three times faster than stacking them.
CACHE_BYTES = 2 * 2**20
# On an accelerator it should leave room for everything else.
ACCELERATOR_BYTES = 512 * 2**20


@dataclass
class Plan:
    """How a model is sampled; it grows more cautious with every error, and never less.

    Attributes:
        ways: Ways that may work, best first; the first one is in use.
        is_random: Two plain passes over the items that were probed differed; True if unknown.
        uses_prefix: Whether chunks and loops share the deterministic prefix.
        largest_bytes: Bytes, for each item, of the largest tensor that differs between samples.
        changes_input: The model changes its input in place, or may do so: it gets a copy.
        device: Type of the device, such as "cpu".
        max_samples: No more samples at once than that: memory ran out before.
        max_items: Likewise for items.
        is_settled: The way in use has worked, and its samples differed.
        fingerprint: Of the model the plan was made for.
        hidden: Modules in eval mode whose flag alone keeps functional dropout off.
        weight_bytes: Bytes of the largest weight that differs between samples.
        is_joint: Sample `k` was seen to be the same function for every item.
        axes: Where the items are in what consistent dropout draws for.

    Example:
        >>> plan = Plan(["vmap", "loop"], is_random=True, uses_prefix=True, largest_bytes=2**20)
        >>> plan.way, plan.at_once(items=1, iterations=20)
        ('vmap', 2)
    """

    ways: list[str]
    is_random: bool
    uses_prefix: bool
    largest_bytes: int
    changes_input: bool = False
    device: str = "cpu"
    max_samples: int | None = None
    max_items: int | None = None
    is_settled: bool = False
    fingerprint: int | None = None
    hidden: Sequence["ref[nn.Module]"] = ()
    is_joint: bool = False
    weight_bytes: int = 0
    axes: Mapping[Key, BatchAxis | str] = field(default_factory=dict)

    @property
    def way(self) -> str:
        """The way in use."""
        return self.ways[0]

    def at_once(self, items: int, iterations: int) -> int:
        """How many samples to draw at once.

        Args:
            items: Number of items of the batch.
            iterations: Number of samples wanted.

        Returns:
            At least 1, at most `iterations`.
        """
        limit = self.max_samples or iterations
        largest_bytes = max(self.largest_bytes * items, self.weight_bytes)
        return min(samples_at_once(largest_bytes, self.device), limit, iterations)

    def shrink(self, items: int, iterations: int) -> bool:
        """Halve what is done at once, after memory ran out: samples first, then items.

        Args:
            items: Number of items of the batch.
            iterations: Number of samples wanted.

        Returns:
            False when nothing is left to halve.
        """
        items = min(items, self.max_items or items)
        at_once = 1 if self.way == "loop" else self.at_once(items, iterations)
        if at_once > 1:
            self.max_samples = at_once // 2
        elif items > 1:
            self.max_items = items // 2
        else:
            return False
        get_logger().warning(
            "out of memory, going on with less at once",
            max_samples=self.max_samples,
            max_items=self.max_items,
        )
        return True

    def stop_sharing_prefix(self, reason: object) -> None:
        """Compute every pass in full from now on.

        Args:
            reason: Why; goes to the log.
        """
        self.uses_prefix = False
        get_logger().info("prefix no longer shared", reason=str(reason))

    def drop_way(self, reason: object) -> None:
        """Go on to the next way.

        Args:
            reason: Why; goes to the log.
        """
        get_logger().info("way of sampling dropped", way=self.ways.pop(0), reason=str(reason))
        self.is_settled = False


def samples_at_once(largest_bytes: int, device: str) -> int:
    """How many samples to draw at once.

    Args:
        largest_bytes: Bytes of the largest tensor of one sample.
        device: Type of the device, such as "cpu".

    Returns:
        At least 1.

    Example:
        >>> samples_at_once(2**20, "cpu"), samples_at_once(2**20, "cuda")
        (2, 512)
    """
    room = CACHE_BYTES if device == "cpu" else ACCELERATOR_BYTES
    return max(1, room // max(largest_bytes, 1))
