"""What all Bayesian modules share: replacing layers, and a module that wraps a patched one."""

import copy
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from torch import nn

from baal.utils.frames import level_outside_baal

__all__ = [
    "BayesianModule",
    "TransparentModule",
    "patch_layers",
    "replace_layers",
    "replace_layers_in_module",
]

SelfT = TypeVar("SelfT", bound="BayesianModule")


def replace_layers_in_module(
    module: nn.Module, mapping_fn: Callable[..., nn.Module | None], *args: Any, **kwargs: Any
) -> bool:
    """Replace, in place, the layers below a module for which a function gives another one.

    A layer that is used in several places is mapped once and stays shared. Train and eval flags are
    kept. What a layer was replaced by is not searched again.

    Args:
        module: Where to look; the module itself is not replaced, only what lies below it.
        mapping_fn: Called as `mapping_fn(child, *args, **kwargs)`; returns the layer to put there,
            or None to keep the child and go on below it.
        *args: Passed on to `mapping_fn`.
        **kwargs: Passed on to `mapping_fn`.

    Returns:
        Whether anything was replaced.

    Raises:
        Exception: Whatever `mapping_fn` raises, as it is.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> replace_layers_in_module(net, lambda m: nn.GELU() if isinstance(m, nn.ReLU) else None)
        True
        >>> net[1]
        GELU(approximate='none')
    """
    # Replacement for each module met so far; None where it stays. Also ends cycles.
    seen: dict[nn.Module, nn.Module | None] = {}

    def visit(parent: nn.Module) -> None:
        for name, child in list(parent._modules.items()):  # noqa: SLF001 - aliases are listed twice
            if child is None:
                continue
            if child not in seen:
                seen[child] = new = mapping_fn(child, *args, **kwargs)
                if new is None:
                    visit(child)
                elif new is not child:
                    new.train(child.training)
            replacement = seen[child]
            if replacement is not None:
                parent._modules[name] = replacement  # noqa: SLF001

    visit(module)
    return any(new is not None for new in seen.values())


def patch_layers(
    module: nn.Module, patch: Callable[[nn.Module], bool], inplace: bool = True
) -> nn.Module:
    """Change a module and everything below it, layer by layer, and warn if nothing was to change.

    Args:
        module: The module to patch or unpatch.
        patch: Changes one layer in place, and says whether it is now as wanted; False: it is none
            of those that this patches.
        inplace: Work on `module` itself rather than on a deep copy.

    Returns:
        `module`, or its copy.

    Raises:
        Exception: Whatever `patch` raises, as it is.

    Warns:
        UserWarning: No layer was one of those to patch.

    Example:
        >>> def freeze(layer):
        ...     layer.requires_grad_(False)
        ...     return True
        >>> patch_layers(nn.Linear(1, 1), freeze).weight.requires_grad
        False
    """
    if not inplace:
        module = copy.deepcopy(module)
    patched = [patch(layer) for layer in list(module.modules())]
    if not any(patched):
        _warn_of_nothing_to_patch()
    return module


def replace_layers(
    module: nn.Module, mapping_fn: Callable[[nn.Module], nn.Module | None], inplace: bool = True
) -> nn.Module:
    """Replace a module or layers below it by others, and warn if there was nothing to replace.

    Args:
        module: The module to patch or unpatch; unlike in `replace_layers_in_module` it may itself
            be one of the layers that are replaced.
        mapping_fn: See `replace_layers_in_module`.
        inplace: Work on `module` itself rather than on a deep copy.

    Returns:
        `module`, its copy, or what it was replaced by.

    Raises:
        Exception: Whatever `mapping_fn` raises, as it is.

    Warns:
        UserWarning: No layer was one of those to replace.

    Example:
        >>> replace_layers(nn.ReLU(), lambda m: nn.GELU() if isinstance(m, nn.ReLU) else None)
        GELU(approximate='none')
    """
    if not inplace:
        module = copy.deepcopy(module)
    root = mapping_fn(module)
    if root is not None:
        return root.train(module.training) if root is not module else root
    if not replace_layers_in_module(module, mapping_fn):
        _warn_of_nothing_to_patch()
    return module


def _warn_of_nothing_to_patch() -> None:
    warnings.warn(
        "No layer was modified by patch_module!", UserWarning, stacklevel=level_outside_baal()
    )


class TransparentModule(nn.Module):
    """A module around another one, whose weights are saved under the names they have without it.

    Names with or without the prefix `module.` load.

    Args:
        module: The module inside, reachable as `module`.

    Example:
        >>> around = TransparentModule(nn.Linear(2, 1, bias=False))
        >>> list(around.state_dict())
        ['weight']
    """

    module: nn.Module

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.training = module.training
        self.register_load_state_dict_pre_hook(_add_prefix)  # type: ignore[no-untyped-call]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module inside.

        Args:
            *args: Passed on.
            **kwargs: Passed on.

        Returns:
            What the module inside returns, such as a tensor `[B, C, ...]`.

        Raises:
            Exception: Whatever it raises, as it is.
        """
        return self.module(*args, **kwargs)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights and buffers under the names they have in the module inside.

        Args:
            *args: As in `torch.nn.Module.state_dict`.
            **kwargs: As in `torch.nn.Module.state_dict`.

        Returns:
            A dict of tensors, which loads into the module inside too.

        Raises:
            Exception: Whatever a hook of the module inside raises.
        """
        return self.module.state_dict(*args, **kwargs)


class BayesianModule(TransparentModule):
    """A module whose layers have been patched so that each forward pass is a posterior sample.

    Subclasses set `patching_function` and `unpatch_function`. The wrapped module is patched in
    place and reachable as `module`; as a context manager, it is unpatched at the end. `state_dict`
    has the keys of the wrapped module, and keys with or without the prefix `module.` load.

    Args:
        module: The module to patch.
        *args: Passed on to `patching_function`.
        **kwargs: Passed on to `patching_function`.

    Raises:
        Exception: Whatever the patching function raises, before anything is changed.

    Example:
        >>> from baal.bayesian.dropout import MCDropoutModule
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
        >>> with MCDropoutModule(net) as sampler:
        ...     _ = sampler.eval()
        >>> sorted(sampler.state_dict())
        ['0.bias', '0.weight']
    """

    patching_function: ClassVar[Callable[..., nn.Module]]
    unpatch_function: ClassVar[Callable[..., nn.Module]]

    def __init__(self, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        super().__init__(type(self).patching_function(module, *args, **kwargs))

    def unpatch(self) -> nn.Module:
        """Undo the patching.

        Returns:
            The wrapped module as it was.

        Raises:
            Exception: Whatever the unpatching function raises.
        """
        self.module = type(self).unpatch_function(self.module)
        return self.module

    def __enter__(self: SelfT) -> SelfT:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unpatch()


def _add_prefix(owner: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Let keys without the wrapper's own prefix load: rename those below `prefix`, in place."""
    assert isinstance(owner, TransparentModule)
    expected = owner.module.state_dict().keys()
    plain = sum(prefix + key in state for key in expected)
    wrapped = sum(f"{prefix}module.{key}" in state for key in expected)
    # The wrapped module may itself have a child named `module`: the form that fits more is meant.
    if plain > wrapped:
        ours = {key: state.pop(key) for key in list(state) if key.startswith(prefix)}
        state.update({f"{prefix}module.{key[len(prefix) :]}": v for key, v in ours.items()})
