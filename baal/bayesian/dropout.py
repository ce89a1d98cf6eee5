"""MC-Dropout: dropout that stays on, so that each forward pass is a posterior sample.

Gal & Ghahramani, "Dropout as a Bayesian approximation" (2016), https://arxiv.org/abs/1506.02142
"""

from torch import nn

from baal.bayesian.always_on import (
    AlphaDropout,
    AlwaysOn,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
)
from baal.bayesian.common import BayesianModule, patch_layers
from baal.bayesian.joint import forget_joint, forget_joint_functions
from baal.bayesian.patched_classes import drops, patched_class, unpatched_class
from baal.bayesian.sampling.hidden import keep_hidden_dropout

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


# A layer is patched by changing its class, not by building another layer: its settings, hooks and
# flags, and whatever else refers to it, stay as they are, and unpatching restores it exactly.


def _switch_on(layer: nn.Module) -> bool:
    if not drops(layer):
        return False
    if not isinstance(layer, AlwaysOn):
        layer.__class__ = patched_class(type(layer))
    return True


def _switch_off(layer: nn.Module) -> bool:
    if not isinstance(layer, AlwaysOn):
        return False
    layer.forget_masks()
    forget_joint(layer)
    layer.__class__ = unpatched_class(type(layer))  # type: ignore[assignment]
    return True


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
    patched = patch_layers(module, _switch_on, inplace=inplace)
    keep_hidden_dropout(patched, True)
    return patched


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
    unpatched = patch_layers(module, _switch_off, inplace=inplace)
    keep_hidden_dropout(unpatched, False)
    forget_joint_functions(unpatched)
    return unpatched


class MCDropoutModule(BayesianModule):
    """A module with MC-Dropout: it gives another posterior sample at each call, in eval mode too.

    Gal & Ghahramani (2016), "Dropout as a Bayesian approximation",
    https://arxiv.org/abs/1506.02142.

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
