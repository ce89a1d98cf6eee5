"""Transforms of images and masks, and transforms that say what else they need to know."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "BaaLCompose",
    "BaaLTransform",
    "GetCanvas",
    "PILToLongTensor",
    "apply_transform",
    "image_shape",
]


class BaaLTransform:
    """A transform that is called as `transform(x, **asked)`, with the keywords it asks for.

    Derive from it, and have `get_requires` name the keywords. `FileDataset` offers these:

    - `image_shape`: `(height, width)` of the image as it was loaded.
    - `idx`: the item's index in the dataset.
    - `file`: the file, as it was given.
    - `generator`, `rng`: the item's own `torch.Generator` and `numpy.random.Generator`; those of
      the input and of the target of one item give the same numbers.

    Example:
        >>> class Canvas(BaaLTransform):
        ...     def __call__(self, label, image_shape):
        ...         return np.zeros(image_shape) if label == -1 else label
        ...
        ...     def get_requires(self):
        ...         return ["image_shape"]
        >>> apply_transform(Canvas(), -1, {"image_shape": (2, 3), "idx": 0}).shape
        (2, 3)
    """

    __call__: Callable[..., Any]

    def get_requires(self) -> list[str]:
        """Names of the keywords that it must be called with.

        Returns:
            None at all, by default.
        """
        return []


class BaaLCompose(BaaLTransform):
    """Transforms one after the other; each gets the keywords it asks for.

    Args:
        transforms: `BaaLTransform`s and plain callables, in order.

    Example:
        >>> class Add(BaaLTransform):
        ...     def __call__(self, x, idx):
        ...         return x + idx
        ...
        ...     def get_requires(self):
        ...         return ["idx"]
        >>> compose = BaaLCompose([float, Add()])
        >>> compose.get_requires(), compose(1, idx=2)
        (['idx'], 3.0)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Any, **offered: Any) -> Any:
        """Apply all of them.

        Args:
            x: Goes to the first one.
            **offered: At least the keywords that are asked for.

        Returns:
            What the last one gives.

        Raises:
            InvalidArgumentError: A transform asks for something that is not offered.
        """
        for transform in self.transforms:
            x = apply_transform(transform, x, offered)
        return x

    def get_requires(self) -> list[str]:
        """What the transforms ask for.

        Returns:
            Each keyword once, in the order in which they come up.
        """
        asked = [name for one in self.transforms for name in _requires(one)]
        return list(dict.fromkeys(asked))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transforms!r})"


