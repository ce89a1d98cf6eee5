"""Files on disk, opened when they are read, with labels that arrive later."""

import errno
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.active.dataset.indices import to_position
from baal.exceptions import (
    BaalError,
    InvalidArgumentError,
    InvalidTypeError,
    UnreadableFileError,
)
from baal.utils.extras import require_extra
from baal.utils.item_seeds import ItemSeeds
from baal.utils.transforms import apply_transform, image_shape

__all__ = ["FileDataset", "default_image_load_fn"]

UNKNOWN = -1


def default_image_load_fn(path: str | Path) -> Any:
    """Load an image in colour.

    Args:
        path: The file.

    Returns:
        A PIL image in RGB; the file is closed.

    Raises:
        MissingExtraError: Pillow is not installed.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (30, 20)).save(f"{folder}/grey.png")
        ...     image = default_image_load_fn(f"{folder}/grey.png")
        >>> image.mode, image.size
        ('RGB', (30, 20))
    """
    with require_extra("PIL.Image", "vision").open(path) as image:
        return image.convert("RGB")


class FileDataset(Dataset[tuple[Any, Any]]):
    """Files with labels that may not be known yet: items are `(x, y)`.

    A file is opened when its item is read, and not before. `x` is what `image_load_fn` gives, then
    `transform`; `y` is the label, then `target_transform`. The label of an item that nobody has
    labelled is -1, which the target transform sees too.

    The transforms draw from the global random states of torch, NumPy and `random` as they please:
    both transforms of an item start from the same random numbers, so that an image and its mask
    are cropped alike. With a seed these numbers depend on the seed and the item alone, each pass
    over the data is the same, and the global states are left as they were. Without one they are
    new at each read, and the global states go on.

    Args:
        files: Paths, or whatever `image_load_fn` takes.
        lbls: A label for each file, of any type: numbers, strings, arrays. None or -1 is unknown.
            None instead of the list: all are unknown. The list is copied.
        transform: Applied to the image. It may be a `BaaLTransform`, which lists the keywords on
            offer.
        target_transform: Applied to the label; likewise.
        image_load_fn: Takes one of `files`; by default `default_image_load_fn`.
        seed: Makes each pass repeat; not negative.
        skip_broken: Open each file once, now, and leave those out that cannot be read: they are
            in `skipped`, and the others move up. Otherwise such a file is an error when it is read.
        verbose: Show progress while the files are checked.

    Attributes:
        files: The files, by dataset index.
        lbls: Their labels.
        transform: As given; may be replaced at any time, by `pool_specifics` for example.
        target_transform: As given; likewise.
        image_load_fn: As given.
        seed: As given.
        skipped: What is wrong with each file that was left out, by the file.

    Raises:
        InvalidTypeError: `files` or `lbls` is a single string or path, a dict or a set, or `seed`
            is no integer.
        InvalidArgumentError: There are no files, none can be read, the number of labels is
            another one, or `seed` is negative.

    Warns:
        UserWarning: Files were left out.

    Example:
        >>> dataset = FileDataset(["3.txt", "14.txt"], lbls=["cat", -1], image_load_fn=len)
        >>> dataset.label(1, "dog")
        >>> list(dataset)
        [(5, 'cat'), (6, 'dog')]
    """

    def __init__(
        self,
        files: Sequence[Any],
        lbls: Sequence[Any] | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        image_load_fn: Callable[[Any], Any] | None = None,
        seed: int | None = None,
        *,
        skip_broken: bool = False,
        verbose: bool = True,
    ) -> None:
        _check_ordered("files", files, "paths")
        _check_ordered("lbls", lbls, "labels, one for each file")
        self.files: list[Any] = list(files)
        self.lbls: list[Any] = [None] * len(self.files) if lbls is None else list(lbls)
        if not self.files or len(self.lbls) != len(self.files):
            raise InvalidArgumentError(
                "Expected `files` to hold at least one file, and `lbls` one label for each, "
                f"but got {len(self.files)} files and {len(self.lbls)} labels"
            )
        self.seed = _check_seed(seed)
        self.transform = transform
        self.target_transform = target_transform
        self.image_load_fn = default_image_load_fn if image_load_fn is None else image_load_fn
        self.skipped: dict[Any, str] = {}
        if skip_broken:
            self._leave_out_broken(verbose)

    @property
    def item_ids(self) -> list[str]:
        """The paths `[len(self)]` as strings: what stays the same when files come and go."""
        return [str(file) for file in self.files]

    def __len__(self) -> int:
        """Number of files."""
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        # Not by IndexError, which could come from a transform and end the iteration silently.
        return (self[index] for index in range(len(self)))

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        """Load an item.

        Args:
            idx: Dataset index; negative: from the end.

        Returns:
            `(x, y)`.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.
            UnreadableFileError: The file is missing or broken.
            InvalidArgumentError: A transform asks for a keyword that is not on offer.
        """
        index = to_position(idx, len(self.files), "dataset")
        x = self._load(index)
        y = UNKNOWN if is_unknown(self.lbls[index]) else self.lbls[index]
        if self.transform is None and self.target_transform is None:
            return x, y
        seeds = ItemSeeds.drawn() if self.seed is None else ItemSeeds.of(self.seed, index)
        offered = _Offered(x, index, self.files[index], seeds)
        if self.seed is None and (self.transform is None or self.target_transform is None):
            return self._transformed(x, y, offered)  # nobody to share random numbers with
        with seeds.applied() as again:
            return self._transformed(x, y, offered, again)

    def _transformed(
        self, x: Any, y: Any, offered: Mapping[str, Any], again: Callable[[], None] | None = None
    ) -> tuple[Any, Any]:
        """Both transforms; `again` sets back the random numbers in between."""
        if self.transform is not None:
            x = apply_transform(self.transform, x, offered)
        if again is not None:
            again()
        if self.target_transform is not None:
            y = apply_transform(self.target_transform, y, offered)
        return x, y

    def label(self, idx: int, lbl: Any) -> None:
        """Store the label of a file.

        Args:
            idx: Dataset index.
            lbl: The label, of any type; None or -1: unknown again.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.

        Warns:
            UserWarning: The label was known already; the new one replaces it.
        """
        index = to_position(idx, len(self.files), "dataset", from_end=False)
        if not is_unknown(self.lbls[index]):
            warnings.warn(
                f"The file {str(self.files[index])!r} (dataset index {index}) was labelled "
                "already: the new label replaces the old one.",
                UserWarning,
                stacklevel=2,
            )
        self.lbls[index] = lbl

    def _load(self, index: int) -> Any:
        """The image, or an error that names its file."""
        file = self.files[index]
        try:
            return self.image_load_fn(file)
        except (BaalError, MemoryError):
            raise
        except Exception as error:
            raise UnreadableFileError(
                f"Expected `files` to be files that can be read, but got {str(file)!r} (dataset "
                f"index {index}): {_reason(error)}"
            ) from error

    def _what_is_wrong(self, index: int) -> str | None:
        """Why a file cannot be read; None: it can."""
        try:
            self._load(index)
        except UnreadableFileError as error:
            cause: Any = error.__cause__
            # No file is to blame for a process that holds too many of them open.
            if getattr(cause, "errno", None) in {errno.EMFILE, errno.ENFILE}:
                raise
            return _reason(cause)
        return None

    def _leave_out_broken(self, verbose: bool) -> None:
        """Read every file once; keep those that can be read, and their labels."""
        kept: list[int] = []
        for index in tqdm(range(len(self.files)), "Checking files", disable=not verbose):
            reason = self._what_is_wrong(index)
            if reason is None:
                kept.append(index)
            else:
                self.skipped[self.files[index]] = reason
        if not self.skipped:
            return
        n_files = len(self.files)
        file, reason = next(iter(self.skipped.items()))
        if not kept:
            raise InvalidArgumentError(
                f"Expected `files` to hold a file that can be read, but got none among {n_files}: "
                f"the first is {str(file)!r}: {reason}"
            )
        self.files = [self.files[index] for index in kept]
        self.lbls = [self.lbls[index] for index in kept]
        warnings.warn(
            f"{n_files - len(kept)} of {n_files} files cannot be read and are left out; see "
            f"`skipped`. The first is {str(file)!r}: {reason}",
            UserWarning,
            stacklevel=3,
        )


