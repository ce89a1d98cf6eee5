"""MC-Dropout: dropout that stays on, so that each forward pass is a posterior sample.

Gal & Ghahramani, "Dropout as a Bayesian approximation" (2016), https://arxiv.org/abs/1506.02142
"""

from typing import Any, ClassVar

from torch import nn

from baal.bayesian.common import BayesianModule, patch_layers

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "MCDropoutModule",
    "patch_module",
    "unpatch_module",
]


class _AlwaysOn(nn.Module):
    """Runs a layer's own forward pass as if in training, whatever its mode."""

    # What the layer is when it is not patched.
    unpatched_class: ClassVar[type[nn.Module]]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        mode, self.training = self.training, True
        try:
            return super().forward(*args, **kwargs)
        finally:
            self.training = mode


class Dropout(_AlwaysOn, nn.Dropout):
    """`torch.nn.Dropout` that drops in eval mode too: `[...] -> [...]`, element by element.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout(p=1.0).eval()(torch.ones(3))
        tensor([0., 0., 0.])
    """

    unpatched_class = nn.Dropout


class Dropout1d(_AlwaysOn, nn.Dropout1d):
    """`torch.nn.Dropout1d` that drops in eval mode too.

    Shape `[B, C, L]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout1d(p=0.5).eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    unpatched_class = nn.Dropout1d


class Dropout2d(_AlwaysOn, nn.Dropout2d):
    """`torch.nn.Dropout2d` that drops in eval mode too.

    Shape `[B, C, H, W]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout2d(p=0.5).eval()(torch.ones(1, 2, 3, 3)).shape
        torch.Size([1, 2, 3, 3])
    """

    unpatched_class = nn.Dropout2d


class Dropout3d(_AlwaysOn, nn.Dropout3d):
    """`torch.nn.Dropout3d` that drops in eval mode too.

    Shape `[B, C, D, H, W]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout3d(p=0.5).eval()(torch.ones(1, 2, 3, 3, 3)).shape
        torch.Size([1, 2, 3, 3, 3])
    """

    unpatched_class = nn.Dropout3d


class AlphaDropout(_AlwaysOn, nn.AlphaDropout):
    """`torch.nn.AlphaDropout` that drops in eval mode too.

    Shape `[...]`, in and out; it drops elements, keeping mean and variance for SELU.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> AlphaDropout(p=0.5).eval()(torch.ones(4)).shape
        torch.Size([4])
    """

    unpatched_class = nn.AlphaDropout


class FeatureAlphaDropout(_AlwaysOn, nn.FeatureAlphaDropout):
    """`torch.nn.FeatureAlphaDropout` that drops in eval mode too.

    Shape `[B, C, ...]`, in and out; it drops channel by channel, for SELU.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> FeatureAlphaDropout(p=0.5).eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    unpatched_class = nn.FeatureAlphaDropout


_LAYERS: tuple[type[_AlwaysOn], ...] = (
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    AlphaDropout,
    FeatureAlphaDropout,
)
_PATCHED = {layer.unpatched_class: layer for layer in _LAYERS}


# A layer is patched by changing its class, not by building another layer: its settings, hooks and
# flags, and whatever else refers to it, stay as they are, and unpatching restores it exactly.


def _switch_on(layer: nn.Module) -> nn.Module | None:
    if isinstance(layer, _AlwaysOn):
        return layer
    patched = _PATCHED.get(type(layer))
    if patched is None:
        return None
    layer.__class__ = patched
    return layer


def _switch_off(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, _AlwaysOn):
        return None
    layer.__class__ = layer.unpatched_class  # type: ignore[assignment]
    return layer


def patch_module(module: nn.Module, inplace: bool = True) -> nn.Module:
    """Keep every dropout layer of a module on, in eval mode too.

    Args:
        module: Any module; it may itself be a dropout layer.
        inplace: Patch `module` itself rather than a deep copy.

    Returns:
        The patched module. Patching twice is patching once.

    Warns:
        UserWarning: The module has no dropout, and so no posterior.

    Example:
        >>> patch_module(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3)))
        Sequential(
          (0): Linear(in_features=2, out_features=2, bias=True)
          (1): Dropout(p=0.3, inplace=False)
        )
    """
    return patch_layers(module, _switch_on, inplace=inplace)


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
        >>> type(unpatch_module(patch_module(nn.Dropout(0.3)))).__module__
        'torch.nn.modules.dropout'
    """
    return patch_layers(module, _switch_off, inplace=inplace)


class MCDropoutModule(BayesianModule):
    """A module with MC-Dropout: it gives another posterior sample at each call, in eval mode too.

    Args:
        module: The module to patch, in place.

    Warns:
        UserWarning: The module has no dropout, and so no posterior.

    Example:
        >>> import torch
        >>> model = MCDropoutModule(nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.5))).eval()
        >>> x = torch.randn(2, 8)
        >>> bool((model(x) == model(x)).all())
        False
    """

    patching_function = patch_module
    unpatch_function = unpatch_module
