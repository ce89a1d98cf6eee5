"""Fashion-MNIST: 70,000 real photographs of clothes, from files that Debian has as a package."""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import TensorDataset

from baal.exceptions import InvalidArgumentError, UnreadableFileError
from baal.experiments.datasets.idx import read_idx
from baal.experiments.datasets.task import ImageClassificationTask
from baal.utils.extras import require_extra

__all__ = ["CLASS_NAMES", "fashion_mnist"]

CLASS_NAMES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
"""By label."""
SIDE = 28
KINDS: dict[str, tuple[int | None, ...]] = {
    "images-idx3": (None, SIDE, SIDE),
    "labels-idx1": (None,),
}
FOLDER = Path("share/datasets/fashion-mnist")
TORCHVISION_FOLDER = Path("FashionMNIST/raw")
CHUNK = 1000  # images at a time, to count pixels in little memory


def fashion_mnist(
    root: str | Path | None = None, *, download: bool = False
) -> ImageClassificationTask:
    """60,000 + 10,000 real images of clothes in ten classes, of 28x28 grey pixels.

    Xiao et al. 2017, https://arxiv.org/abs/1708.07747. The pool is the published training set, the
    test set the published one; both have as many images of each class.

    Args:
        root: Folder with the four IDX files, plain or compressed (`.gz`), or the one that
            torchvision downloads into. None: where Debian's package `dataset-fashion-mnist` puts
            them, `share/datasets/fashion-mnist` below the prefix of this Python or of the system.
        download: Have torchvision fetch the files into `root` if they are not there.

    Returns:
        The task; pixels are standardised to mean 0 and variance 1 over the pool.

    Raises:
        InvalidArgumentError: `download` without `root`.
        UnreadableFileError: The files are not there, cannot be fetched, or one of them is broken.
        MissingExtraError: `download` without torchvision.

    Example:
        >>> import tempfile
        >>> from baal.experiments.datasets.idx import write_idx
        >>> rng = np.random.default_rng(0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for part in ("train", "t10k"):
        ...         images = rng.integers(256, size=(20, 28, 28), dtype=np.uint8)
        ...         write_idx(f"{folder}/{part}-images-idx3-ubyte.gz", images)
        ...         write_idx(f"{folder}/{part}-labels-idx1-ubyte.gz", np.arange(20) % 10)
        ...     task = fashion_mnist(folder)
        >>> image, label = task.pool[9]
        >>> image.shape, task.class_names[label]
        (torch.Size([1, 28, 28]), 'ankle boot')
    """
    folder = _find(root, download=download)
    (images, classes), test = (_read(folder, part) for part in ("train", "t10k"))
    mean, std = _mean_and_std(images)
    return ImageClassificationTask(
        pool=_tensors(images, classes, mean, std),
        test=_tensors(*test, mean, std),
        n_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
    )


def _find(root: str | Path | None, *, download: bool) -> Path:
    """The folder with the files."""
    if root is None:
        if download:
            raise InvalidArgumentError(
                "Expected `root` to be the folder to download into, but got None."
            )
        prefixes = dict.fromkeys([sys.prefix, sys.base_prefix, "/usr/local", "/usr"])
        places = [Path(prefix) / FOLDER for prefix in prefixes]
    else:
        places = [Path(root), Path(root) / TORCHVISION_FOLDER]
    best = max(places, key=_count_files)
    if _count_files(best) == 4:
        return best
    if download:
        fetch = require_extra("torchvision.datasets", "vision").FashionMNIST
        try:
            fetch(str(root), download=True)
        except RuntimeError as error:
            raise UnreadableFileError(
                f"Expected torchvision to fetch Fashion-MNIST into {root}, but it failed: {error}"
            ) from error
        return places[-1]
    if _count_files(best):
        return best  # whoever reads it names the file that is missing
    raise UnreadableFileError(
        "Expected the files of Fashion-MNIST to be in "
        f"{' or '.join(map(str, places))}, but they are not. Debian has them as the package "
        "dataset-fashion-mnist; or give `root`, a folder with the four files; or `root` and "
        "`download=True`, and torchvision fetches them (it comes with the extra `vision`)."
    )


def _file(folder: Path, part: str, kind: str) -> Path | None:
    """The file with images or labels of a part, plain or compressed, if there is one."""
    name = f"{part}-{kind}-ubyte"
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _count_files(folder: Path) -> int:
    """How many of the four files are there."""
    parts = [(part, kind) for part in ("train", "t10k") for kind in KINDS]
    return sum(_file(folder, part, kind) is not None for part, kind in parts)


def _read(folder: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images `[N, 28, 28]` and classes `[N]` of the training set or the test set."""
    arrays = []
    for kind, shape in KINDS.items():
        path = _file(folder, part, kind)
        if path is None:
            raise UnreadableFileError(
                f"Expected {folder} to hold {part}-{kind}-ubyte, plain or .gz, but it does not."
            )
        arrays.append(read_idx(path, shape))
    images, classes = arrays
    if len(images) == 0 or len(images) != len(classes) or classes.max() >= len(CLASS_NAMES):
        raise UnreadableFileError(
            f"Expected the files {part}-* in {folder} to have a class from 0 to "
            f"{len(CLASS_NAMES) - 1} for each image, but got {len(images)} images and "
            f"{len(classes)} classes up to {classes.max(initial=0)}."
        )
    return images, classes


def _mean_and_std(images: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Exact mean and standard deviation of pixels, from how often each of the 256 values comes."""
    counts = np.zeros(256, dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        counts += np.bincount(images[start : start + CHUNK].ravel(), minlength=256)
    values = np.arange(256)
    mean = float(counts @ values / counts.sum())
    variance = float(counts @ (values - mean) ** 2 / counts.sum())
    return mean, variance**0.5 or 1.0


def _tensors(
    images: npt.NDArray[np.uint8], classes: npt.NDArray[np.uint8], mean: float, std: float
) -> TensorDataset:
    """Items `([1, 28, 28] float32, class)`; one copy of the pixels, changed in place."""
    pixels = images[:, None].astype(np.float32)
    pixels -= np.float32(mean)
    pixels /= np.float32(std)
    return TensorDataset(torch.from_numpy(pixels), torch.from_numpy(classes.astype(np.int64)))