class _Offered(Mapping[str, Any]):
    """The keywords that a `BaaLTransform` may ask for, computed when they are looked up."""

    _NAMES = ("image_shape", "idx", "file", "generator", "rng")

    def __init__(self, image: Any, idx: int, file: Any, seeds: ItemSeeds) -> None:
        self._image, self._idx, self._file, self._seeds = image, idx, file, seeds

    def __getitem__(self, name: str) -> Any:
        if name == "image_shape":
            return image_shape(self._image)
        if name == "generator":
            return self._seeds.generator()
        if name == "rng":
            return self._seeds.rng()
        return {"idx": self._idx, "file": self._file}[name]

    def __contains__(self, name: object) -> bool:
        return name in self._NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(self._NAMES)

    def __len__(self) -> int:
        return len(self._NAMES)


def is_unknown(lbl: Any) -> bool:
    """Whether a label stands for none: None, or -1 as a number of any kind."""
    if isinstance(lbl, str) or getattr(lbl, "ndim", 0) > 0:
        return False
    return lbl is None or (hasattr(lbl, "__int__") and bool(lbl == UNKNOWN))


def _check_ordered(name: str, value: Any, what: str) -> None:
    """Refuse what gives no items, or gives them in an order that means nothing."""
    if isinstance(value, (str, bytes, os.PathLike, Mapping, set, frozenset)):
        raise InvalidTypeError(
            f"Expected `{name}` to be a sequence of {what}, but got {str(value)[:80]!r} "
            f"of type {type(value).__name__}"
        )


def _check_seed(seed: Any) -> int | None:
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise InvalidTypeError(f"Expected `seed` to be an integer or None, but got {seed!r}")
    if seed < 0:
        raise InvalidArgumentError(f"Expected `seed` to be 0 or more, but got {seed}")
    return int(seed)


def _reason(error: Any) -> str:
    return f"{type(error).__name__}: {error}"
