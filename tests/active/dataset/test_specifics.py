"""Views with other attributes, which leave the original alone."""

import numpy as np
import pytest
from torch.utils.data import Subset

from baal.active.dataset.specifics import view_with
from baal.exceptions import InvalidArgumentError


def double(x):
    return 2 * x


def negate(x):
    return -x


class Joint:
    """As torchvision's StandardTransform: it captures both transforms when it is built."""

    def __init__(self, transform, target_transform):
        self.transform = transform
        self.target_transform = target_transform


class Numbers:
    def __init__(self, transform=double, target_transform=None, joint=False):
        self.numbers = [1, 2, 3]
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = Joint(transform, target_transform) if joint else None

    def __len__(self):
        return 3

    def __getitem__(self, i):
        transform = self.transforms.transform if self.transforms else self.transform
        return transform(self.numbers[i])

    @property
    def fixed(self):
        return 1


class Slotted:
    __slots__ = ("transform",)

    def __init__(self):
        self.transform = double


def test_the_original_stays():
    numbers = Numbers()
    view = view_with(numbers, {"transform": negate})
    assert (view[0], numbers[0]) == (-1, 2)
    assert view.numbers is numbers.numbers


def test_what_captured_the_old_value_is_rebuilt():
    numbers = Numbers(joint=True)
    view = view_with(numbers, {"transform": negate})
    assert (view[0], numbers[0]) == (-1, 2)
    assert numbers.transforms.transform is double
    assert view.transforms.target_transform is None
    view = view_with(numbers, {"target_transform": negate})
    assert view.transforms.target_transform is negate
    assert view.transforms.transform is double


def test_transforms_given_by_name_are_taken_as_they_are():
    numbers = Numbers(joint=True)
    joint = Joint(negate, None)
    view = view_with(numbers, {"transform": str, "transforms": joint})
    assert view.transforms is joint
    assert joint.transform is negate
    assert view_with(numbers, {"numbers": [5, 6, 7]}).transforms is numbers.transforms


def test_through_nested_subsets():
    numbers = Numbers(joint=True)
    inner = Subset(numbers, [2, 1])
    outer = Subset(inner, [0])
    view = view_with(outer, {"transform": negate})
    assert (view[0], outer[0]) == (-3, 6)
    assert outer.dataset is inner
    assert inner.dataset is numbers


def test_an_attribute_of_the_subset_itself():
    subset = Subset(Numbers(), [0])
    view = view_with(subset, {"indices": [2], "transform": negate})
    assert (view[0], subset[0]) == (-3, 2)


def test_slots_and_class_attributes():
    slotted = Slotted()
    assert view_with(slotted, {"transform": negate}).transform is negate
    assert slotted.transform is double


@pytest.mark.parametrize("dataset", [Numbers(), Subset(Subset(Numbers(), [0]), [0])])
def test_an_attribute_that_nothing_has(dataset):
    with pytest.raises(InvalidArgumentError, match="but Numbers has no 'color', 'shape'"):
        view_with(dataset, {"color": 1, "transform": negate, "shape": 2})


def test_an_attribute_that_cannot_be_set():
    with pytest.raises(ValueError, match="attributes that can be set, but got 'fixed' of Numbers"):
        view_with(Numbers(), {"fixed": 2})


@pytest.mark.parametrize("data", [[1, 2], np.arange(2)])
def test_plain_data_is_never_copied(data):
    assert view_with(data, {}) is data
    assert view_with(Subset(data, [0]), {}).dataset is data
