"""Which class a layer gets when it is patched, and which one when it is unpatched."""

from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from baal.bayesian.always_on import LAYERS, AlwaysOn

__all__ = ["drops", "patched_class", "unpatched_class"]

_derived: "WeakKeyDictionary[type[nn.Module], type[AlwaysOn]]" = WeakKeyDictionary()


def drops(layer: nn.Module) -> bool:
    """Whether a layer has dropout of its own that can be kept on.

    Args:
        layer: Any module.

    Returns:
        True for the layers of `LAYERS` and for classes derived from them; False for a recurrent
        layer or an attention without dropout, and for everything else.

    Example:
        >>> drops(nn.LSTM(4, 3, num_layers=2, dropout=0.5)), drops(nn.LSTM(4, 3))
        (True, False)
    """
    if _known_base(type(layer)) is None:
        return False
    if isinstance(layer, nn.RNNBase):
        return layer.num_layers > 1 and bool(layer.dropout)
    if isinstance(layer, nn.MultiheadAttention):
        return bool(layer.dropout)
    return not isinstance(layer, nn.TransformerEncoder | nn.TransformerEncoderLayer) or any(
        isinstance(below, nn.Dropout) for below in layer.modules()
    )


def patched_class(kind: type[nn.Module]) -> type[AlwaysOn]:
    """The class of a patched layer.

    Args:
        kind: A class of `LAYERS`, or one derived from one: by a user, or by torch when it
            parametrizes a layer.

    Returns:
        One with the same forward pass, run as if in training.

    Raises:
        KeyError: It is something else.

    Example:
        >>> class Mine(nn.Dropout): ...
        >>> patched_class(nn.Dropout).__module__, patched_class(Mine).__mro__[2].__name__
        ('baal.bayesian.always_on', 'Mine')
    """
    if kind in LAYERS:
        return LAYERS[kind]
    if kind not in _derived:
        base = LAYERS[_known_base(kind) or kind]
        body = {
            "__module__": kind.__module__,
            "__reduce_ex__": _reduce,
            "unpatched_class": kind,
            "forced": base.forced,
            # Nobody knows how a class that is not torch's draws: item by item, or for the batch.
            "draws_by_item": False,
        }
        _derived[kind] = type(kind.__name__, (AlwaysOn, kind), body)
    return _derived[kind]


def unpatched_class(kind: type[nn.Module]) -> type[nn.Module]:
    """The class of a patched layer once it is unpatched.

    Args:
        kind: A class that `patched_class` has given, or one derived from it since, as torch does
            when it parametrizes a layer.

    Returns:
        The class before, or the same derived from it.

    Example:
        >>> unpatched_class(patched_class(nn.LSTM)) is nn.LSTM
        True
    """
    if "unpatched_class" in vars(kind):
        before: type[nn.Module] = vars(kind)["unpatched_class"]
        return before
    bases = tuple(unpatched_class(b) if issubclass(b, AlwaysOn) else b for b in kind.__bases__)
    body = {k: v for k, v in vars(kind).items() if k not in {"__dict__", "__weakref__"}}
    return type(kind.__name__, bases, body)


def _known_base(kind: type[nn.Module]) -> type[nn.Module] | None:
    return next((base for base in kind.__mro__ if base in LAYERS), None)


def _reduce(layer: Any, _: Any) -> tuple[Any, ...]:
    """A class made here cannot be imported: pickle and copy are told how to make it again."""
    return _blank, (type(layer).unpatched_class,), layer.__dict__


def _blank(kind: type[nn.Module]) -> nn.Module:
    patched = patched_class(kind)
    return patched.__new__(patched)
