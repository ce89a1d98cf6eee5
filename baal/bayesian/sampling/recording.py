"""Recording the operations of a forward pass up to its first random one, and replaying them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode
from torch.utils.weak import TensorWeakRef

__all__ = ["PrefixMismatchError", "is_random", "takes_any_of"]

# Their results hold no value yet; what only randomness is to fill in place is made anew each time.
_UNINITIALISED = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty"}
_UNINITIALISED |= {"aten::new_empty_strided", "aten::empty_permuted"}
# Other names for the same tensor, which torch now and then gives by itself: always done.
_SAME_TENSOR = {torch.ops.aten.detach.default, torch.ops.aten.alias.default}


class PrefixMismatchError(Exception):
    """A later pass did other operations than the first, before any randomness."""


def is_random(
    operation: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
) -> bool:
    """Whether an operation draws from a random generator.

    Args:
        operation: An overload of an operator, as a dispatch mode gets it.
        args: Its arguments. An attention that drops nothing draws nothing.
        kwargs: Likewise.

    Returns:
        What the operator is tagged with in torch, but for those.

    Example:
        >>> is_random(torch.ops.aten.bernoulli.default), is_random(torch.ops.aten.relu.default)
        (True, False)
    """
    if torch.Tag.nondeterministic_seeded not in operation.tags:
        return False
    schema = operation._schema.arguments  # noqa: SLF001
    p = {argument.name: argument.default_value for argument in schema}.get("dropout_p", 1.0)
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)}
    return bool({"dropout_p": p, **given, **(kwargs or {})}["dropout_p"] > 0)


def takes_any_of(tensors: Mapping[int, torch.Tensor], args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation takes one of some tensors.

    Args:
        tensors: By their id; of any shape.
        args: Arguments of the operation: tensors, lists of them, and others.
        kwargs: Likewise.

    Returns:
        False also where there are none to look for.

    Example:
        >>> x = torch.ones(1)
        >>> takes_any_of({id(x): x}, ([x, x], 1), {}), takes_any_of({}, (x,), {})
        (True, False)
    """
    return bool(tensors) and any(
        id(value) in tensors
        for argument in (*args, *kwargs.values())
        for value in (argument if isinstance(argument, list | tuple) else (argument,))
    )


class Mode(TorchDispatchMode):
    """A dispatch mode that can be left from inside of the forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.has_left = False

    def close(self) -> None:
        """The prefix ends here; nothing is recorded or replayed any more."""

    def differs(self, tensor: torch.Tensor) -> None:
        """The prefix ends with the first operation that takes this tensor; see `context`.

        Args:
            tensor: Of any shape.
        """

    def leave(self) -> None:
        self.close()
        # Where the model has entered a mode of its own, ours stays below it until that is over.
        if not self.has_left and _get_current_dispatch_mode() is self:
            self.has_left = True
            self.__exit__(None, None, None)


@dataclass
class Slot:
    """A tensor that an operation gave: the tensor, or its looks once nothing needs it any more."""

    # To the tensor, and to its other names.
    refs: list[TensorWeakRef]
    looks: tuple[tuple[int, ...], tuple[int, ...], torch.dtype, torch.device]
    kept: torch.Tensor | None = None

    @classmethod
    def of(cls, tensor: torch.Tensor) -> "Slot":
        looks = (tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype, tensor.device)
        return cls([TensorWeakRef(tensor)], looks)

    def alive(self) -> torch.Tensor | None:
        return next((tensor for tensor in (ref() for ref in self.refs) if tensor is not None), None)

    def extent(self) -> int:
        """Elements of memory between the first and the last, inclusive."""
        shape, stride, _, _ = self.looks
        return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))

    def stand_in(self, memory: torch.Tensor) -> torch.Tensor:
        shape, stride, _, _ = self.looks
        return memory.as_strided(shape, stride)


@dataclass
class Operation:
    """One operation of the prefix, and what it gave: slots, constants, or one of its arguments.

    Without a result it is done anew each time.
    """

    function: Any
    result: Any
    slots: list[Slot]

    @classmethod
    def of(cls, function: Any, args: Any, kwargs: dict[str, Any], result: Any) -> "Operation":
        slots: list[Slot] = []

        def note(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            # An operation in place gives back its argument.
            for position, argument in enumerate(args):
                if argument is value:
                    return _Argument(position)
            for name, argument in kwargs.items():
                if argument is value:
                    return _Argument(name)
            slots.append(Slot.of(value))
            return slots[-1]

        return cls(function, _map(note, result), slots)

    def is_unwritten(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor was made without values, and has none yet."""
        return self.function._schema.name in _UNINITIALISED and tensor._version == 0  # noqa: SLF001

    def replay(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if self.result is None:
            return self.function(*args, **kwargs)

        def give(value: Any) -> Any:
            if isinstance(value, _Argument):
                at = value.position
                return args[at] if isinstance(at, int) else kwargs[at]
            if isinstance(value, Slot):
                # A new tensor on the same memory: autograd would not take the same object twice.
                return torch.ops.aten.alias.default(value.kept)
            return value

        return _map(give, self.result)


@dataclass
class _Argument:
    position: int | str


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_map(function, item) for item in value)
    return function(value)


