from collections import UserDict
from typing import Any, NamedTuple

import pytest
import torch

from baal.exceptions import InvalidArgumentError
from baal.training.batches import inputs_of, split_batch

X, Y = torch.zeros(2, 3), torch.ones(2)


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize("batch", [(X, Y), [X, Y], (X, Y, "more", 7), Pair(X, Y)])
def test_sequences(batch):
    data, target = split_batch(batch)
    assert (data is X, target is Y, inputs_of(batch) is X) == (True, True, True)


@pytest.mark.parametrize("key", ["label", "labels", "target"])
@pytest.mark.parametrize("kind", [dict, UserDict])
def test_dicts(key, kind):
    batch = kind({"ids": X, key: Y, "mask": 5})
    data, target = split_batch(batch)
    assert data == {"ids": X, "mask": 5} == inputs_of(batch)
    assert target is Y
    assert key in batch  # the caller's batch stays as it is


def test_data_that_is_a_dict_keeps_its_keys():
    data = {"label": X}
    assert split_batch((data, Y)) == (data, Y)
    assert inputs_of([data, Y]) is data


def test_data_alone():
    assert inputs_of(X) is X
    assert inputs_of({"ids": X}) == {"ids": X}


def test_a_dict_without_a_target():
    with pytest.raises(InvalidArgumentError, match=r"one of the keys .*but got \['x', 'y'\]"):
        split_batch({"x": X, "y": Y})


@pytest.mark.parametrize("function", [split_batch, inputs_of])
def test_a_dict_with_several_targets(function):
    with pytest.raises(InvalidArgumentError, match=r"several: \['label', 'labels'\]"):
        function({"x": X, "labels": Y, "label": Y})


@pytest.mark.parametrize(("batch", "shown"), [(X, "Tensor"), ([X], "list of length 1")])
def test_a_batch_without_a_target(batch, shown):
    with pytest.raises(InvalidArgumentError, match=f"but got {shown}"):
        split_batch(batch)
