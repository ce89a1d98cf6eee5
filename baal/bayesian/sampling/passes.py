"""Which posterior samples a forward pass stands for, and what differs between them.

Whoever draws joint samples (consistent dropout, DropConnect, ensembles, a posterior of one's own)
asks here for the number of the sample, and for nothing else: so sample `k` is the same function for
every item, in every batch, and however the engine draws it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import _disable_current_modes

from baal.bayesian.sampling.context import prefix_mode
from baal.exceptions import StateError

if TYPE_CHECKING:
    from baal.bayesian.sampling.axes import Sighting

__all__ = [
    "Pass",
    "current_pass",
    "drawing",
    "each_of",
    "for_samples",
    "forward_pass",
    "per_sample",
]


@dataclass
class Pass:
    """A forward pass of a sampling run.

    Attributes:
        first: Number of the first posterior sample that it stands for.
        count: Number of samples.
        index: Under vmap, the place of the sample among them: a scalar that vmap has batched.
        stacked: The samples are rows of one batch, sample after sample.
        items: Number of items of the batch, each counted once; None if unknown.
        is_whole: Something differed between samples that no rows of one batch could stand for.
        sightings: What is looked at to find batch axes; None: nothing is. See `axes`.
        is_trial: It is made to plan: where there is no sample of that number, any other will do.

    Example:
        >>> a_pass = Pass(first=3)
        >>> a_pass.next_call(key=0), a_pass.next_call(key=0), a_pass.next_call(key=7)
        (0, 1, 0)
    """

    first: int
    count: int = 1
    index: torch.Tensor | None = None
    stacked: bool = False
    items: int | None = None
    is_whole: bool = False
    sightings: "dict[tuple[int, int], Sighting] | None" = None
    is_trial: bool = False
    _calls: dict[int, int] = field(default_factory=dict)

    @property
    def numbers(self) -> range:
        """The numbers of the samples that it stands for."""
        return range(self.first, self.first + self.count)

    def refuse_rows(self) -> None:
        """Say that something differs between samples that no rows of one batch can stand for.

        Raises:
            StateError: The pass is a stacked one.
        """
        self.is_whole = True
        if self.stacked:
            raise StateError(
                "Expected another way than 'stack' for a model whose samples differ in more than "
                "what is done to each item: use 'vmap', 'loop' or 'auto'."
            )

    def next_call(self, key: int) -> int:
        """Count the calls of something in this pass.

        Args:
            key: What is called.

        Returns:
            How often it was called before.
        """
        self._calls[key] = self._calls.get(key, -1) + 1
        return self._calls[key]


_current: ContextVar[Pass | None] = ContextVar("pass", default=None)


def current_pass() -> Pass | None:
    """The forward pass of a sampling run that is going on.

    Returns:
        None when a module is called by hand.

    Example:
        >>> current_pass() is None
        True
    """
    return _current.get()


@contextmanager
def forward_pass(the_pass: Pass) -> Iterator[Pass]:
    """Where a forward pass of a sampling run goes on.

    Args:
        the_pass: Which samples it stands for.

    Yields:
        The same.

    Example:
        >>> with forward_pass(Pass(first=3)):
        ...     current_pass().first
        3
    """
    token = _current.set(the_pass)
    try:
        yield the_pass
    finally:
        _current.reset(token)


def per_sample(draw: Callable[[int], torch.Tensor]) -> torch.Tensor:
    """A tensor that each posterior sample has a value of its own of, such as a weight.

    Call it inside of a sampling run only, that is where `current_pass()` is not None.

    Args:
        draw: From the number of a sample to its tensor `[...]`, the same for the same number.

    Returns:
        `[...]`, of the sample that this pass stands for; batched by vmap where it stands for many.

    Raises:
        StateError: The pass is a stacked one, where no tensor but one of items can differ between
            samples; or there is none.

    Example:
        >>> with forward_pass(Pass(first=3)):
        ...     per_sample(lambda number: torch.tensor([number * 10]))
        tensor([30])
    """
    now = current_pass()
    if now is None:
        raise StateError("Expected `per_sample` to be called in a sampling run, but got none.")
    return for_samples(now, lambda: torch.stack([draw(number) for number in now.numbers]))


@contextmanager
def drawing() -> Iterator[None]:
    """Where something is drawn for posterior samples, outside of the model that takes it.

    Nobody records it there, and it draws as if there were no vmap.

    Example:
        >>> with drawing():
        ...     torch.ones(1)
        tensor([1.])
    """
    with torch.no_grad(), _disable_current_modes(), torch._C._DisableFuncTorch():  # noqa: SLF001
        yield


def for_samples(
    now: Pass,
    draw_all: Callable[[], torch.Tensor],
    as_rows: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """As `per_sample`, for who draws all samples of a pass at once.

    Args:
        now: The pass.
        draw_all: Gives the tensors of all samples of the pass, `[count, ...]`.
        as_rows: Makes one tensor of them for a stacked pass; None: nothing can.

    Returns:
        `[...]`, as `per_sample`, or what `as_rows` gives.

    Raises:
        StateError: The pass is a stacked one, and there is no `as_rows`.

    Example:
        >>> for_samples(Pass(first=3), lambda: torch.tensor([[30.0]]))
        tensor([30.])
    """
    if as_rows is None:
        now.refuse_rows()
    with drawing():
        table = draw_all()
        if now.stacked and as_rows is not None:
            return as_rows(table)
    return each_of({"": table}, now)[""]


def each_of(tables: Mapping[str, torch.Tensor], now: Pass) -> dict[str, torch.Tensor]:
    """What the sample of a pass has of some tables, marked as what differs between samples.

    Args:
        tables: `[count, ...]` each, for all samples of the pass.
        now: The pass, not a stacked one.

    Returns:
        `[...]` each; batched by vmap where the pass stands for many samples.

    Example:
        >>> each_of({"bias": torch.tensor([[30.0]])}, Pass(first=3))
        {'bias': tensor([30.])}
    """
    mode, own = prefix_mode.get(), {}
    with _disable_current_modes():
        for name, table in tables.items():
            if now.index is None:
                value = physical = table[0]
            else:
                value = table.index_select(0, now.index.reshape(1)).squeeze(0)
                # What operations get in the end: vmap's own tensors are only around it.
                physical = torch._C._functorch.get_unwrapped(value)  # noqa: SLF001
            if mode is not None:
                mode.differs(physical)
            own[name] = value
    return own
