"""The CIFAR sets, read by torchvision from generated folders in the published layouts."""

import pickle

import numpy as np
import pytest
import torch
from torchvision import transforms

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError, UnreadableFileError
from baal.experiments.datasets import targets_of, with_annotation_errors, with_rare_classes
from baal.experiments.datasets.cifar import cifar10, cifar100
from baal.experiments.datasets.photos import MEAN, STD, PhotoTransform
from tests.vision import small_cifar as small


def normalised(row):
    """The oracle: one row of a published file as torchvision's own transforms would give it."""
    image = torch.from_numpy(row.reshape(3, 32, 32)).float() / 255
    return transforms.Normalize(MEAN, STD)(image)


def test_cifar10_gives_the_images_and_classes_of_the_files(small_cifar):
    task = cifar10(small_cifar)  # nothing to download: the files are there
    batches = [small.batch10(number) for number in range(1, 6)]
    assert len(task.pool) == 100
    assert targets_of(task.pool).tolist() == [y for batch in batches for y in batch["labels"]]
    assert targets_of(task.test).tolist() == small.batch10(6)["labels"]
    assert task.n_classes == 10
    assert task.class_names == tuple(small.NAMES10)
    for index in (0, 19):
        image, label = task.test[index]
        torch.testing.assert_close(image, normalised(small.batch10(6)["data"][index]))
        assert label == small.batch10(6)["labels"][index]


def test_cifar100_has_the_fine_classes(small_cifar):
    task = cifar100(small_cifar, download=False)
    assert np.bincount(targets_of(task.pool)).tolist() == [4] * 100
    assert np.bincount(targets_of(task.test)).tolist() == [2] * 100
    assert task.class_names == tuple(small.NAMES100)
    torch.testing.assert_close(task.test[5][0], normalised(small.rows(small.N_TEST, 8)[5]))


def test_the_labelled_side_alone_is_augmented(small_cifar):
    task = with_annotation_errors(cifar10(small_cifar), 0.5, seed=1)
    active = ActiveLearningDataset(task.pool, pool_specifics=task.pool_specifics)
    active.label([0, 1])
    rows = small.batch10(1)["data"]
    shown = targets_of(task.pool).tolist()
    for index in range(5):  # no warning of an item that differs between two reads
        image, label = active.pool[index]
        torch.testing.assert_close(image, normalised(rows[2 + index]))
        assert label == shown[2 + index]
    from PIL import Image

    torch.manual_seed(4)
    image, label = active[1]
    torch.manual_seed(4)
    source = Image.fromarray(rows[1].reshape(3, 32, 32).transpose(1, 2, 0))
    assert torch.equal(image, PhotoTransform(32, augment=True)(source))
    assert not torch.equal(image, active[1][0])
    assert label == shown[1]


def test_rare_classes_of_cifar100(small_cifar):
    task = with_rare_classes(cifar100(small_cifar), 30, seed=2)
    counts = np.bincount(targets_of(task.pool)).tolist()
    assert sorted(counts) == [1] * 30 + [4] * 70
    active = ActiveLearningDataset(task.pool, pool_specifics=task.pool_specifics)
    assert torch.equal(active.pool[7][0], active.pool[7][0])


def test_images_of_another_size(small_cifar):
    task = cifar10(small_cifar, image_size=224)
    assert task.pool[0][0].shape == task.test[0][0].shape == (3, 224, 224)
    assert task.pool_specifics == {"transform": PhotoTransform(224)}


def test_a_task_can_be_sent_to_another_process(small_cifar):
    task = pickle.loads(pickle.dumps(cifar10(small_cifar)))
    torch.testing.assert_close(task.test[3][0], normalised(small.batch10(6)["data"][3]))


@pytest.mark.parametrize("load", [cifar10, cifar100])
def test_files_that_are_not_there_or_not_the_published_ones(tmp_path, load):
    name = load.__name__.upper()
    with pytest.raises(UnreadableFileError, match=f"files of {name}, but got .*not found"):
        load(tmp_path, download=False)
    small.write(tmp_path)
    with pytest.raises(UnreadableFileError, match=f"files of {name}, but got .*corrupted"):
        load(tmp_path, download=False)


def test_a_size_that_cannot_be(tmp_path):
    with pytest.raises(InvalidArgumentError, match="Expected `image_size`"):
        cifar10(tmp_path, image_size=0)
