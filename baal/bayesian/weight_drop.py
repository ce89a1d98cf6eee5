"""MC-DropConnect: weights are dropped, so that each mask over them is a posterior sample.

Wan et al., "Regularization of neural networks using DropConnect" (2013),
https://proceedings.mlr.press/v28/wan13.html; as a posterior Mobiny et al. (2019),
https://arxiv.org/abs/1906.04569. What is kept is divided by the probability to be kept. Biases
stay.
"""

import warnings
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils.parametrize import is_parametrized

from baal.bayesian.always_on import AlwaysOn
from baal.bayesian.common import BayesianModule, patch_layers
from baal.bayesian.joint import draw_seed, forget_joint, make_joint, resample
from baal.bayesian.patched_classes import unpatched_class
from baal.bayesian.weight_drop_layers import (
    WEIGHT_DROP_LAYERS,
    WeightDrop,
    WeightDropConv1d,
    WeightDropConv2d,
    WeightDropConv3d,
    WeightDropGRU,
    WeightDropLinear,
    WeightDropLSTM,
    check_weight_dropout,
    names_of_dropped,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.frames import level_outside_baal

__all__ = [
    "MCDropoutConnectModule",
    "WeightDropConv1d",
    "WeightDropConv2d",
    "WeightDropConv3d",
    "WeightDropGRU",
    "WeightDropLSTM",
    "WeightDropLinear",
    "get_weight_drop_module",
    "patch_module",
    "resample",
    "unpatch_module",
]

# Where a layer keeps its own settings while others are in their place.
_BEFORE = "_before_weight_drop"

_derived: "WeakKeyDictionary[type[nn.Module], type[WeightDrop]]" = WeakKeyDictionary()


def get_weight_drop_module(name: str, weight_dropout: float, **kwargs: Any) -> WeightDrop:
    """Make a layer whose weights are dropped.

    Args:
        name: A class of torch: "Linear", "Conv1d", "Conv2d", "Conv3d", "LSTM" or "GRU".
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        **kwargs: Arguments of that class, such as `in_features`.

    Returns:
        The layer, newly initialised.

    Raises:
        InvalidArgumentError: The name is unknown, or `weight_dropout` is outside of [0, 1).
        InvalidTypeError: `weight_dropout` is no number.

    Example:
        >>> get_weight_drop_module("Linear", 0.5, in_features=3, out_features=2)
        WeightDropLinear(in_features=3, out_features=2, bias=True, weight_dropout=0.5)
    """
    by_name = {kind.__name__: layer for kind, layer in WEIGHT_DROP_LAYERS.items()}
    if name not in by_name:
        raise InvalidArgumentError(
            f"Expected `name` to be one of {sorted(by_name)}, but got {name!r}."
        )
    return by_name[name](weight_dropout, **kwargs)


def patch_module(
    module: nn.Module,
    layers: Sequence[str],
    weight_dropout: float = 0.0,
    inplace: bool = True,
    *,
    seed: int | None = None,
) -> nn.Module:
    """Drop weights of a module's layers, in eval mode too.

    A layer is patched by changing its class: weights, settings, hooks and the keys of its
    `state_dict` stay. Its samples are joint. The module's own dropout layers are off as long as it
    is patched, unless they were patched themselves. Weights that are taken without calling their
    layer are not dropped: `F.linear(x, layer.weight)`, or those of torch's attention.

    Args:
        module: Any module; it may itself be such a layer.
        layers: Names of classes: "Linear", "Conv1d", "Conv2d", "Conv3d", "LSTM", "GRU", or of your
            own classes derived from these.
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        inplace: Patch `module` itself rather than a deep copy.
        seed: Of the posterior samples; None: drawn from torch's global generator.

    Returns:
        The patched module. Patched again, it has the new probability and new samples.

    Raises:
        InvalidArgumentError: A name is none of a layer that can be dropped, `weight_dropout` is
            outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is of another type.

    Warns:
        UserWarning: The module has no such layer, or one whose weight is computed anew at each call
            (weight norm and other parametrizations), which cannot be dropped.

    Example:
        >>> patch_module(nn.Sequential(nn.Linear(8, 2), nn.ReLU()), ["Linear"], 0.3)
        Sequential(
          (0): WeightDropLinear(in_features=8, out_features=2, bias=True, weight_dropout=0.3)
          (1): ReLU()
        )
    """
    check_weight_dropout(weight_dropout)
    names = _check_names(module, layers)
    seed = draw_seed(seed)

    def switch_on(layer: nn.Module) -> bool:
        kind = _plain_class(layer)
        if kind.__name__ not in names or not _can_be_dropped(layer):
            return False
        layer.__class__ = _weight_drop_class(kind)
        layer.weight_dropout = float(weight_dropout)  # type: ignore[assignment]
        return True

    patched = patch_layers(module, switch_on, inplace=inplace)
    dropping = [layer for layer in patched.modules() if isinstance(layer, WeightDrop)]
    make_joint(dropping, seed)
    if dropping:
        _warn_of_left_out(patched, names)
        for layer in patched.modules():
            _set_aside(layer)
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
        >>> unpatch_module(patch_module(nn.Linear(3, 2), ["Linear"], 0.5))
        Linear(in_features=3, out_features=2, bias=True)
    """
    unpatched = patch_layers(module, _switch_off, inplace=inplace)
    for layer in unpatched.modules():
        layer.__dict__.update(layer.__dict__.pop(_BEFORE, {}))
    return unpatched


def _switch_off(layer: nn.Module) -> bool:
    if not isinstance(layer, WeightDrop):
        return False
    kind = layer.undropped_class
    if issubclass(kind, AlwaysOn) and not isinstance(layer, AlwaysOn):
        kind = unpatched_class(kind)  # its dropout was unpatched before
    layer.__class__ = kind  # type: ignore[assignment]
    del layer.weight_dropout
    forget_joint(layer)
    return True


def _set_aside(layer: nn.Module) -> None:
    """Take dropout, and what would go past the patched layers, out of use."""
    if isinstance(layer, _DropoutNd) and not isinstance(layer, AlwaysOn):
        other: dict[str, Any] = {"p": 0.0}
    elif isinstance(layer, nn.TransformerEncoderLayer):
        # Its fast path takes the weights of its linear layers without calling them.
        other = {"activation_relu_or_gelu": 0}
    elif isinstance(layer, nn.TransformerEncoder):
        other = {"use_nested_tensor": False}
    else:
        return
    layer.__dict__.setdefault(_BEFORE, {name: layer.__dict__[name] for name in other})
    layer.__dict__.update(other)


def _plain_class(layer: nn.Module) -> type[nn.Module]:
    return layer.undropped_class if isinstance(layer, WeightDrop) else type(layer)


def _can_be_dropped(layer: nn.Module) -> bool:
    """Whether it is one of those layers, and holds its weight itself: no parametrized one does."""
    # The output layer of torch's attention is never called: attention takes its weight.
    plain = _plain_class(layer)
    is_of_attention = plain is nn.modules.linear.NonDynamicallyQuantizableLinear
    return (
        issubclass(plain, tuple(WEIGHT_DROP_LAYERS))
        # A lazy layer gives up the class it was patched with when it is first called.
        and not issubclass(plain, LazyModuleMixin)
        and not is_of_attention
        and all(name in layer._parameters for name in names_of_dropped(layer))  # noqa: SLF001
    )


def _warn_of_left_out(module: nn.Module, names: set[str]) -> None:
    left_out = [
        path
        for path, layer in module.named_modules()
        if not _can_be_dropped(layer)
        and any(kind.__name__ in names for kind in _kinds(layer))
        and issubclass(_plain_class(layer), tuple(WEIGHT_DROP_LAYERS))
    ]
    if left_out:
        warnings.warn(
            f"These layers keep their weights whole, as they compute them anew at each call: "
            f"{left_out}. Remove weight norm and the like to have them dropped.",
            UserWarning,
            stacklevel=level_outside_baal(),
        )


def _kinds(layer: nn.Module) -> tuple[type[nn.Module], ...]:
    """The class of a layer, and that before torch derived one to parametrize it."""
    kind = type(layer)
    return (kind, *kind.__bases__) if is_parametrized(layer) else (kind,)


def _check_names(module: nn.Module, layers: Sequence[str]) -> set[str]:
    names = [layers] if isinstance(layers, str) else list(layers)
    if not all(isinstance(name, str) for name in names):
        raise InvalidTypeError(f"Expected `layers` to be names of classes, but got {layers!r}.")
    known = {kind.__name__ for kind in WEIGHT_DROP_LAYERS}
    there = {_plain_class(m).__name__ for m in module.modules() if _can_be_dropped(m)}
    unknown = [name for name in names if name not in known | there]
    if unknown:
        raise InvalidArgumentError(
            f"Expected `layers` to be some of {sorted(known)}, or classes of your own derived from "
            f"these, but got {unknown}. In this module, {sorted(there) or 'none'} can be dropped."
        )
    return set(names)


def _weight_drop_class(kind: type[nn.Module]) -> type[WeightDrop]:
    """The class of a layer whose weights are dropped, made where nobody has written one."""
    if kind in WEIGHT_DROP_LAYERS:
        return WEIGHT_DROP_LAYERS[kind]
    if kind not in _derived:
        body = {"__module__": kind.__module__, "undropped_class": kind, "__reduce_ex__": _reduce}
        _derived[kind] = type(kind.__name__, (WeightDrop, kind), body)
    return _derived[kind]


def _reduce(layer: Any, _: Any) -> tuple[Any, ...]:
    """A class made here cannot be imported: pickle and copy are told how to make it again."""
    return _blank, (type(layer).undropped_class,), layer.__dict__


def _blank(kind: type[nn.Module]) -> nn.Module:
    patched = _weight_drop_class(kind)
    return patched.__new__(patched)


class MCDropoutConnectModule(BayesianModule):
    """A module with MC-DropConnect: another posterior sample at each call, in eval mode too.

    Wan et al. (2013), "Regularization of neural networks using DropConnect",
    https://proceedings.mlr.press/v28/wan13.html; as a posterior Mobiny et al.
    (2019), https://arxiv.org/abs/1906.04569.

    Args:
        module: The module to patch, in place.
        layers: See `patch_module`.
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        seed: Of the posterior samples; None: drawn from torch's global generator.

    Raises:
        InvalidArgumentError: As by `patch_module`.
        InvalidTypeError: As by `patch_module`.

    Warns:
        UserWarning: The module has no such layer.

    Example:
        >>> import torch
        >>> from baal.bayesian.sampling import sample_posterior
        >>> net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
        >>> model = MCDropoutConnectModule(net, ["Linear"], weight_dropout=0.5).eval()
        >>> sample_posterior(model, torch.randn(4, 8), iterations=20).shape
        torch.Size([4, 3, 20])
    """

    patching_function = patch_module
    unpatch_function = unpatch_module

    def __init__(
        self,
        module: nn.Module,
        layers: Sequence[str],
        weight_dropout: float = 0.0,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(module, layers, weight_dropout, seed=seed)

    def resample(self, seed: int | None = None) -> None:
        """Take other posterior samples from now on.

        Args:
            seed: Of the new samples; None: drawn from torch's global generator.

        Raises:
            InvalidArgumentError: `seed` is negative, or nothing is left to resample.
            InvalidTypeError: `seed` is no whole number.
        """
        resample(self.module, seed)
