"""Tree crowns from the air: photographs of forests, and for each pixel whether it is a crown."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import TensorDataset

from baal.exceptions import InvalidArgumentError, MissingExtraError, UnreadableFileError
from baal.experiments.datasets.task import SegmentationTask
from baal.utils.extras import require_extra

__all__ = ["CLASS_NAMES", "tree_crowns"]

CLASS_NAMES = ("ground", "crown")
"""By label."""
# Two places in Yellowstone, one in Florida, one in California.
SCENES = (
    "2019_YELL_2_528000_4978000_image_crop2",
    "2019_YELL_2_541000_4977000_image_crop",
    "OSBS_029",
    "SOAP_061",
)
CORNERS = ("xmin", "ymin", "xmax", "ymax")
Tiles: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]  # images and masks


def tree_crowns(
    root: str | Path | None = None,
    *,
    side: int = 32,
    shrink: int = 3,
    test_share: float = 0.25,
) -> SegmentationTask:
    r"""Aerial photographs of four places, cut into tiles; each pixel is ground or tree crown.

    Weinstein et al. 2020, https://doi.org/10.1111/2041-210X.13472: images of the National
    Ecological Observatory Network with a box drawn by hand around each tree. They lie in the
    package `deepforest`, which is never imported. What is inside the ellipse inscribed in a box
    counts as crown: that is nearer to a crown than the box, and still no outline drawn by a
    person. Low bushes have no box, and are ground.

    Pool and test set never overlap: the lowest rows of tiles of each place are the test set, the
    row above them is left out, and the rest is the pool. What is left over at the right and at the
    bottom of a place, less than a tile, is not used.

    Args:
        root: Folder with an image `<scene>.png` and its boxes `<scene>.xml` (Pascal VOC) for each
            of the four scenes. None: that of the installed package.
        side: Height and width of a tile in pixels, after shrinking.
        shrink: The images, with about 10 cm to a pixel, are shrunk to one pixel for
            `shrink * shrink`, their mean.
        test_share: Share of the rows that go to the test set, between 0 and 1; rounded, at least
            one.

    Returns:
        The task: images `[3, side, side]`, masks `[side, side]` with 1 for crown, in the order of
        the scenes, row by row. Pixels are standardised to mean 0 and variance 1 over the pool, all
        three colours as one.

    Raises:
        InvalidArgumentError: An argument is out of range, or leaves a scene nothing for the pool.
        UnreadableFileError: A file is missing or broken.
        MissingExtraError: `root` is None and the package `deepforest` is not installed, or Pillow
            is not.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> box = "<xmin>0</xmin><ymin>0</ymin><xmax>8</xmax><ymax>8</ymax>"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for scene in SCENES:
        ...         Image.effect_noise((16, 32), 50).save(f"{folder}/{scene}.png")
        ...         text = f"<annotation><object><bndbox>{box}</bndbox></object></annotation>"
        ...         _ = Path(folder, f"{scene}.xml").write_text(text)
        ...     task = tree_crowns(folder, side=4, shrink=2)
        >>> len(task.pool), len(task.test)
        (16, 8)
        >>> image, mask = task.pool[0]
        >>> image.shape, mask.tolist()
        (torch.Size([3, 4, 4]), [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]])
    """
    for name, value in (("side", side), ("shrink", shrink)):
        if value < 1:
            raise InvalidArgumentError(f"Expected `{name}` to be at least 1, but got {value}.")
    if not 0 < test_share < 1:
        raise InvalidArgumentError(
            f"Expected `test_share` to be between 0 and 1, but got {test_share}."
        )
    folder = _folder_of_the_package() if root is None else Path(root)
    scenes = [_split(*_read(folder, scene, shrink), side, test_share) for scene in SCENES]
    pool, test = zip(*scenes, strict=True)
    pool_images = np.concatenate([images for images, _ in pool])
    mean, std = pool_images.mean(), pool_images.std() or 1.0
    return SegmentationTask(
        pool=_tensors(pool, mean, std),
        test=_tensors(test, mean, std),
        n_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
    )


def _folder_of_the_package() -> Path:
    """Found without an import, which would need all that the package depends on."""
    spec = find_spec("deepforest")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "Expected the package `deepforest` to be installed, since the photographs lie in it, "
            "but it is not. Nothing that it depends on is needed: "
            "pip install --no-deps deepforest"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _read(
    folder: Path, scene: str, shrink: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """A shrunk image `[H, W, 3]` from 0 to 1, and its mask `[H, W]`."""
    path = folder / f"{scene}.png"
    if not path.is_file():
        raise UnreadableFileError(f"Expected {folder} to hold {path.name}, but it does not.")
    pil = require_extra("PIL.Image", "experiments")
    try:
        with pil.open(path) as file:
            image = file.convert("RGB")
    except OSError as error:
        raise UnreadableFileError(f"Expected {path} to be an image, but got: {error}") from error
    # Pixels at the border that would be means of fewer are cut off.
    width, height = (length // shrink for length in image.size)
    image = image.crop((0, 0, width * shrink, height * shrink)).reduce(shrink)
    boxes = _boxes(folder / f"{scene}.xml")
    return np.asarray(image, dtype=np.float32) / np.float32(255), _ellipses(
        boxes, height, width, shrink
    )


def _boxes(path: Path) -> npt.NDArray[np.float64]:
    """Left, top, right and bottom `[n, 4]` of each box in a Pascal VOC file, in pixels."""
    try:
        text = path.read_text(encoding="utf-8")
        if "<!" in text:  # no declarations, so no entities that grow without bound
            raise UnreadableFileError(
                f"Expected {path} to have no document type and no comments, but it has."
            )
        root = ET.fromstring(text)  # noqa: S314 - see above
        found = [[float(box.findtext(c, "")) for c in CORNERS] for box in root.iter("bndbox")]
    except (FileNotFoundError, ValueError, ET.ParseError) as error:
        raise UnreadableFileError(
            f"Expected {path} to hold boxes in the format of Pascal VOC, but got: {error}"
        ) from error
    boxes = np.array(found, dtype=np.float64).reshape(-1, 4)
    if not (np.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all()):
        raise UnreadableFileError(
            f"Expected the boxes in {path} to have a width and a height above 0, but not all have."
        )
    return boxes


def _ellipses(
    boxes: npt.NDArray[np.float64], height: int, width: int, shrink: int
) -> npt.NDArray[np.int64]:
    """A mask `[height, width]`: 1 where the centre of a shrunk pixel is in the ellipse of a box."""
    mask = np.zeros((height, width), dtype=np.int64)
    y, x = ((np.arange(length) + 0.5) * shrink for length in (height, width))
    for left, top, right, bottom in boxes:
        dy = (2 * y - top - bottom) / (bottom - top)  # -1 at the top of the box, 1 at its bottom
        dx = (2 * x - left - right) / (right - left)
        window = np.ix_(np.abs(dy) <= 1, np.abs(dx) <= 1)
        mask[window] |= (dy[:, None] ** 2 + dx**2 <= 1)[window]
    return mask


def _split(
    image: npt.NDArray[np.float32], mask: npt.NDArray[np.int64], side: int, test_share: float
) -> tuple[Tiles, Tiles]:
    """Tiles for the pool and for the test set: the lowest rows, with one row left out above."""
    rows = len(mask) // side
    n_test = max(1, round(test_share * rows))
    if rows < n_test + 2 or mask.shape[1] < side:
        raise InvalidArgumentError(
            "Expected `side`, `shrink` and `test_share` to leave tiles for the pool, but got tiles "
            f"of {side} pixels, a share of {test_share} for the test set, and a scene shrunk to "
            f"{mask.shape[1]} x {len(mask)} pixels."
        )
    end, start = (rows - n_test - 1) * side, (rows - n_test) * side
    return _tiles(image[:end], mask[:end], side), _tiles(image[start:], mask[start:], side)


def _tiles(image: npt.NDArray[Any], mask: npt.NDArray[Any], side: int) -> Tiles:
    """Images `[n, side, side, 3]` and masks `[n, side, side]`, row by row."""
    rows, columns = len(mask) // side, mask.shape[1] // side
    parts = []
    for whole in (image, mask):
        cut = whole[: rows * side, : columns * side]
        blocks = cut.reshape(rows, side, columns, side, *cut.shape[2:]).swapaxes(1, 2)
        parts.append(blocks.reshape(rows * columns, side, side, *cut.shape[2:]))
    return parts[0], parts[1]


def _tensors(scenes: Sequence[Tiles], mean: Any, std: Any) -> TensorDataset:
    images = (np.concatenate([images for images, _ in scenes]) - mean) / std
    masks = np.concatenate([masks for _, masks in scenes])
    channels_first = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return TensorDataset(channels_first, torch.from_numpy(masks))
