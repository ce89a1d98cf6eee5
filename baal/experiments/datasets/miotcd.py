"""Mio-TCD: cut-outs of traffic cameras, where some kinds of vehicles are far rarer than others."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch.utils.data import Subset

from baal.active.file_dataset import FileDataset
from baal.exceptions import InvalidArgumentError, UnreadableFileError
from baal.experiments.datasets.photos import PhotoTransform
from baal.experiments.datasets.task import ImageClassificationTask

__all__ = ["CLASS_NAMES", "miotcd"]

CLASS_NAMES = (
    "articulated_truck", "background", "bicycle", "bus", "car", "motorcycle",
    "non-motorized_vehicle", "pedestrian", "pickup_truck", "single_unit_truck", "work_van",
)  # fmt: skip
"""By label."""
LABELS = "gt_train.csv"


def miotcd(
    root: str | Path,
    *,
    pool_limit: int | None = 20_000,
    test_share: float = 0.1,
    seed: int = 0,
    image_size: int = 224,
) -> ImageClassificationTask:
    r"""Images of traffic cameras in eleven classes, heavily imbalanced.

    Luo et al. 2018, https://doi.org/10.1109/TIP.2018.2848705 (the classification challenge).
    `root` has the published layout: images `train/<class>/<image id>.jpg`, and `gt_train.csv`
    with a line `image id,class` for each. The published test set has no public labels, so a part
    of the training set is held out: the same share of each class, disjoint from the pool.

    Labelled images are mirrored and rotated at random (`PhotoTransform`); those of the pool and of
    the test set are not, given `ActiveLearningDataset(task.pool, pool_specifics=...)` with the
    task's.

    Args:
        root: The folder with `train` and `gt_train.csv`.
        pool_limit: Size of the pool, drawn at random from what is not held out, so that it is as
            imbalanced; all of it where that is less. None: all of it.
        test_share: Share of each class that is held out for the test set, between 0 and 1; at
            least one image, but never the only one.
        seed: Decides which images go where.
        image_size: Height and width in pixels to resize to.

    Returns:
        The task.

    Raises:
        InvalidArgumentError: `pool_limit` or `test_share` is out of range.
        UnreadableFileError: `gt_train.csv` is missing, names an unknown class, or an image twice;
            or the folder of a class, or an image, is missing.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "train" / "car").mkdir(parents=True)
        ...     for i in range(10):
        ...         Image.new("RGB", (40, 30)).save(f"{folder}/train/car/{i:08}.jpg")
        ...     lines = [f"{i:08},car" for i in range(10)]
        ...     _ = (Path(folder) / "gt_train.csv").write_text("\n".join(lines))
        ...     task = miotcd(folder, test_share=0.2, image_size=32)
        ...     image, label = task.test[0]
        >>> len(task.pool), len(task.test), image.shape, task.class_names[label]
        (8, 2, torch.Size([3, 32, 32]), 'car')
    """
    if pool_limit is not None and pool_limit < 1:
        raise InvalidArgumentError(
            f"Expected `pool_limit` to be at least 1 or None, but got {pool_limit}."
        )
    if not 0 < test_share < 1:
        raise InvalidArgumentError(
            f"Expected `test_share` to be between 0 and 1, but got {test_share}."
        )
    plain = PhotoTransform(image_size)
    augmented = PhotoTransform(image_size, augment=True)
    ids, classes = _read_labels(Path(root) / LABELS)
    pool, test = _split(classes, test_share, pool_limit, seed)
    return ImageClassificationTask(
        pool=_images(Path(root), ids, classes, pool, augmented),
        test=_images(Path(root), ids, classes, test, plain),
        n_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
        pool_specifics={"transform": plain},
    )


def _split(
    classes: npt.NDArray[np.int64], test_share: float, pool_limit: int | None, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which items are the pool, and which the test set; both shuffled."""
    rng = np.random.default_rng(seed)
    rest, test = [], []
    for kind in np.unique(classes):
        items = rng.permutation(np.flatnonzero(classes == kind))
        n_test = min(max(1, round(test_share * len(items))), len(items) - 1)
        test.append(items[:n_test])
        rest.append(items[n_test:])
    pool = rng.permutation(np.concatenate(rest))[:pool_limit]
    return pool, rng.permutation(np.concatenate(test))


def _read_labels(path: Path) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Image ids and classes `[N]`, in the order of the file."""
    numbers = {name: number for number, name in enumerate(CLASS_NAMES)}
    labels: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.reader(file, skipinitialspace=True), start=1):
                if not row:  # an empty line
                    continue
                if len(row) != 2 or row[1] not in numbers or row[0] in labels:
                    raise UnreadableFileError(
                        f"Expected line {line} of {path} to be `image id,class`, with an id that "
                        f"comes once and one of the classes {', '.join(CLASS_NAMES)}, "
                        f"but got {','.join(row)!r}."
                    )
                labels[row[0]] = numbers[row[1]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(
            f"Expected {path} to be the labels of Mio-TCD, but it cannot be read: {error}"
        ) from error
    if not labels:
        raise UnreadableFileError(f"Expected {path} to have labels, but it is empty.")
    return list(labels), np.fromiter(labels.values(), dtype=np.int64)


def _images(
    root: Path,
    ids: Sequence[str],
    classes: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    transform: PhotoTransform,
) -> Subset[tuple[object, object]]:
    """The items at the indices `[k]`."""
    folders = [root / "train" / name for name in CLASS_NAMES]
    for kind in np.unique(classes):
        if not folders[kind].is_dir():
            raise UnreadableFileError(
                f"Expected the images of Mio-TCD to be in {folders[kind]}, but there is no such "
                "folder."
            )
    files = [folders[classes[i]] / f"{ids[i]}.jpg" for i in indices]
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise UnreadableFileError(f"Expected {missing} to be an image, but there is no such file.")
    images = FileDataset(files, classes[indices].tolist(), transform)
    # A Subset has no method `label`: the classes are known, and nobody is there to give others.
    return Subset(images, range(len(files)))
