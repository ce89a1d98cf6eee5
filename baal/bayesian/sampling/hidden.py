"""Dropout hidden in functions, which no patched layer can keep on.

Attention in Hugging Face and in torch passes a dropout probability of 0 when its module is in eval
mode: the probability is lost before anybody could intercept it. What helps is the module's own
`training` flag, that module's alone, during a sampling run. It is set only where that was seen to
switch nothing but dropout: not where it also drops layers or normalises by the batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import ref

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from baal.bayesian.sampling.state import kept_buffers
from baal.bayesian.sampling.trees import leaves_of
from baal.utils.log_configuration import get_logger
from baal.utils.random_states import kept_random_states

__all__ = ["find_hidden_dropout", "in_training", "keep_hidden_dropout", "keeps_hidden_dropout"]

_DROPOUTS = {
    F.dropout,
    F.dropout1d,
    F.dropout2d,
    F.dropout3d,
    F.alpha_dropout,
    F.feature_alpha_dropout,
    torch.dropout,
    torch.feature_dropout,
    torch.alpha_dropout,
    torch.feature_alpha_dropout,
}
_FUNCTIONS = _DROPOUTS | {F.scaled_dot_product_attention, F.multi_head_attention_forward}
_MARK = "_keeps_hidden_dropout"

Calls = list[tuple[Any, tuple[Any, ...]]]


def keep_hidden_dropout(module: nn.Module, keep: bool) -> None:
    """Mark a module: dropout hidden in functions below it is to be on in sampling runs.

    Args:
        module: The module that was patched.
        keep: False takes the mark away, wherever it is below the module.

    Example:
        >>> net = nn.Linear(1, 1)
        >>> keep_hidden_dropout(net, True)
        >>> keeps_hidden_dropout(net)
        True
    """
    for below in module.modules():
        if keep:
            below.__dict__[_MARK] = True
        else:
            below.__dict__.pop(_MARK, None)


def is_marked(module: nn.Module) -> bool:
    """Whether a module was marked by `keep_hidden_dropout` itself.

    Args:
        module: Any module.

    Returns:
        True if so.

    Example:
        >>> is_marked(nn.Linear(1, 1))
        False
    """
    return _MARK in module.__dict__


def keeps_hidden_dropout(module: nn.Module) -> bool:
    """Whether a module, or one below it, is marked by `keep_hidden_dropout`.

    Args:
        module: Any module.

    Returns:
        True if so.

    Example:
        >>> keeps_hidden_dropout(nn.Linear(1, 1))
        False
    """
    return any(map(is_marked, module.modules()))


def find_hidden_dropout(model: nn.Module, forward: Callable[[], Any]) -> list["ref[nn.Module]"]:
    """Find the modules in eval mode whose flag alone keeps functional dropout off.

    Args:
        model: A module; only what lies below a mark of `keep_hidden_dropout` is looked at.
        forward: Calls it on a batch; a few times over. Random states and buffers are kept.

    Returns:
        References to modules whose `training` flag switches dropout on, and nothing else.

    Raises:
        Exception: Whatever the model itself raises.

    Example:
        >>> class Net(nn.Module):
        ...     def forward(self, x):
        ...         return F.dropout(x, 0.5, self.training)
        >>> net = Net().eval()
        >>> keep_hidden_dropout(net, True)
        >>> [found() is net for found in find_hidden_dropout(net, lambda: net(torch.ones(3)))]
        [True]
    """
    marked = {module for module in model.modules() if is_marked(module)}
    with kept_random_states(), kept_buffers(model):
        calls, callers = _watch(model, forward)
        suspects = [module for module in callers if module in marked]
        if not suspects or _switches_only_dropout(model, forward, suspects, calls):
            return [ref(module) for module in suspects]
        # Somewhere it switches more than dropout: find out where.
        found = [m for m in suspects if _switches_only_dropout(model, forward, [m], calls)]
    for module in suspects:
        if module not in found:
            get_logger().warning(
                "functional dropout stays off", module=type(module).__name__,
                reason="its training flag switches something else too",
            )  # fmt: skip
    return [ref(module) for module in found]


@contextmanager
def in_training(modules: Sequence["ref[nn.Module]"]) -> Iterator[None]:
    """Set the flag of some modules, those alone, and put it back, after an error too.

    Args:
        modules: From `find_hidden_dropout`.

    Example:
        >>> net = nn.Sequential(nn.Linear(1, 1)).eval()
        >>> with in_training([ref(net)]):
        ...     net.training, net[0].training
        (True, False)
        >>> net.training
        False
    """
    alive = [module for module in (reference() for reference in modules) if module is not None]
    modes = [module.training for module in alive]
    try:
        for module in alive:
            module.training = True
        yield
    finally:
        for module, mode in zip(alive, modes, strict=True):
            module.training = mode


def _switches_only_dropout(
    model: nn.Module, forward: Callable[[], Any], modules: Sequence[nn.Module], calls: Calls
) -> bool:
    """Whether the same functions are called with the same settings, but for those of dropout."""
    with kept_random_states() as states, in_training([ref(module) for module in modules]):
        try:
            now, _ = _watch(model, forward)
        except Exception:  # noqa: BLE001 - then it does switch something
            return False
        return now == calls and not states.host_changed()


def _watch(model: nn.Module, forward: Callable[[], Any]) -> tuple[Calls, list[nn.Module]]:
    """Functions called, with their settings, and the modules that called dropout."""
    watcher = _Watcher(model)
    with ExitStack() as hooks:
        for module in model.modules():
            before = module.register_forward_pre_hook(watcher.enter)
            after = module.register_forward_hook(watcher.leave, always_call=True)
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        with watcher:
            output = forward()
    shapes = tuple(tuple(leaf.shape) for leaf in leaves_of(output))
    return [*watcher.calls, (None, shapes)], list(watcher.callers)


class _Watcher(TorchFunctionMode):
    """Notes the functions that are called, and which module's own forward pass calls dropout."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.weights = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
        self.stack: list[nn.Module] = []
        self.calls: Calls = []
        self.callers: dict[nn.Module, None] = {}

    def enter(self, module: nn.Module, _: Any) -> None:
        self.stack.append(module)

    def leave(self, *_: Any) -> None:
        self.stack.pop()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FUNCTIONS:
            if self.stack and not self.stack[-1].training:
                self.callers[self.stack[-1]] = None
            # Whether it is on differs, and is what this is about.
            self.calls.append((func, ()))
        else:
            self.calls.append((func, tuple(map(self.setting, (*args, *kwargs.values())))))
        return func(*args, **kwargs)

    def setting(self, value: Any) -> Any:
        """What is to be the same about an argument: all but the values of activations."""
        if isinstance(value, list | tuple):
            return tuple(map(self.setting, value))
        if isinstance(value, torch.Tensor):
            with torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001
                shape = tuple(value.shape)
            return (id(value) if id(value) in self.weights else None, shape)
        return repr(value)
