"""Which axis of a tensor inside of a model is that of the items.

A mask of consistent dropout is the same for every item of a batch, so it must be known where the
items are. They need not be first: recurrent layers and attention like time there, and attention
folds its heads into the batch. So the model is run on two and on three items, with nothing dropped:
the axis that grows with them is theirs. Where each item has several entries on it, another run with
two items exchanged shows whether these lie together; and where no axis grows, whether items have no
place there indeed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from baal.bayesian.sampling.comparing import same_outputs, with_other_items
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.trees import n_items
from baal.exceptions import StateError
from baal.utils.iterutils import map_on_tensor

__all__ = ["NOT_FOUND", "BatchAxis", "BatchAxisError", "Key", "Sighting", "find_axes"]

# What draws (its id, 0 for a function of no layer), and which of its calls in a forward pass.
Key: TypeAlias = tuple[int, int]
# Where it is said why no axis was found at all.
NOT_FOUND: Key = (-1, -1)


class BatchAxisError(StateError):
    """Nobody knows where the items are in what consistent dropout draws for.

    Example:
        >>> issubclass(BatchAxisError, StateError)
        True
    """


@dataclass(frozen=True)
class BatchAxis:
    """Where the items are in a tensor.

    Attributes:
        axis: The axis; None: the tensor has none, as a weight.
        per_item: Entries on that axis for each item, which lie together.

    Example:
        >>> BatchAxis(axis=1).without((5, 4, 3), items=4)
        (5, 1, 3)
    """

    axis: int | None
    per_item: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether each item has one entry on the axis, so that nothing can be mistaken."""
        return self.axis is not None and self.per_item == 1

    def without(self, shape: tuple[int, ...], items: int | None) -> tuple[int, ...]:
        """The shape of what is the same for all items.

        Args:
            shape: Of the tensor.
            items: How many items it is of, samples that are stacked counted apart.

        Returns:
            The shape with the items taken away.

        Raises:
            BatchAxisError: The shape is not one of so many items.
        """
        if self.axis is None:
            return shape
        at = self.axis
        if at < len(shape) and items is None:
            items = shape[at]  # the user has told the axis, and there is no tensor to count by
        if at >= len(shape) or shape[at] != (items or 0) * self.per_item:
            raise BatchAxisError(
                f"Expected the input of a dropout to have {items} x {self.per_item} entries on "
                f"axis {at}, where items were seen before, but got shape {list(shape)}."
            )
        return (*shape[:at], self.per_item, *shape[at + 1 :])


@dataclass
class Sighting:
    """What a dropout was given in one run.

    Attributes:
        shape: Of what it draws.
        values: Its input, where the values are to be compared.

    Example:
        >>> Sighting(shape=(2, 1), values=torch.ones(2, 3)).shape
        (2, 1)
    """

    shape: tuple[int, ...]
    values: torch.Tensor


def find_axes(forward: Callable[[Any], Any], data: Any) -> dict[Key, BatchAxis | str]:
    """Find the axis of the items in all that consistent dropout draws for.

    Args:
        forward: Calls the model.
        data: Some items, `[B, ...]` or a nested structure of such tensors.

    Returns:
        By what draws, the axis, or why it cannot be known.

    Raises:
        Exception: Whatever the model raises.

    Example:
        >>> find_axes(torch.nn.Dropout(), torch.ones(4, 2))  # no consistent dropout here
        {}
    """
    total = n_items(data)
    if total is None:
        return {}
    n = min(total, 2)

    def look(places: list[int]) -> dict[Key, Sighting]:
        def take(leaf: torch.Tensor) -> torch.Tensor:
            if leaf.ndim == 0 or len(leaf) != total:
                return leaf.clone()
            # Two different items, even if there is only one.
            both: torch.Tensor = with_other_items(leaf, n)
            return both[[n * place for place in places]]

        batch = map_on_tensor(take, data)
        sightings: dict[Key, Sighting] = {}
        with forward_pass(Pass(0, items=len(places), sightings=sightings)):
            forward(batch)
        return sightings

    two, three = look([0, 1]), look([0, 1, 0])
    found = {key: _axis_by_sizes(two.get(key), three.get(key)) for key in two | three}
    if any(isinstance(axis, BatchAxis) and not axis.is_plain for axis in found.values()):
        swapped = look([1, 0])
        found = {key: _checked(axis, two.get(key), swapped.get(key)) for key, axis in found.items()}
    return found


def _axis_by_sizes(two: Sighting | None, three: Sighting | None) -> BatchAxis | str:
    if two is None or three is None or len(two.shape) != len(three.shape):
        return "it is called in another way when a batch has another size"
    grown = [i for i, (a, b) in enumerate(zip(two.shape, three.shape, strict=True)) if a != b]
    if not grown:
        return BatchAxis(None)
    (a, b) = two.shape[grown[0]], three.shape[grown[0]]
    if len(grown) > 1 or a % 2 or b % 3 or a // 2 != b // 3:
        return f"two items make shape {list(two.shape)}, and three make {list(three.shape)}"
    return BatchAxis(grown[0], a // 2)


def _checked(
    axis: BatchAxis | str, two: Sighting | None, swapped: Sighting | None
) -> BatchAxis | str:
    """Whether an item's entries lie together, and are nowhere in what seems to have no items."""
    if isinstance(axis, str) or axis.is_plain:
        return axis
    if two is None or swapped is None or two.values.shape != swapped.values.shape:
        return "it is called in another way when items change places"
    if axis.axis is None:
        # Items that are somewhere in a tensor of one size, as in a batch that is padded.
        if same_outputs(two.values, swapped.values):
            return axis
        return f"shape {list(two.shape)} has places of items, but does not grow with them"
    together = _exchange(two.values, axis.axis, (2, axis.per_item), 0)
    apart = _exchange(two.values, axis.axis, (axis.per_item, 2), 1)
    if same_outputs(together, swapped.values) and not same_outputs(apart, swapped.values):
        return axis
    return f"axis {axis.axis} of shape {list(two.shape)} has {axis.per_item} entries for each item"


def _exchange(x: torch.Tensor, axis: int, sizes: tuple[int, int], of: int) -> torch.Tensor:
    parts: torch.Tensor = x.unflatten(axis, sizes)
    return parts.flip(axis + of).flatten(axis, axis + 1)
