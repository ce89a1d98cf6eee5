"""Layers that remember their last output, for loops over posterior samples.

Kept for scripts written for BaaL 2.1. The sampling engine computes what comes before the first
random operation once by itself, whatever the layers are: nothing needs to be patched for that.
"""

from typing import Any

import torch
from torch import nn

from baal.bayesian.common import BayesianModule, TransparentModule, replace_layers
from baal.bayesian.sampling.context import is_vmapped, prefix_mode
from baal.exceptions import InvalidArgumentError

__all__ = ["LRUCacheModule", "MCCachingModule", "patch_module", "unpatch_module"]

_EXPENSIVE = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


class LRUCacheModule(TransparentModule):
    """A deterministic layer that is not computed again for the input it had last.

    Input, weights and buffers are compared by value, with copies, and an output that was changed
    in place is dropped. In training, or where gradients are wanted, nothing is remembered.

    Args:
        module: The layer.
        size: How many outputs to remember; 1 is all there is.

    Raises:
        InvalidArgumentError: `size` is not 1.

    Example:
        >>> layer = LRUCacheModule(nn.Linear(3, 2)).eval()
        >>> x = torch.ones(4, 3)
        >>> with torch.no_grad():
        ...     layer(x) is layer(x.clone())
        True
    """

    def __init__(self, module: nn.Module, size: int = 1) -> None:
        if size != 1:
            raise InvalidArgumentError(f"Expected `size` to be 1, but got {size}.")
        super().__init__(module)
        self._remembered: tuple[list[torch.Tensor], torch.Tensor, int] | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer, or give the output it had for the same input.

        Args:
            *args: The input, `[B, ...]`; with more than one nothing is remembered.
            **kwargs: With any, nothing is remembered.

        Returns:
            The layer's output.

        Raises:
            Exception: Whatever the layer raises, as it is.
        """
        engine_at_work = is_vmapped() or prefix_mode.get() is not None
        if engine_at_work or self.training or torch.is_grad_enabled() or kwargs or len(args) != 1:
            self._remembered = None
            return self.module(*args, **kwargs)
        (data,) = args
        known = [data, *self.module.parameters(), *self.module.buffers()]
        if self._remembered is not None:
            then, output, version = self._remembered
            unchanged = output._version == version  # noqa: SLF001
            if unchanged and len(then) == len(known) and all(map(_same, then, known)):
                return output
        then = [tensor.detach().clone() for tensor in known]
        output = self.module(data)
        self._remembered = (then, output, output._version)  # noqa: SLF001
        return output


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    same_kind = first.dtype == second.dtype and first.device == second.device
    return same_kind and torch.equal(first, second)


def patch_module(module: nn.Module, inplace: bool = True) -> nn.Module:
    """Let the linear and convolutional layers of a module remember their last output.

    Args:
        module: Any module; it may itself be such a layer.
        inplace: Patch `module` itself rather than a deep copy.

    Returns:
        The patched module.

    Warns:
        UserWarning: There is no such layer.

    Example:
        >>> type(patch_module(nn.Sequential(nn.Linear(2, 2)))[0]).__name__
        'LRUCacheModule'
    """
    return replace_layers(module, _remember, inplace=inplace)


def unpatch_module(module: nn.Module, inplace: bool = True) -> nn.Module:
    """Undo `patch_module`.

    Args:
        module: A patched module.
        inplace: Unpatch `module` itself rather than a deep copy.

    Returns:
        The module with the layers it had before.

    Warns:
        UserWarning: The module is not patched.

    Example:
        >>> unpatch_module(patch_module(nn.Linear(2, 1)))
        Linear(in_features=2, out_features=1, bias=True)
    """
    return replace_layers(module, _forget, inplace=inplace)


def _remember(layer: nn.Module) -> nn.Module | None:
    if isinstance(layer, LRUCacheModule):
        return layer
    return LRUCacheModule(layer) if isinstance(layer, _EXPENSIVE) else None


def _forget(layer: nn.Module) -> nn.Module | None:
    return layer.module if isinstance(layer, LRUCacheModule) else None


class MCCachingModule(BayesianModule):
    """A module whose linear and convolutional layers remember their last output.

    It makes a loop over posterior samples (`replicate_in_memory=False`) cheaper. The sampling
    engine needs no such help.

    Args:
        module: The module to patch, in place.

    Warns:
        UserWarning: The module has no layer to remember anything.

    Example:
        >>> model = MCCachingModule(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)))
        >>> list(model.state_dict())
        ['0.weight', '0.bias']
    """

    patching_function = patch_module
    unpatch_function = unpatch_module
