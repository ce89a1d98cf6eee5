"""CIFAR-10 and CIFAR-100, read by torchvision."""

from pathlib import Path

from baal.exceptions import UnreadableFileError
from baal.experiments.datasets.photos import PhotoTransform
from baal.experiments.datasets.task import ImageClassificationTask
from baal.utils.extras import require_extra

__all__ = ["cifar10", "cifar100"]


def cifar10(
    root: str | Path, *, download: bool = True, image_size: int = 32
) -> ImageClassificationTask:
    """50,000 + 10,000 small photographs in ten classes, as many of each.

    Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html. Labelled images are mirrored and
    rotated at random (`PhotoTransform`); those of the pool and of the test set are not, given
    `ActiveLearningDataset(task.pool, pool_specifics=task.pool_specifics)`.

    Args:
        root: The folder that holds `cifar-10-batches-py`.
        download: Have torchvision fetch the files into `root` if they are not there.
        image_size: Height and width in pixels: 224 for weights pretrained on ImageNet.

    Returns:
        The task.

    Raises:
        UnreadableFileError: The files are not there, or their checksums are wrong.
        MissingExtraError: torchvision is not installed.

    Example:
        >>> task = cifar10("data", image_size=224)  # doctest: +SKIP
        >>> cifar10("no/such/folder", download=False)
        Traceback (most recent call last):
        ...
        baal.exceptions.UnreadableFileError: Expected `root` to hold the files of CIFAR10, \
but got 'no/such/folder': Dataset not found or corrupted. You can use download=True to download it
    """
    return _cifar("CIFAR10", root, download, image_size)


def cifar100(
    root: str | Path, *, download: bool = True, image_size: int = 32
) -> ImageClassificationTask:
    """50,000 + 10,000 small photographs in a hundred classes, as many of each.

    As `cifar10` in everything else.

    Args:
        root: The folder that holds `cifar-100-python`.
        download: Have torchvision fetch the files into `root` if they are not there.
        image_size: Height and width in pixels: 224 for weights pretrained on ImageNet.

    Returns:
        The task.

    Raises:
        UnreadableFileError: The files are not there, or their checksums are wrong.
        MissingExtraError: torchvision is not installed.

    Example:
        >>> task = cifar100("data", image_size=224)  # doctest: +SKIP
        >>> cifar100("no/such/folder", download=False)
        Traceback (most recent call last):
        ...
        baal.exceptions.UnreadableFileError: Expected `root` to hold the files of CIFAR100, \
but got 'no/such/folder': Dataset not found or corrupted. You can use download=True to download it
    """
    return _cifar("CIFAR100", root, download, image_size)


def _cifar(name: str, root: str | Path, download: bool, image_size: int) -> ImageClassificationTask:
    """The task from the dataset of that name in torchvision."""
    plain = PhotoTransform(image_size)
    augmented = PhotoTransform(image_size, augment=True)
    read = getattr(require_extra("torchvision.datasets", "vision"), name)
    try:
        pool = read(str(root), train=True, transform=augmented, download=download)
        test = read(str(root), train=False, transform=plain)  # of the same archive
    except RuntimeError as error:
        raise UnreadableFileError(
            f"Expected `root` to hold the files of {name}, but got {str(root)!r}: {error}"
        ) from error
    names = tuple(pool.classes)
    return ImageClassificationTask(
        pool=pool,
        test=test,
        n_classes=len(names),
        class_names=names,
        pool_specifics={"transform": plain},
    )
