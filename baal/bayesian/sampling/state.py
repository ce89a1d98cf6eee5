"""What a module holds beside its weights: buffers, tensors it has stored, hooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from baal.bayesian.sampling.comparing import same_outputs
from baal.bayesian.sampling.trees import leaves_of

__all__ = ["has_hooks", "kept_buffers", "stored_tensors"]


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody listens to the forward passes of a module.

    Args:
        module: Any module; what lies below it does not count.

    Returns:
        True if it has forward hooks or forward pre-hooks, or all modules have.

    Example:
        >>> has_hooks(nn.Linear(1, 1))
        False
    """
    everywhere = nn.modules.module
    return bool(
        module._forward_hooks  # noqa: SLF001
        or module._forward_pre_hooks  # noqa: SLF001
        or everywhere._global_forward_hooks  # noqa: SLF001
        or everywhere._global_forward_pre_hooks  # noqa: SLF001
    )


@contextmanager
def kept_buffers(model: nn.Module) -> Iterator[Callable[[], bool]]:
    """Put the buffers of a model back at the end, after an error too.

    What normalises by the batch moves its running averages with every pass.

    Args:
        model: Any module.

    Yields:
        Tells whether any of them has changed so far.

    Example:
        >>> norm = nn.BatchNorm1d(1)
        >>> with kept_buffers(norm):
        ...     _ = norm(torch.ones(2, 1))
        >>> norm.running_mean
        tensor([0.])
    """
    before = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]

    def changed() -> bool:
        # By value: not every change in place is counted as one.
        return any(
            module._buffers.get(name) is not buffer or not same_outputs(buffer, value)  # noqa: SLF001
            for module, name, buffer, value in before
        )

    try:
        yield changed
    finally:
        with torch.no_grad():
            for module, name, buffer, value in before:
                module._buffers[name] = buffer  # noqa: SLF001 - it may have been replaced
                if not torch.equal(buffer, value):
                    buffer.copy_(value)


def stored_tensors(model: nn.Module) -> dict[tuple[nn.Module, str], int]:
    """Tensors that modules hold beside their weights: a pass that stores its own changes them.

    Args:
        model: Any module.

    Returns:
        The identity of each, by module and attribute.

    Example:
        >>> len(stored_tensors(nn.BatchNorm1d(1)))
        3
    """
    return {
        (module, name): id(leaf)
        for module in model.modules()
        for name, value in (*vars(module).items(), *module._buffers.items())  # noqa: SLF001
        # Recurrent layers list their weights beside, anew when these were exchanged for a while.
        if name not in {"_parameters", "_buffers", "_modules", "_flat_weights"}
        for leaf in leaves_of(value)
    }