class GetCanvas(BaaLTransform):
    """An image with an empty canvas to label: for images that nobody has labelled yet.

    Example:
        >>> image, canvas = GetCanvas()(np.ones((2, 3), dtype=np.uint8))
        >>> canvas
        array([[0., 0., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    def __call__(self, image: Any) -> tuple[Any, Any]:
        """Add the canvas.

        Args:
            image: A PIL image, an array or a tensor.

        Returns:
            The image and float32 zeros: an array `[height, width]` for a PIL image, else an
            array or tensor of the image's shape.

        Raises:
            InvalidTypeError: `image` is none of these.
        """
        if isinstance(image, torch.Tensor):
            return image, torch.zeros_like(image, dtype=torch.float32)
        shape = image.shape if isinstance(image, np.ndarray) else image_shape(image)
        return image, np.zeros(shape, dtype=np.float32)


class PILToLongTensor:
    """A mask as a tensor of class indices.

    Args:
        classes: None: the mask holds class indices already. Else the value of each class in the
            mask: colours `[C, 3]` or grey values `[C]`; value `classes[c]` becomes `c`.
        other: Class of a pixel whose value is not in `classes`. 0 is the background of most
            label sets; -100 keeps such pixels out of a cross-entropy loss.

    Raises:
        InvalidArgumentError: `classes` is neither `[C, 3]` nor `[C]`.

    Example:
        >>> to_index = PILToLongTensor(classes=[[0, 0, 0], [128, 0, 0]])
        >>> to_index(np.array([[[128, 0, 0], [0, 0, 0]]], dtype=np.uint8))
        tensor([[1, 0]])
    """

    def __init__(self, classes: Any = None, *, other: int = 0) -> None:
        self.classes = None if classes is None else np.asarray(classes, dtype=np.int64)
        if self.classes is not None and not (
            self.classes.ndim == 1 or (self.classes.ndim == 2 and self.classes.shape[1] == 3)
        ):
            raise InvalidArgumentError(
                "Expected `classes` to be colours [C, 3] or grey values [C], "
                f"but got the shape {list(self.classes.shape)}"
            )
        self.other = other

    def __call__(self, pic: Any) -> torch.Tensor:
        """Turn a mask into class indices.

        Args:
            pic: A PIL image, or an array `[H, W]` or `[H, W, bands]`.

        Returns:
            int64, `[H, W]`; without `classes`, a mask of several bands gives `[bands, H, W]`.

        Raises:
            InvalidArgumentError: The mask has no colours where `classes` are colours, or has
                several bands where they are grey values.
        """
        # A palette's indices mean nothing beside colours.
        is_palette = getattr(pic, "mode", None) == "P"
        if is_palette and self.classes is not None and self.classes.ndim == 2:
            pic = pic.convert("RGB")
        mask: NDArray[Any] = np.array(pic).astype(np.int64)
        if self.classes is not None:
            return torch.from_numpy(self.encode_segmap(mask))
        if mask.ndim == 3:
            mask = np.ascontiguousarray(mask.transpose(2, 0, 1))
        return torch.from_numpy(mask)

    def encode_segmap(self, mask: Any) -> NDArray[np.int64]:
        """Class indices of a mask of colours or grey values.

        Args:
            mask: Array `[H, W, 3]` where `classes` are colours, `[H, W]` where they are grey
                values. It stays as it is.

        Returns:
            `[H, W]`.

        Raises:
            InvalidArgumentError: `mask` has another shape, or there are no `classes`.
        """
        mask = np.asarray(mask)
        if self.classes is None or mask.shape[2:] != self.classes.shape[1:]:
            expected = "None" if self.classes is None else list(self.classes.shape)
            raise InvalidArgumentError(
                "Expected `mask` to be [H, W, 3] with `classes` [C, 3], or [H, W] with `classes` "
                f"[C], but got {list(mask.shape)} with `classes` {expected}"
            )
        encoded = np.full(mask.shape[:2], self.other, dtype=np.int64)
        for index, value in enumerate(self.classes):
            hit = mask == value
            encoded[hit.all(axis=-1) if hit.ndim == 3 else hit] = index
        return encoded


def apply_transform(transform: Callable[..., Any], x: Any, offered: Mapping[str, Any]) -> Any:
    """Call a transform with the keywords it asks for.

    Args:
        transform: A `BaaLTransform`, anything else with `get_requires()`, or a plain callable.
        x: The image or label.
        offered: Values by keyword; only those that are asked for are looked up.

    Returns:
        What the transform gives.

    Raises:
        InvalidArgumentError: It asks for something that is not offered.

    Example:
        >>> apply_transform(str.upper, "a", {"idx": 0})
        'A'
    """
    asked = _requires(transform)
    missing = [name for name in asked if name not in offered]
    if missing:
        raise InvalidArgumentError(
            f"Expected `get_requires` of {type(transform).__name__} to name some of "
            f"{sorted(offered)}, but got {missing}"
        )
    return transform(x, **{name: offered[name] for name in asked})


def image_shape(image: Any) -> tuple[int, int]:
    """Height and width of an image.

    Args:
        image: A PIL image, an array `[H, W]` or `[H, W, channels]`, or a tensor `[..., H, W]`.

    Returns:
        `(height, width)`.

    Raises:
        InvalidTypeError: `image` is none of these.

    Example:
        >>> image_shape(torch.zeros(3, 20, 30)), image_shape(np.zeros((20, 30, 3)))
        ((20, 30), (20, 30))
    """
    if isinstance(image, torch.Tensor) and image.ndim >= 2:
        return image.shape[-2], image.shape[-1]
    if isinstance(image, np.ndarray) and image.ndim in {2, 3}:
        return image.shape[0], image.shape[1]
    size = getattr(image, "size", None)
    if isinstance(size, tuple) and len(size) == 2:  # PIL has the width first
        return int(size[1]), int(size[0])
    raise InvalidTypeError(
        "Expected `image` to be a PIL image, an array [H, W] or [H, W, channels], or a tensor "
        f"[..., H, W], but got {type(image).__name__} of shape {getattr(image, 'shape', None)}"
    )


def _requires(transform: Any) -> list[str]:
    get_requires = getattr(transform, "get_requires", None)
    return list(get_requires()) if callable(get_requires) else []
