import pickle

import numpy as np
import pytest

from baal.active.dataset.item_ids import ItemIds
from baal.active.dataset.validation_set import ValidationSet
from baal.exceptions import InvalidArgumentError

LETTERS = ["A", "B", "C", "D", "E"]


class Loud:
    def __init__(self):
        self.case = str.upper

    def __getitem__(self, i):
        return self.case(LETTERS[i])


def test_the_validation_set():
    loud = Loud()
    aside = ValidationSet(loud, np.array([1, 4]), {"case": str.lower})
    assert list(aside) == ["b", "e"] == [aside[0], aside[-1]]
    assert aside.dataset_indices.tolist() == [1, 4]
    assert (len(aside), loud[1], aside.source) == (2, "B", loud)
    with pytest.raises(IndexError, match="a validation index, between -2 and 1, but got 2"):
        aside[2]
    with pytest.raises(InvalidArgumentError, match="has no 'nope'"):
        ValidationSet(loud, np.array([1]), {"nope": 1})


def test_ids():
    aside = ValidationSet(LETTERS, np.array([1, 4]), ids=ItemIds(["v", "w", "x", "y", "z"]))
    assert aside.item_ids == pickle.loads(pickle.dumps(aside)).item_ids == ["w", "z"]
    assert ValidationSet(LETTERS, np.array([1])).item_ids is None


def test_rows_below_are_dataset_indices_of_the_view():
    class Own(ValidationSet):
        pass

    dataset, rows = ValidationSet(LETTERS, np.array([1, 4])).rows_below([1, 1, 0])
    assert dataset is LETTERS
    assert rows.tolist() == [4, 4, 1]
    assert Own(LETTERS, np.array([1])).rows_below([0]) is None
