"""Batches of two loaders in one pass: labelled and unlabelled, for semi-supervised training."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.utils.alternating import (
    alternate,
    check_schedule,
    check_whole,
    draw_order,
    empty_loader,
    length_of,
)

__all__ = ["AlternateIterator", "SemiSupervisedIterator"]

KEY = "is_labelled"


class AlternateIterator:
    """Batches of two loaders in one pass, in turn or at random; one that runs out begins anew.

    It can be passed over again and again. With shuffling loaders no two passes, nor two rounds of
    a short loader in one pass, have the same order.

    Args:
        dl_1: First loader: a `DataLoader`, or whatever else can be iterated over again and again.
        dl_2: Second loader.
        num_steps: Batches of a pass. None: as many as both loaders have together, at the time of
            the pass.
        p: Probability that a step's batch comes from `dl_1`, from 0 to 1. None: in turn, beginning
            with `dl_1`.
        generator: Draws the order; None: torch's global generator. In turn nothing is drawn.

    Raises:
        InvalidTypeError: `num_steps` is not a whole number, or is None where a loader has no
            length.
        InvalidArgumentError: `num_steps` is negative, or `p` is not from 0 to 1.

    Example:
        >>> list(AlternateIterator([1, 2], ["a", "b", "c"]))
        [(1, 0), ('a', 1), (2, 0), ('b', 1), (1, 0)]
        >>> list(AlternateIterator([1, 2], ["a", "b", "c"], num_steps=4, p=0))
        [('a', 1), ('b', 1), ('c', 1), ('a', 1)]
    """

    def __init__(
        self,
        dl_1: Iterable[Any],
        dl_2: Iterable[Any],
        num_steps: int | None = None,
        p: float | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        check_schedule(num_steps, p)
        for name, loader in (("dl_1", dl_1), ("dl_2", dl_2)):
            if num_steps is None and length_of(loader) is None:
                raise InvalidTypeError(
                    f"Expected `num_steps` to be given, since `{name}`, a {type(loader).__name__}, "
                    "has no length, but got None"
                )
        self.dl_1, self.dl_2 = dl_1, dl_2
        self.num_steps = num_steps
        self.p = p
        self.generator = generator

    def __len__(self) -> int:
        """Batches of a pass."""
        if self.num_steps is not None:
            return self.num_steps
        return (length_of(self.dl_1) or 0) + (length_of(self.dl_2) or 0)

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        """One pass: `(batch, which)`, with 0 for `dl_1` and 1 for `dl_2`.

        An empty loader is a `StateError` before the first batch if its turn will come.
        """
        loaders = (self.dl_1, self.dl_2)
        order = draw_order(len(self), self.p, self.generator)
        for which in set(order):
            if length_of(loaders[which]) == 0:
                raise empty_loader(which)
        yield from alternate(loaders, order)


class SemiSupervisedIterator:
    """Batches of the labelled items and of the pool in one pass, each marked as one or the other.

    A batch that is a dict gets the key `is_labelled`, any other becomes `(batch, is_labelled)`;
    `is_labeled` and `get_batch` read both. Labels given to the dataset are seen by the next pass.
    A side without batches leaves all steps to the other.

    Args:
        al_dataset: An `ActiveLearningDataset`: a dataset of the labelled items, with the others
            as a dataset in `pool`.
        batch_size: Items of a batch.
        num_steps: Batches of a pass. None: as many as both sides have together.
        p: Probability that a step's batch is labelled, from 0 to 1. None: in turn, beginning with
            a labelled one.
        shuffle: Shuffle both sides, anew each time one begins anew.
        num_workers: Processes that load data, for each side.
        drop_last: Leave out a last batch of less than `batch_size` items.
        collate_fn: Makes a batch of items; None: torch's `default_collate`.
        generator: Draws order, shuffling and the seeds of workers; None: torch's global generator.

    Raises:
        InvalidTypeError: `al_dataset` has no pool that is a dataset, or `num_steps` or
            `batch_size` is not a whole number.
        InvalidArgumentError: `num_steps` is negative, `batch_size` below 1, or `p` is not from 0
            to 1.

    Example:
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset([10, 11, 12, 13, 14], labelled=[1, 1, 0, 0, 0])
        >>> for batch in SemiSupervisedIterator(dataset, batch_size=2):
        ...     items = SemiSupervisedIterator.get_batch(batch)
        ...     print(items.tolist(), SemiSupervisedIterator.is_labeled(batch))
        [10, 11] True
        [12, 13] False
        [10, 11] True
    """

    def __init__(
        self,
        al_dataset: Any,
        batch_size: int,
        num_steps: int | None = None,
        p: float | None = None,
        shuffle: bool = False,
        num_workers: int = 0,
        drop_last: bool = False,
        *,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        check_schedule(num_steps, p)
        check_whole("batch_size", batch_size, least=1)
        # The pool of arrays is a tuple of two; its length is no number of items.
        if isinstance(getattr(al_dataset, "pool", None), tuple | None):
            raise InvalidTypeError(
                "Expected `al_dataset` to have a dataset as `pool`, as an ActiveLearningDataset "
                f"has, but got a {type(al_dataset).__name__}"
            )
        self.al_dataset = al_dataset
        self.batch_size = batch_size
        self.num_steps = num_steps
        self.p = p
        self.shuffle = shuffle
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.generator = generator

    def __len__(self) -> int:
        """Batches of a pass, with the labels of now."""
        if self.num_steps is not None:
            return self.num_steps
        return self._count(self.al_dataset) + self._count(self.al_dataset.pool)

    def __iter__(self) -> Iterator[Any]:
        """One pass over batches that are marked as labelled or not.

        `num_steps` above 0 with no batch on either side is a `StateError`.
        """
        num_steps = len(self)
        sides = (self.al_dataset, self.al_dataset.pool)
        filled = [which for which in (0, 1) if self._count(sides[which])]
        if num_steps and not filled:
            raise StateError(
                "Expected `al_dataset` to have at least one batch, labelled or not, but got none"
            )
        if len(filled) == 2:
            order = draw_order(num_steps, self.p, self.generator)
        else:
            order = filled * num_steps
        loaders = [self._loader(side) for side in sides]
        for batch, which in alternate(loaders, order):
            yield _marked(batch, is_labelled=which == 0)

    @staticmethod
    def is_labeled(batch: Any) -> bool:
        """Whether a batch is of the labelled items.

        Args:
            batch: A batch of this iterator.

        Returns:
            True if so.

        Raises:
            InvalidTypeError: It is none of this iterator's.
        """
        if isinstance(batch, Mapping) and KEY in batch:
            return bool(batch[KEY])
        return bool(_pair(batch)[1])

    @staticmethod
    def get_batch(batch: Any) -> Any:
        """A batch as the loader made it, without the mark.

        Args:
            batch: A batch of this iterator.

        Returns:
            The batch; of a dict a copy without the key `is_labelled`.

        Raises:
            InvalidTypeError: It is none of this iterator's.
        """
        if isinstance(batch, Mapping) and KEY in batch:
            return {key: value for key, value in batch.items() if key != KEY}
        return _pair(batch)[0]

    def _count(self, side: Any) -> int:
        """Batches of one side."""
        rest = 0 if self.drop_last else self.batch_size - 1
        return (len(side) + rest) // self.batch_size

    def _loader(self, side: Any) -> Iterable[Any]:
        if not self._count(side):
            return ()
        return DataLoader(
            # The length of now: workers keep the dataset as it is now, and know no later items.
            Subset(side, range(len(side))),
            self.batch_size,
            shuffle=self.shuffle,
            num_workers=self.num_workers,
            drop_last=self.drop_last,
            collate_fn=self.collate_fn,
            generator=self.generator,
            # The short side begins anew many times in a pass.
            persistent_workers=self.num_workers > 0,
        )


def _marked(batch: Any, *, is_labelled: bool) -> Any:
    if not isinstance(batch, Mapping):
        return batch, is_labelled
    if KEY in batch:
        raise InvalidArgumentError(
            f"Expected the items of `al_dataset` to have no key {KEY!r} of their own, but got one"
        )
    return {**batch, KEY: is_labelled}


def _pair(batch: Any) -> Sequence[Any]:
    # Frameworks that move batches to a device make lists of tuples.
    if isinstance(batch, tuple | list) and len(batch) == 2 and isinstance(batch[1], bool):
        return batch
    raise InvalidTypeError(
        f"Expected `batch` to be a dict with the key {KEY!r} or a pair (batch, is_labelled), as "
        f"SemiSupervisedIterator gives them, but got a {type(batch).__name__}"
    )
