"""What makes a layer draw joint samples: a seed, and the number of the layer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "Joint",
    "check_batch_axis",
    "draw_seed",
    "forget_joint",
    "forget_joint_functions",
    "functional_joint",
    "is_joint",
    "joint_marks",
    "joint_of",
    "make_functions_joint",
    "make_joint",
    "resample",
    "restore_joint_marks",
]

_MARK = "_joint"
_FUNCTIONAL = "_joint_of_functions"


@dataclass(frozen=True)
class Joint:
    """Where the random numbers of a layer come from.

    Attributes:
        seed: Of all layers that were patched together.
        number: Of the layer among them.
        batch_axis: Where the items are in what the layer is given, if that cannot be seen.

    Example:
        >>> Joint(seed=0, number=3).batch_axis is None
        True
    """

    seed: int
    number: int
    batch_axis: int | None = None


def draw_seed(seed: int | None) -> int:
    """A seed: the one that is given, or one from torch's global generator.

    Args:
        seed: At least 0, or None.

    Returns:
        The seed.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidArgumentError: It is negative.

    Example:
        >>> draw_seed(1337)
        1337
    """
    if seed is None:
        return int(torch.randint(2**62, ()).item())
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise InvalidTypeError(f"Expected `seed` to be an int or None, but got {seed!r}.")
    if seed < 0:
        raise InvalidArgumentError(f"Expected `seed` to be at least 0, but got {seed}.")
    return int(seed)


def check_batch_axis(batch_axis: int | None) -> int | None:
    """Refuse a batch axis that is none.

    Args:
        batch_axis: An axis, negative from the end, or None.

    Returns:
        The same.

    Raises:
        InvalidTypeError: It is no whole number.

    Example:
        >>> check_batch_axis(1)
        1
    """
    no_axis = isinstance(batch_axis, bool) or not hasattr(batch_axis, "__index__")
    if batch_axis is not None and no_axis:
        raise InvalidTypeError(
            f"Expected `batch_axis` to be an int or None, but got {batch_axis!r}."
        )
    return batch_axis


def joint_of(module: nn.Module) -> Joint | None:
    """Where the random numbers of a layer come from.

    Args:
        module: Any module.

    Returns:
        None: not from a seed of its own.

    Example:
        >>> joint_of(nn.Linear(1, 1)) is None
        True
    """
    joint: Joint | None = module.__dict__.get(_MARK)
    return joint


def functional_joint(module: nn.Module) -> Joint | None:
    """Where the random numbers of functions come from that no layer calls.

    Args:
        module: Any module.

    Returns:
        What was said for it, or for the first module below it; None: they draw as ever.

    Example:
        >>> functional_joint(nn.Linear(1, 1)) is None
        True
    """
    marks = (below.__dict__.get(_FUNCTIONAL) for below in module.modules())
    return next((mark for mark in marks if mark is not None), None)


def is_joint(module: nn.Module) -> bool:
    """Whether a module itself draws joint samples; what lies below it does not count.

    Args:
        module: Any module.

    Returns:
        True if it has a seed of its own.

    Example:
        >>> is_joint(nn.Linear(1, 1))
        False
    """
    return _MARK in module.__dict__ or _FUNCTIONAL in module.__dict__


def make_joint(
    layers: Iterable[nn.Module], seed: int | None, batch_axis: int | None = None
) -> None:
    """Let layers draw joint samples: sample `k` is the same function for every item.

    Args:
        layers: They are numbered in this order.
        seed: Of all of them; None: drawn from torch's global generator.
        batch_axis: See `Joint`.

    Raises:
        InvalidArgumentError: The seed is negative.
        InvalidTypeError: `seed` or `batch_axis` is no whole number.

    Example:
        >>> layer = nn.Dropout()
        >>> make_joint([layer], seed=0)
        >>> joint_of(layer)
        Joint(seed=0, number=0, batch_axis=None)
    """
    check_batch_axis(batch_axis)
    seed = draw_seed(seed)
    for number, layer in enumerate(layers):
        layer.__dict__[_MARK] = Joint(seed, number, batch_axis)


def make_functions_joint(module: nn.Module, joint: Joint) -> None:
    """Let functions that no layer calls draw joint samples too.

    Args:
        module: Where they are called.
        joint: Where their random numbers come from.

    Example:
        >>> net = nn.Linear(1, 1)
        >>> make_functions_joint(net, Joint(seed=0, number=3))
        >>> functional_joint(net)
        Joint(seed=0, number=3, batch_axis=None)
    """
    for below in module.modules():
        below.__dict__[_FUNCTIONAL] = joint


def forget_joint(layer: nn.Module) -> None:
    """Let a layer draw samples that are not joint again; what lies below it stays.

    Args:
        layer: Any module.

    Example:
        >>> layer = nn.Dropout()
        >>> make_joint([layer], seed=0)
        >>> forget_joint(layer)
        >>> is_joint(layer)
        False
    """
    layer.__dict__.pop(_MARK, None)


def forget_joint_functions(module: nn.Module) -> None:
    """Undo `make_functions_joint`.

    Args:
        module: Any module.

    Example:
        >>> net = nn.Linear(1, 1)
        >>> make_functions_joint(net, Joint(seed=0, number=3))
        >>> forget_joint_functions(net)
        >>> functional_joint(net) is None
        True
    """
    for below in module.modules():
        below.__dict__.pop(_FUNCTIONAL, None)


def resample(module: nn.Module, seed: int | None = None) -> None:
    """Take other posterior samples from now on: new masks, for a module with joint samples.

    Args:
        module: A module patched by `consistent_dropout` or `weight_drop`, or one that holds such.
        seed: Of the new samples; None: drawn from torch's global generator.

    Raises:
        InvalidArgumentError: The seed is negative, or the module has no joint samples.
        InvalidTypeError: The seed is no whole number.

    Example:
        >>> from baal.bayesian.consistent_dropout import ConsistentDropout
        >>> from baal.bayesian.sampling import sample_posterior
        >>> layer, x = ConsistentDropout(0.5), torch.ones(1, 64)
        >>> before = sample_posterior(layer, x, iterations=3)
        >>> bool((sample_posterior(layer, x, iterations=3) == before).all())
        True
        >>> resample(layer)
        >>> bool((sample_posterior(layer, x, iterations=3) == before).all())
        False
    """
    joint = [below for below in module.modules() if is_joint(below)]
    if not joint:
        raise InvalidArgumentError(
            "Expected `module` to have joint samples, but got one without: patch it by "
            "baal.bayesian.consistent_dropout or baal.bayesian.weight_drop first."
        )
    seed = draw_seed(seed)
    layers = [below for below in joint if _MARK in below.__dict__]
    # Numbered anew: layers that were patched one by one may all have been the first.
    for number, layer in enumerate(layers):
        layer.__dict__[_MARK] = replace(layer.__dict__[_MARK], seed=seed, number=number)
    for below in joint:
        if _FUNCTIONAL in below.__dict__:
            functional = replace(below.__dict__[_FUNCTIONAL], seed=seed, number=len(layers))
            below.__dict__[_FUNCTIONAL] = functional


def joint_marks(module: nn.Module) -> dict[str, dict[str, Any]]:
    """The seeds of a model's joint samples as plain data: a `state_dict` does not hold them.

    Args:
        module: Any module.

    Returns:
        By the name of the layer, the fields of `Joint`, for the layer and for functions in it.

    Example:
        >>> layer = nn.Dropout()
        >>> make_joint([layer], seed=0)
        >>> joint_marks(layer)
        {'': {'_joint': (0, 0, None)}}
    """
    found = {
        name: {
            mark: (joint.seed, joint.number, joint.batch_axis)
            for mark in (_MARK, _FUNCTIONAL)
            if (joint := below.__dict__.get(mark)) is not None
        }
        for name, below in module.named_modules()
    }
    return {name: marks for name, marks in found.items() if marks}


def restore_joint_marks(module: nn.Module, marks: Mapping[str, Mapping[str, Any]]) -> None:
    """Take the posterior samples that `joint_marks` told of again.

    Args:
        module: A module with the same layers.
        marks: What it gave.

    Example:
        >>> layer = nn.Dropout()
        >>> make_joint([layer], seed=0)
        >>> before = joint_marks(layer)
        >>> resample(layer, seed=1)
        >>> restore_joint_marks(layer, before)
        >>> joint_of(layer)
        Joint(seed=0, number=0, batch_axis=None)
    """
    layers = dict(module.named_modules())
    for name, of_layer in marks.items():
        layers[name].__dict__.update({mark: Joint(*fields) for mark, fields in of_layer.items()})
