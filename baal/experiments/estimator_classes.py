"""Classes of an estimator and columns of predictions: which column stands for which class."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__ = ["Columns", "Members", "check_vector", "checked_classes", "class_columns", "positions"]


def checked_classes(classes: Any) -> npt.NDArray[Any]:
    """Classes as an array, if they can be the columns of predictions.

    Args:
        classes: All classes `[C]`.

    Returns:
        The array.

    Raises:
        InvalidArgumentError: They are no list, there are none, or one comes twice.

    Example:
        >>> checked_classes(["cat", "dog"]).tolist()
        ['cat', 'dog']
    """
    array = np.asarray(classes)
    if array.ndim != 1 or len(array) == 0:
        raise InvalidArgumentError(f"Expected `classes` to be a list of classes, but got {classes}")
    if len(set(array.tolist())) < len(array):
        raise InvalidArgumentError(
            f"Expected `classes` to hold each class once, but got {array.tolist()}"
        )
    return array


def check_vector(targets: npt.NDArray[Any]) -> None:
    """Refuse targets of several outputs.

    Args:
        targets: Of a classifier, `[N]`.

    Raises:
        InvalidArgumentError: They are not `[N]`.

    Example:
        >>> check_vector(np.zeros(3))
    """
    if targets.ndim != 1:
        raise InvalidArgumentError(
            f"Expected the targets of a classifier to be [N], but got shape {list(targets.shape)}"
        )


def positions(targets: npt.NDArray[Any], classes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The column of each target.

    Args:
        targets: The class of each item `[N]`.
        classes: The class of each column `[C]`.

    Returns:
        `[N]`, with C for a target that is not among the classes: no prediction can hit it.

    Raises:
        InvalidArgumentError: The targets are no vector.

    Example:
        >>> positions(np.array(["b", "a", "z"]), np.array(["a", "b"])).tolist()
        [1, 0, 2]
    """
    check_vector(targets)
    column = {one: index for index, one in enumerate(classes.tolist())}
    return np.array([column.get(one, len(classes)) for one in targets.tolist()], dtype=np.int64)


def class_columns(
    values: npt.NDArray[Any], own: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Put the columns of the classes that a model has seen among those of all classes.

    Args:
        values: Probabilities `[N, c, ...]`.
        own: The class of each column, `[c]`.
        classes: All classes `[C]`, in the order wanted.

    Returns:
        `[N, C, ...]`, with 0 for classes that were not seen.

    Raises:
        InvalidArgumentError: A class was seen that is not among `classes`.

    Example:
        >>> class_columns(np.array([[0.25, 0.75]]), np.array(["a", "c"]), np.array(["a", "b", "c"]))
        array([[0.25, 0.  , 0.75]])
    """
    if np.array_equal(own, classes):
        return values
    columns = positions(own, classes)
    unknown = own[columns == len(classes)].tolist()
    if unknown:
        raise InvalidArgumentError(
            f"Expected `classes` to hold all classes, but got {classes.tolist()} and a model that "
            f"gives {unknown} too"
        )
    aligned = np.zeros((len(values), len(classes), *values.shape[2:]), dtype=values.dtype)
    aligned[:, columns] = values
    return aligned


class Members(NamedTuple):
    """What the members of an estimator predict.

    Attributes:
        values: Probabilities `[N, C, K]` of a classifier, numbers `[N, outputs, K]` of a regressor.
        classes: The classes `[C]` that the columns stand for; None for a regressor.
        are_joint: Whether sample `k` is the same function for every item; None: unknown.

    Example:
        >>> Members(np.ones((3, 1, 2)), None).are_joint
        True
    """

    values: npt.NDArray[np.floating[Any]]
    classes: npt.NDArray[Any] | None
    are_joint: bool | None = True

    def aligned(self, classes: npt.NDArray[Any] | None) -> npt.NDArray[np.floating[Any]]:
        """The values with a column for each class.

        Args:
            classes: All classes `[C]`, in the order wanted; None: the estimator's own.

        Returns:
            `[N, C, K]`, with 0 for classes that were not seen; those of a regressor as they are.

        Raises:
            InvalidArgumentError: A class was seen that is not among `classes`.
        """
        if self.classes is None or classes is None:
            return self.values
        return class_columns(self.values, self.classes, classes)


class Columns:
    """The classes that the columns of predictions stand for, as far as they are known by now.

    Args:
        named: All classes `[C]`, in the order wanted. None: those of the dataset, once it was seen,
            and those that a model gives.

    Raises:
        InvalidArgumentError: They are no list of classes, or one comes twice.

    Example:
        >>> columns = Columns(None)
        >>> columns.seen(np.array(["b", "c"]))
        >>> columns.classes.tolist(), columns.with_targets(np.array(["a"])).tolist()
        (['b', 'c'], ['a', 'b', 'c'])
    """

    def __init__(self, named: Any) -> None:
        self.named = None if named is None else checked_classes(named)
        self._of_dataset: npt.NDArray[Any] | None = None
        self._of_model: npt.NDArray[Any] | None = None

    def begin(self, of_dataset: npt.NDArray[Any] | None) -> None:
        """Forget what was seen, and begin with the classes of a dataset.

        Args:
            of_dataset: All its classes `[C]`; None: nobody knows.
        """
        self._of_dataset, self._of_model = of_dataset, None

    def seen(self, of_model: npt.NDArray[Any] | None) -> None:
        """Take note of the classes that a model gives.

        Args:
            of_model: Those of its columns `[C]`; None of a regressor.
        """
        self._of_model = of_model

    @property
    def classes(self) -> npt.NDArray[Any] | None:
        """All classes `[C]`; None where there are none."""
        if self.named is not None:
            return self.named
        known = [some for some in (self._of_dataset, self._of_model) if some is not None]
        return np.unique(np.concatenate(known)) if known else None

    def with_targets(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        """The classes, and beside them those of targets, unless all classes were named.

        Args:
            targets: The class of each item `[N]`.

        Returns:
            `[C]`; None where there are none.

        Raises:
            InvalidArgumentError: The targets are no vector, or texts where the classes are numbers
                or the other way round: none can be hit.
        """
        classes = self.classes
        if classes is None:
            return None
        check_vector(targets)
        texts, others = ({isinstance(one, str) for one in a.tolist()} for a in (classes, targets))
        if texts.isdisjoint(others):
            raise InvalidArgumentError(
                f"Expected targets of the kind of the classes {classes.tolist()}, but got "
                f"{np.unique(targets).tolist()}"
            )
        return classes if self.named is not None else np.union1d(classes, targets)

    def positions(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The column of each target.

        Args:
            targets: The class of each item `[N]`.

        Returns:
            `[N]`, with C for a target that no column stands for.

        Raises:
            InvalidArgumentError: There are no classes, or the targets are no vector.
        """
        classes = self.classes
        if classes is None:
            raise InvalidArgumentError(
                "Expected a classifier where the calibration is measured (`ece=True`), but got a "
                "regressor"
            )
        return positions(targets, classes)
