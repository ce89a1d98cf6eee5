"""Dropout whose masks are chosen: functions of torch that drop are given what to keep.

Inside of a mode, `torch.nn.functional.dropout` and its like, scaled dot-product attention,
multi-head attention and recurrent layers do not draw. They ask the mode for a mask. Two modes give
one: `OneFunction`, in a sampling run, the same for all items (consistent dropout), and `ByHand`,
for a layer that is called by hand.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from baal.bayesian.joint import Joint, joint_of
from baal.bayesian.sampling.axes import NOT_FOUND, BatchAxis, BatchAxisError, Key, Sighting
from baal.bayesian.sampling.dropping import HANDLERS
from baal.bayesian.sampling.keyed import keep_mask
from baal.bayesian.sampling.passes import Pass, current_pass, for_samples

__all__ = ["ByHand", "OneFunction", "drawn_by"]

_drawing: ContextVar[nn.Module | None] = ContextVar("drawing", default=None)


@contextmanager
def drawn_by(layer: nn.Module) -> Iterator[None]:
    """Where what is drawn is drawn by a layer.

    Args:
        layer: One with a seed (`baal.bayesian.joint`).

    Example:
        >>> with drawn_by(nn.Dropout()):
        ...     pass
    """
    token = _drawing.set(layer)
    try:
        yield
    finally:
        _drawing.reset(token)


class _ChosenMasks(TorchFunctionMode):
    def is_asked(self) -> bool:
        """Whether the mask of what draws now is ours to choose."""
        return True

    @abstractmethod
    def keep(
        self, like: torch.Tensor, shape: tuple[int, ...], p: float, *, whole: bool = False
    ) -> torch.Tensor | None:
        """What to keep of `shape`, as booleans that broadcast to `like`; None: everything."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        handler = HANDLERS.get(func)
        if handler is None or not self.is_asked():
            return func(*args, **(kwargs or {}))
        return handler(self.keep, func, args, dict(kwargs or {}))


class OneFunction(_ChosenMasks):
    """In a sampling run: sample `k` is the same function for every item.

    Args:
        functional: Where random numbers of functions come from that no layer calls; None: these
            draw as ever.
        axes: Where the items are, from `find_axes`.

    Raises:
        BatchAxisError: When something draws for a tensor whose items cannot be found.

    Example:
        >>> from baal.bayesian.sampling.passes import Pass, forward_pass
        >>> run = OneFunction(Joint(0, -1), {(0, 0): BatchAxis(0)})
        >>> with forward_pass(Pass(first=3, items=2)), run:
        ...     a, b = nn.functional.dropout(torch.ones(2, 64), 0.5)
        >>> bool((a == b).all())
        True
    """

    def __init__(
        self, functional: Joint | None = None, axes: Mapping[Key, BatchAxis | str] | None = None
    ) -> None:
        super().__init__()
        self.functional = functional
        self.axes = axes or {}

    def is_asked(self) -> bool:
        """Whether what draws now has a seed of its own."""
        return self._joint() is not None

    def _joint(self) -> Joint | None:
        layer = _drawing.get()
        return self.functional if layer is None else joint_of(layer)

    def keep(
        self, like: torch.Tensor, shape: tuple[int, ...], p: float, *, whole: bool = False
    ) -> torch.Tensor | None:
        """Give the mask of the samples that the pass stands for.

        Args:
            like: What is to be dropped, of any shape.
            shape: Of the mask.
            p: Probability of an element to be dropped.
            whole: No axis of the mask is that of the items.

        Returns:
            Booleans that broadcast to `shape`; None, while batch axes are looked for, and where
            there is nothing to drop.

        Raises:
            BatchAxisError: Nobody knows where the items are.
        """
        now, layer, joint = current_pass(), _drawing.get(), self._joint()
        assert now is not None
        assert joint is not None
        key = (0, 0) if layer is None else (id(layer), 0)
        key = (key[0], now.next_call(key[0]))
        if now.sightings is not None:
            if not whole:
                now.sightings[key] = Sighting(shape, like)
            return None
        if not like.numel():
            return None  # of no items; nor could it be known where they are
        where = BatchAxis(None) if whole else self._where(key, joint, len(shape), layer)
        return _mask(now, joint, key[1], shape, p, where, like.device)

    def _where(self, key: Key, joint: Joint, n_dims: int, layer: nn.Module | None) -> BatchAxis:
        why = self.axes.get(NOT_FOUND, "it was not called when the first batch was looked at")
        found = self.axes.get(key, why)
        if isinstance(found, BatchAxis):
            return found
        if joint.batch_axis is not None and -n_dims <= joint.batch_axis < n_dims:
            return BatchAxis(joint.batch_axis % n_dims)
        raise BatchAxisError(
            "Expected to see which axis is that of the items in the input of "
            f"{'a functional dropout' if layer is None else type(layer).__name__}, but got none: "
            f"{found}. Tell it by `batch_axis`, when you patch the model."
        )


class ByHand(_ChosenMasks):
    """A layer called by hand: a mask for each place of the batch, kept for the same shape.

    Args:
        masks: What the layer remembers: by call, the mask. It is changed.

    Example:
        >>> masks, x = {}, torch.ones(2, 64)
        >>> with ByHand(masks):
        ...     first = nn.functional.dropout(x, 0.5)
        >>> with ByHand(masks):
        ...     second = nn.functional.dropout(x, 0.5)
        >>> bool((first == second).all())
        True
    """

    def __init__(self, masks: dict[int, torch.Tensor]) -> None:
        super().__init__()
        self.masks = masks
        self.call = -1

    def keep(
        self,
        like: torch.Tensor,
        shape: tuple[int, ...],
        p: float,
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> torch.Tensor:
        """Give the mask that is remembered, or draw one.

        Args:
            like: What is to be dropped, of any shape.
            shape: Of the mask.
            p: Probability of an element to be dropped.
            whole: Makes no difference: places in the batch have masks of their own.

        Returns:
            Booleans of that shape.
        """
        self.call += 1
        known = self.masks.get(self.call)
        if known is None or known.shape != shape or known.device != like.device:
            known = torch.rand(shape, device=like.device) >= p
            self.masks[self.call] = known
        return known


def _mask(
    now: Pass,
    joint: Joint,
    call: int,
    shape: tuple[int, ...],
    p: float,
    where: BatchAxis,
    device: torch.device,
) -> torch.Tensor:
    """The mask of the samples of a pass: booleans that broadcast to `shape`."""
    items = None if now.items is None else now.items * (now.count if now.stacked else 1)
    alike = where.without(shape, items)
    size = int(torch.Size(alike).numel())

    def draw_all() -> torch.Tensor:
        masks = [
            torch.from_numpy(keep_mask(joint.seed, joint.number, call, k, p, size))
            for k in now.numbers
        ]
        return torch.stack(masks).reshape(now.count, *alike).to(device)

    if where.axis is None:
        return for_samples(now, draw_all)
    at, per_item = where.axis, where.per_item

    def as_rows(table: torch.Tensor) -> torch.Tensor:
        # [count, ..., per_item, ...] -> [..., count * items * per_item, ...]
        table = table.movedim(0, at).unsqueeze(at + 1)
        table = table.expand(*table.shape[: at + 1], now.items or 1, *table.shape[at + 2 :])
        return table.flatten(at, at + 2)

    mask = for_samples(now, draw_all, as_rows)
    if now.stacked or per_item == 1:
        return mask
    mask = mask.unsqueeze(at)
    return mask.expand(*mask.shape[:at], items or 1, *mask.shape[at + 1 :]).flatten(at, at + 1)
