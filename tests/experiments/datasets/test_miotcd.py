"""Mio-TCD from a generated folder in the published layout."""

import numpy as np
import pytest
import torch
from PIL import Image

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError, UnreadableFileError
from baal.experiments.datasets import miotcd, targets_of, with_annotation_errors
from baal.experiments.datasets.miotcd import CLASS_NAMES
from baal.experiments.datasets.photos import MEAN, STD

# Heavily imbalanced, as the published one; in the order of the class names.
COUNTS = [10, 30, 4, 12, 60, 3, 1, 6, 20, 8, 16]
N = sum(COUNTS)


def colour(number):
    """A colour of its own for each image, which survives JPEG and resizing."""
    return (number, 255 - number, 128)


@pytest.fixture
def root(tmp_path):
    classes = np.repeat(np.arange(11), COUNTS)
    order = np.random.default_rng(0).permutation(N)
    lines = []
    for number in order:
        name = CLASS_NAMES[classes[number]]
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True, exist_ok=True)
        size = (16 + number % 7, 12 + number % 5)
        Image.new("RGB", size, colour(number)).save(folder / f"{number:08}.jpg", quality=95)
        lines.append(f"{number:08},{name}\n")
    (tmp_path / "gt_train.csv").write_text("".join(lines))
    return tmp_path


def numbers_of(dataset):
    """Which images a dataset has, told by their files."""
    files = dataset.dataset.files
    return [int(files[i].stem) for i in dataset.indices]


def test_images_and_classes_belong_together(root):
    task = miotcd(root, image_size=8)
    classes = np.repeat(np.arange(11), COUNTS)
    for dataset in (task.pool, task.test):
        numbers = numbers_of(dataset)
        assert targets_of(dataset).tolist() == classes[numbers].tolist()
    for index in (0, 5, 9):
        image, label = task.test[index]
        number = numbers_of(task.test)[index]
        assert label == classes[number]
        expected = (np.array(colour(number)) / 255 - MEAN) / STD
        torch.testing.assert_close(
            image, torch.tensor(expected).float()[:, None, None].expand(3, 8, 8), atol=0.05, rtol=0
        )
    assert task.n_classes == len(task.class_names) == 11


def test_a_stratified_part_is_held_out_and_the_rest_is_the_pool(root):
    task = miotcd(root, test_share=0.25)
    test = np.bincount(targets_of(task.test), minlength=11).tolist()
    # A quarter of each, rounded as Python does; at least one, but never the only one.
    assert test == [2, 8, 1, 3, 15, 1, 0, 2, 5, 2, 4]
    assert sorted(numbers_of(task.pool) + numbers_of(task.test)) == list(range(N))


def test_the_pool_is_limited_at_random(root):
    small, same, other = (miotcd(root, pool_limit=40, seed=seed) for seed in (1, 1, 2))
    whole = miotcd(root, pool_limit=None, seed=1)
    assert len(small.pool) == len(set(numbers_of(small.pool))) == 40
    assert numbers_of(small.pool) == numbers_of(same.pool)
    assert set(numbers_of(small.pool)) != set(numbers_of(other.pool))
    assert set(numbers_of(small.pool)) < set(numbers_of(whole.pool))
    assert numbers_of(small.test) == numbers_of(whole.test)
    # Shuffled: the classes do not come one after the other.
    assert targets_of(small.pool).tolist() != sorted(targets_of(small.pool))


def test_the_imbalance_is_kept_by_the_limit(root):
    cars = [
        (targets_of(miotcd(root, pool_limit=50, seed=seed).pool) == 4).mean() for seed in range(20)
    ]
    share = (targets_of(miotcd(root, pool_limit=None).pool) == 4).mean()
    # Without replacement the deviation of a mean of 20 is below sqrt(p (1 - p) / 50 / 20).
    assert abs(np.mean(cars) - share) < 5 * np.sqrt(share * (1 - share) / 1000)


def test_the_labelled_side_alone_is_augmented(root):
    task = with_annotation_errors(miotcd(root, image_size=16), 0.5)
    active = ActiveLearningDataset(task.pool, pool_specifics=task.pool_specifics, random_state=0)
    assert active.can_label is False  # an experiment takes the classes that are there
    active.label_randomly(5)
    assert torch.equal(active.pool[0][0], active.pool[0][0])
    assert task.test[0][0].equal(task.test[0][0])
    torch.manual_seed(0)
    image = active[0][0]
    torch.manual_seed(0)
    assert torch.equal(image, active[0][0])
    assert not torch.equal(image, active[0][0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00000500,tractor\n", f"line {N + 1} of .*, but got '00000500,tractor'"),
        ("00000500\n", "but got '00000500'"),
        ("00000500,car,bus\n", "but got '00000500,car,bus'"),
        ("00000003,car\n", "with an id that comes once .*but got '00000003,car'"),
        ("00000500,car\n", "Expected .*00000500.jpg to be an image, but there is no such file"),
    ],
)
def test_labels_that_are_wrong(root, line, message):
    with (root / "gt_train.csv").open("a") as file:
        file.write(line)
    with pytest.raises(UnreadableFileError, match=message):
        miotcd(root, pool_limit=None)


def test_spaces_after_the_comma(root):
    path = root / "gt_train.csv"
    path.write_text(path.read_text().replace(",", ", "))
    assert len(miotcd(root).pool) + len(miotcd(root).test) == N


def test_what_editors_add_to_the_labels(root):
    path = root / "gt_train.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert len(miotcd(root).pool) + len(miotcd(root).test) == N


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
def test_labels_that_cannot_be_read(root, content):
    (root / "gt_train.csv").unlink()
    if content is not None:
        (root / "gt_train.csv").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"gt_train\.csv to be the labels.*cannot"):
        miotcd(root)


def test_no_labels(root):
    (root / "gt_train.csv").write_text("")
    with pytest.raises(UnreadableFileError, match=r"gt_train\.csv to have labels, but it is"):
        miotcd(root)


def test_the_folder_of_a_class_is_missing(root):
    (root / "train" / "bus").rename(root / "train" / "buses")
    with pytest.raises(UnreadableFileError, match=r"to be in .*bus, but there is no such folder"):
        miotcd(root)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("pool_limit", 0), ("test_share", 0.0), ("test_share", 1.0), ("test_share", float("nan"))],
)
def test_out_of_range(tmp_path, argument, value):
    with pytest.raises(InvalidArgumentError, match=f"Expected `{argument}` to be .*got {value}"):
        miotcd(tmp_path, **{argument: value})
