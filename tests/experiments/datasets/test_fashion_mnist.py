"""Small files in the published layout; the package of Debian itself where it is installed."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baal.exceptions import InvalidArgumentError, MissingExtraError, UnreadableFileError
from baal.experiments.datasets import fashion_mnist, targets_of
from baal.experiments.datasets.idx import write_idx

RNG = np.random.default_rng(0)
IMAGES = {
    "train": RNG.integers(256, size=(1030, 28, 28), dtype=np.uint8),
    "t10k": RNG.integers(256, size=(20, 28, 28), dtype=np.uint8),
}
CLASSES = {"train": np.arange(1030) % 10, "t10k": np.arange(20)[::-1] % 10}


def write(folder, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", IMAGES[part])
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", CLASSES[part])
    return folder


def check(task):
    mean, std = IMAGES["train"].mean(), IMAGES["train"].std()
    for dataset, part in ((task.pool, "train"), (task.test, "t10k")):
        images, classes = dataset.tensors
        assert images.dtype == torch.float32
        assert images.is_contiguous()
        expected = torch.from_numpy((IMAGES[part][:, None] - mean) / std)
        torch.testing.assert_close(images, expected.float(), atol=1e-5, rtol=0)
        assert classes.tolist() == CLASSES[part].tolist()
        assert classes.dtype == torch.int64


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("below", [".", "FashionMNIST/raw"])
def test_reads_files_in_the_published_layout(tmp_path, suffix, below):
    write(tmp_path / below, suffix)
    task = fashion_mnist(tmp_path)
    check(task)
    assert task.n_classes == len(task.class_names) == 10
    assert task.pool_specifics is None


@pytest.mark.parametrize("prefix", ["prefix", "base_prefix"])
def test_looks_below_the_prefix_of_python(tmp_path, monkeypatch, prefix):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "a"))
    monkeypatch.setattr(sys, prefix, str(tmp_path / "b"))
    write(tmp_path / "b" / "share" / "datasets" / "fashion-mnist", ".gz")
    check(fashion_mnist())


def test_constant_pixels_stay_finite(tmp_path):
    write(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte", np.full((1030, 28, 28), 7))
    assert fashion_mnist(tmp_path).pool.tensors[0].unique().tolist() == [0.0]


def test_files_that_are_not_there_are_told_how_to_get(tmp_path):
    with pytest.raises(UnreadableFileError) as caught:
        fashion_mnist(tmp_path)
    for part in (str(tmp_path), "package dataset-fashion-mnist", "`root`", "`download=True`"):
        assert part in str(caught.value)
    assert "extra `vision`" in str(caught.value)


def test_a_part_of_the_files(tmp_path):
    (write(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(UnreadableFileError, match="to hold t10k-labels-idx1-ubyte, plain or"):
        fashion_mnist(tmp_path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (np.arange(19) % 10, "20 images and 19 classes up to 9"),
        (np.arange(20) % 11, "20 images and 20 classes up to 10"),
    ],
)
def test_classes_that_do_not_fit(tmp_path, classes, message):
    write_idx(write(tmp_path) / "t10k-labels-idx1-ubyte", classes)
    with pytest.raises(UnreadableFileError, match=f"files t10k-.*but got {message}"):
        fashion_mnist(tmp_path)


def test_no_images_at_all(tmp_path):
    write_idx(write(tmp_path) / "t10k-images-idx3-ubyte", np.zeros((0, 28, 28), dtype=np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(0, dtype=np.uint8))
    with pytest.raises(UnreadableFileError, match="but got 0 images and 0 classes"):
        fashion_mnist(tmp_path)


def test_images_of_another_size(tmp_path):
    write_idx(write(tmp_path) / "t10k-images-idx3-ubyte", np.zeros((20, 32, 28), dtype=np.uint8))
    with pytest.raises(UnreadableFileError, match=r"of shape \[20, 28, 28\], but got \[20, 32"):
        fashion_mnist(tmp_path)


def test_torchvision_fetches_what_is_not_there(tmp_path, monkeypatch):
    asked = []

    def download(root, *, download):
        asked.append((root, download))
        write(tmp_path / "FashionMNIST" / "raw", ".gz")

    fake = SimpleNamespace(FashionMNIST=download)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", fake)
    check(fashion_mnist(tmp_path, download=True))
    check(fashion_mnist(tmp_path, download=True))  # there now
    assert asked == [(str(tmp_path), True)]
    (tmp_path / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    check(fashion_mnist(tmp_path, download=True))  # an earlier download that was cut short
    assert len(asked) == 2


def test_a_download_that_fails(tmp_path, monkeypatch):
    def download(root, *, download):
        raise RuntimeError("no mirror answers")

    fake = SimpleNamespace(FashionMNIST=download)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", fake)
    with pytest.raises(UnreadableFileError, match=r"to fetch Fashion-MNIST.*no mirror answers"):
        fashion_mnist(tmp_path, download=True)


def test_downloads_need_a_folder_and_torchvision(tmp_path, monkeypatch):
    with pytest.raises(InvalidArgumentError, match="Expected `root` to be the folder to download"):
        fashion_mnist(download=True)

    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("baal.utils.extras.import_module", missing)
    with pytest.raises(MissingExtraError, match="extra `vision`"):
        fashion_mnist(tmp_path, download=True)


def test_the_published_files():
    try:
        task = fashion_mnist()
    except UnreadableFileError:
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    assert np.bincount(targets_of(task.pool)).tolist() == [6000] * 10
    assert np.bincount(targets_of(task.test)).tolist() == [1000] * 10
    assert task.pool.tensors[0].shape == (60_000, 1, 28, 28)
    # The first is known from the paper's own example: an ankle boot.
    assert task.class_names[task.pool[0][1]] == "ankle boot"
    mean = float(task.pool.tensors[0].double().mean())
    assert mean == pytest.approx(0, abs=1e-5)
