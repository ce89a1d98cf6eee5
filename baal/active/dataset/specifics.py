"""The pool's own view of the dataset: other attributes, the same data."""

import copy
from collections.abc import Mapping
from typing import Any

from torch.utils.data import Subset

from baal.exceptions import InvalidArgumentError

__all__ = ["view_with"]


def view_with(dataset: Any, specifics: Mapping[str, Any]) -> Any:
    """A shallow view of a dataset with some attributes overridden.

    An attribute is set where it is found: on the dataset or, through `torch.utils.data.Subset`,
    on the dataset inside. The original, and whatever it holds, stays as it is.

    Args:
        dataset: A dataset, or a Subset of one, nested as deeply as one likes.
        specifics: New values by name of the attribute.

    Returns:
        The view; it shares the data with `dataset`.

    Raises:
        InvalidArgumentError: Neither the dataset nor one inside of it has such an attribute, or
            it cannot be set.

    Example:
        >>> class Words:
        ...     def __init__(self):
        ...         self.transform = str.upper
        >>> words = Words()
        >>> view = view_with(words, {"transform": str.lower})
        >>> view.transform("Cat"), words.transform("Cat")
        ('cat', 'CAT')
    """
    own = {name: value for name, value in specifics.items() if hasattr(dataset, name)}
    rest = {name: value for name, value in specifics.items() if name not in own}
    is_subset = isinstance(dataset, Subset)
    # With nothing to override a list or an array stays itself: its copy would copy the items.
    view = copy.copy(dataset) if own or is_subset or _is_object(dataset) else dataset
    if is_subset:
        view.dataset = view_with(dataset.dataset, rest)
    elif rest:
        raise InvalidArgumentError(
            "Expected `pool_specifics` to name attributes of the dataset, but "
            f"{type(dataset).__name__} has no {', '.join(map(repr, rest))}"
        )
    try:
        for name, value in own.items():
            setattr(view, name, value)
    except AttributeError as error:
        raise InvalidArgumentError(
            "Expected `pool_specifics` to name attributes that can be set, but got "
            f"{', '.join(map(repr, own))} of {type(dataset).__name__}: {error}"
        ) from error
    if "transforms" not in own:
        _renew_transforms(view, own)
    return view


def _is_object(dataset: Any) -> bool:
    """Whether a shallow copy copies attributes only, and no items."""
    return hasattr(dataset, "__dict__") and not hasattr(dataset, "__copy__")


def _renew_transforms(view: Any, own: Mapping[str, Any]) -> None:
    """Replace what captured `transform` or `target_transform` when the dataset was built.

    torchvision's datasets put both into one object, `transforms`, and some read only that.
    """
    captured = getattr(view, "transforms", None)
    stale = {
        name: own[name]
        for name in ("transform", "target_transform")
        if name in own and hasattr(captured, name)
    }
    if stale:
        view.transforms = copy.copy(captured)
        for name, value in stale.items():
            setattr(view.transforms, name, value)
