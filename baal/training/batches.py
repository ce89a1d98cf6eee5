"""What of a batch goes into the model, and what into the criterion."""

from collections.abc import Mapping
from typing import Any

from baal.exceptions import InvalidArgumentError

__all__ = ["TARGET_KEYS", "inputs_of", "split_batch"]

# What the target is called in a batch that is one dict, as datasets of Hugging Face give them.
TARGET_KEYS = ("label", "labels", "target")


def split_batch(batch: Any) -> tuple[Any, Any]:
    """The model's input and the target of a batch.

    Args:
        batch: `(data, target, *rest)`, each a tensor `[B, ...]` or a nested structure of them; or
            one dict, in which `label`, `labels` or `target` is the target and the rest the data.

    Returns:
        `(data, target)`.

    Raises:
        InvalidArgumentError: It is something else, or a dict without a target, or with several.

    Example:
        >>> split_batch({"inputs": [1, 2], "label": [0, 1]})
        ({'inputs': [1, 2]}, [0, 1])
    """
    if isinstance(batch, Mapping):
        key = _target_key(batch)
        if key is None:
            raise InvalidArgumentError(
                f"Expected a batch that is a dict to have one of the keys {list(TARGET_KEYS)}, "
                f"but got {list(batch)}."
            )
        return _without(batch, key), batch[key]
    if isinstance(batch, list | tuple) and len(batch) > 1:
        return batch[0], batch[1]
    raise InvalidArgumentError(
        "Expected a batch to be `(data, target, *rest)` or a dict, but got "
        f"{type(batch).__name__}{_length(batch)}."
    )


def inputs_of(batch: Any) -> Any:
    """The model's input of a batch that may have a target or not.

    Args:
        batch: `(data, *rest)`, `data` alone, or one dict, of which `label`, `labels` or `target` is
            left out: the model gets what it gets in training.

    Returns:
        `data`.

    Raises:
        InvalidArgumentError: It is a dict with several targets.

    Example:
        >>> inputs_of({"inputs": [1, 2], "label": [0, 1]}), inputs_of(([1, 2], [0, 1]))
        ({'inputs': [1, 2]}, [1, 2])
    """
    if isinstance(batch, Mapping):
        key = _target_key(batch)
        return batch if key is None else _without(batch, key)
    return batch[0] if isinstance(batch, list | tuple) else batch


def _target_key(batch: Mapping[Any, Any]) -> str | None:
    found = [key for key in TARGET_KEYS if key in batch]
    if len(found) > 1:
        raise InvalidArgumentError(
            f"Expected a batch that is a dict to have one of the keys {list(TARGET_KEYS)}, but got "
            f"several: {found}."
        )
    return found[0] if found else None


def _without(batch: Mapping[Any, Any], left_out: str) -> dict[Any, Any]:
    return {key: value for key, value in batch.items() if key != left_out}


def _length(batch: Any) -> str:
    return f" of length {len(batch)}" if isinstance(batch, list | tuple) else ""
