"""Tree crowns from four small scenes, drawn so that each pixel tells where it was."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from baal.exceptions import InvalidArgumentError, MissingExtraError, UnreadableFileError
from baal.experiments.datasets import targets_of, tree_crowns
from baal.experiments.datasets.tree_crowns import CLASS_NAMES, SCENES

SIZES = [(40, 50), (24, 33), (16, 32), (17, 35)]  # width, height
UNITS = [85, 5, 6]
BOXES = [
    [(3, 5, 10, 19), (9.5, 16, 17, 21), (30, 40, 44, 60)],  # the last one reaches out of the scene
    [(0, 0, 24, 33)],
    [],
    [(2, 2, 4, 4)],
]


def pixels_of(number):
    """Red tells the scene, green the row, blue the column; red goes from 0 to 255."""
    width, height = SIZES[number]
    place = np.meshgrid([number], range(height), range(width), indexing="ij")
    return (np.stack(place, axis=-1)[0] * UNITS).astype(np.uint8)


def write(folder, number):
    objects = "".join(
        f"<object><name>Tree</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
        f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in BOXES[number]
    )
    Image.fromarray(pixels_of(number)).save(folder / f"{SCENES[number]}.png")
    (folder / f"{SCENES[number]}.xml").write_text(
        f"<annotation><filename>another.tif</filename>{objects}</annotation>"
    )


@pytest.fixture
def root(tmp_path):
    for number in range(4):
        write(tmp_path, number)
    return tmp_path


def tensors_of(dataset):
    images, masks = dataset.tensors
    return images.numpy(), masks.numpy()


def colours(dataset, pool):
    """Colours `[n, side, side, 3]` from 0 to 255; the pool's red has both, to scale by."""
    images, lowest, highest = tensors_of(dataset)[0], pool.tensors[0].min(), pool.tensors[0].max()
    return np.moveaxis(255 * (images - float(lowest)) / float(highest - lowest), 1, -1)


def places(task):
    """Scene, row and column `[n, side, side, 3]` of each pixel, of the pool and of the test set."""
    parts = (task.pool, task.test)
    return [np.rint(colours(part, task.pool) / UNITS).astype(int) for part in parts]


def is_crown(number, row, column, shrink=1):
    """By the ellipse's equation, for one pixel of a shrunk scene."""
    y, x = (row + 0.5) * shrink, (column + 0.5) * shrink
    for left, top, right, bottom in BOXES[number]:
        a, b = (right - left) / 2, (bottom - top) / 2
        if ((x - left - a) / a) ** 2 + ((y - top - b) / b) ** 2 <= 1:
            return 1
    return 0


def test_masks_are_the_ellipses_pixel_by_pixel(root):
    task = tree_crowns(root, side=4, shrink=1)
    for dataset, where in zip((task.pool, task.test), places(task), strict=True):
        masks = tensors_of(dataset)[1]
        expected = [is_crown(*place) for place in where.reshape(-1, 3)]
        assert masks.ravel().tolist() == expected
        assert 0 < masks.mean() < 1


def test_what_is_shrunk_has_mean_colours_and_ellipses_by_the_centres(root):
    task = tree_crowns(root, side=4, shrink=2)
    rows, columns = 50 // 2 // 4, 40 // 2 // 4
    second = (rows - round(rows / 4) - 1) * columns  # the first tile of the second scene
    blocks = pixels_of(1)[:8, :8].reshape(4, 2, 4, 2, 3)
    np.testing.assert_allclose(
        colours(task.pool, task.pool)[second], blocks.mean((1, 3)), atol=0.51
    )
    expected = [[is_crown(1, row, column, shrink=2) for column in range(4)] for row in range(4)]
    assert tensors_of(task.pool)[1][second].tolist() == expected
    assert 0 < np.mean(expected) < 1


def test_pool_and_test_set_are_apart_by_a_row_of_tiles(root):
    task = tree_crowns(root, side=4, shrink=1)
    pool, test = places(task)
    for number, (width, height) in enumerate(SIZES):
        rows, columns = height // 4, width // 4
        n_test = round(rows / 4)
        inside = [part[part[:, 0, 0, 0] == number] for part in (pool, test)]
        assert len(inside[0]) == (rows - n_test - 1) * columns
        assert len(inside[1]) == n_test * columns
        assert inside[1][..., 1].min() - inside[0][..., 1].max() == 4 + 1
    every = np.concatenate([pool, test]).reshape(-1, 3)
    assert len(np.unique(every, axis=0)) == len(every)  # no pixel is in two tiles


def test_tiles_come_scene_by_scene_and_row_by_row(root):
    for where in places(tree_crowns(root, side=4, shrink=1)):
        corners = where[:, 0, 0].tolist()
        assert corners == sorted(corners)
        inside = np.stack(np.meshgrid([0], range(4), range(4), indexing="ij"), axis=-1)[0]
        assert (where - where[:, :1, :1] == inside).all()