class Recorder(Mode):
    """Notes every operation up to the first random one."""

    def __init__(self, poison: bool) -> None:
        super().__init__()
        self.poison = poison
        self.operations: list[Operation] = []
        self.shared: list[tuple[torch.Tensor, int]] = []
        self.slots: dict[int, Slot] = {}  # by the tensor's id, the latest to have it
        self.differing: dict[int, torch.Tensor] = {}  # by id, for as long as they live here
        self.is_closed = False

    def differs(self, tensor: torch.Tensor) -> None:
        if not self.is_closed:
            self.differing[id(tensor)] = tensor

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self.is_closed and (
            is_random(func, args, kwargs) or takes_any_of(self.differing, args, kwargs)
        ):
            self.close()
        result = func(*args, **kwargs)
        if not self.is_closed:
            self.note(func, args, kwargs, result)
        return result

    def note(self, func: Any, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        if func in _SAME_TENSOR:
            slot = self.slots.get(id(args[0]))
            if slot is not None:
                slot.refs.append(TensorWeakRef(result))
                self.slots[id(result)] = slot
            return
        operation = Operation.of(func, args, kwargs, result)
        self.operations.append(operation)
        for slot in operation.slots:
            self.slots[id(slot.refs[0]())] = slot

    def close(self) -> None:
        """Keep what is alive; the rest is only needed for its looks, so it shares some memory."""
        if self.is_closed:
            return
        self.is_closed = True
        self.differing.clear()
        gone: list[Slot] = []
        for operation in self.operations:
            for slot in operation.slots:
                slot.kept = slot.alive()
                if slot.kept is None:
                    gone.append(slot)
                elif operation.is_unwritten(slot.kept):
                    operation.result = None
                else:
                    # With its version at this moment: no later pass may find it changed.
                    self.shared.append((slot.kept, slot.kept._version))  # noqa: SLF001
        self.slots.clear()
        room: dict[tuple[torch.dtype, torch.device], int] = {}
        for slot in gone:
            room[slot.looks[2:]] = max(room.get(slot.looks[2:], 0), slot.extent())
        memory = {kind: self.memory(n, *kind) for kind, n in room.items()}
        for slot in gone:
            slot.kept = slot.stand_in(memory[slot.looks[2:]])

    def memory(self, n: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if not self.poison:
            return torch.empty(n, dtype=dtype, device=device)
        if dtype.is_floating_point or dtype.is_complex:
            return torch.full((n,), float("nan"), dtype=dtype, device=device)
        value = 1 if dtype == torch.bool else torch.iinfo(dtype).max // 3
        return torch.full((n,), value, dtype=dtype, device=device)


class Replayer(Mode):
    """Gives what the recorded operations gave; then stays out of the way."""

    def __init__(self, operations: list[Operation]) -> None:
        super().__init__()
        self.operations = operations
        self.position = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.position == len(self.operations) or func in _SAME_TENSOR:
            return func(*args, **kwargs)
        operation = self.operations[self.position]
        if operation.function is not func:
            raise PrefixMismatchError(f"expected {operation.function}, but got {func}")
        self.position += 1
        return operation.replay(args, kwargs)