def test_the_task_as_described(root):
    task = tree_crowns(root, side=4, shrink=1)
    image, mask = task.pool[0]
    assert (image.shape, image.dtype) == ((3, 4, 4), torch.float32)
    assert (mask.shape, mask.dtype) == ((4, 4), torch.int64)
    assert image.is_contiguous()
    images = task.pool.tensors[0].double()
    assert float(images.mean()) == pytest.approx(0, abs=1e-4)
    assert float(images.std(correction=0)) == pytest.approx(1, abs=1e-4)
    assert task.n_classes == len(task.class_names) == len(CLASS_NAMES) == 2
    again = tree_crowns(str(root), side=4, shrink=1)
    for part, same in ((task.pool, again.pool), (task.test, again.test)):
        assert all(torch.equal(a, b) for a, b in zip(part.tensors, same.tensors, strict=True))
    with pytest.raises(TypeError, match="a whole number as class for each"):
        targets_of(task.pool)


def test_a_larger_share_for_the_test_set(root):
    pool, test = places(tree_crowns(root, side=4, shrink=1, test_share=0.5))
    rows = [height // 4 for _, height in SIZES]
    columns = [width // 4 for width, _ in SIZES]
    n_test = [round(n / 2) for n in rows]
    assert len(test) == np.dot(n_test, columns)
    assert len(pool) == np.dot(np.subtract(rows, n_test) - 1, columns)


@pytest.fixture
def package(root, tmp_path, monkeypatch):
    """A package `deepforest` whose import fails, as without all that it depends on."""
    path = tmp_path / "site"
    (path / "deepforest" / "data").mkdir(parents=True)
    (path / "deepforest" / "__init__.py").write_text("raise RuntimeError('imported')")
    for file in [*root.glob("*.png"), *root.glob("*.xml")]:
        file.rename(path / "deepforest" / "data" / file.name)
    monkeypatch.syspath_prepend(path)
    monkeypatch.delitem(sys.modules, "deepforest", raising=False)
    return path / "deepforest" / "data"


def test_the_package_is_found_and_never_imported(package):
    task, same = tree_crowns(side=4, shrink=1), tree_crowns(package, side=4, shrink=1)
    assert torch.equal(task.pool.tensors[0], same.pool.tensors[0])
    assert torch.equal(task.test.tensors[1], same.test.tensors[1])
    assert "deepforest" not in sys.modules


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    module = sys.modules[tree_crowns.__module__]  # the package has the function of that name
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps deepforest$"):
        tree_crowns()


@pytest.mark.parametrize(
    ("argument", "value"),
    [("side", 0), ("shrink", 0), ("test_share", 0.0), ("test_share", 1.0)],
)
def test_out_of_range(root, argument, value):
    with pytest.raises(InvalidArgumentError, match=f"Expected `{argument}`.*but got {value}"):
        tree_crowns(root, **{argument: value})


@pytest.mark.parametrize("settings", [{"side": 16}, {"side": 4, "test_share": 0.9}, {"shrink": 20}])
def test_a_scene_without_tiles_for_the_pool(root, settings):
    with pytest.raises(InvalidArgumentError, match="to leave tiles for the pool, but got"):
        tree_crowns(root, **{"shrink": 1, **settings})


@pytest.mark.parametrize("suffix", ["png", "xml"])
def test_a_file_that_is_missing(root, suffix):
    path = root / f"{SCENES[2]}.{suffix}"
    path.unlink()
    with pytest.raises(UnreadableFileError, match=path.name):
        tree_crowns(root, side=4, shrink=1)


def test_an_image_that_is_none(root):
    (root / f"{SCENES[0]}.png").write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match=f"Expected .*{SCENES[0]}.png to be an image"):
        tree_crowns(root, side=4, shrink=1)


BOX = "<a><bndbox><xmin>{}</xmin><ymin>0</ymin><xmax>4</xmax><ymax>{}</ymax></bndbox></a>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", "the format of Pascal VOC, but"),
        (BOX.format("left", 4), "the format of Pascal VOC, but"),
        ("<a><bndbox><xmin>0</xmin></bndbox></a>", "the format of Pascal VOC, but"),
        (BOX.format(4, 4), "a width and a height above 0, but"),
        (BOX.format(0, 0), "a width and a height above 0, but"),
        (BOX.format(0, "inf"), "a width and a height above 0, but"),
        (BOX.format("nan", 4), "a width and a height above 0, but"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "no document type and no comments, but"),
    ],
)
def test_boxes_that_are_none(root, text, message):
    (root / f"{SCENES[1]}.xml").write_text(text)
    with pytest.raises(UnreadableFileError, match=f"Expected .*{SCENES[1]}.xml .*{message}"):
        tree_crowns(root, side=4, shrink=1)
