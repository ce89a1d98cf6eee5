"""The active dataset over any map-style dataset."""

import operator
import warnings

import pytest
import torch
from torch.utils.data import Subset

import baal
import baal.active
import baal.active.dataset
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError, StateError


class Letters:
    """Counts reads, stores labels, and refuses the label "bad"."""

    def __init__(self, n=6):
        self.labels = [None] * n
        self.reads = 0

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        self.reads += 1
        return i, self.labels[i]

    def label(self, idx, value):
        if value == "bad":
            raise RuntimeError("no such class")
        self.labels[idx] = value


class Augmented:
    def __init__(self):
        self.transform = self.shift

    def shift(self, x):
        return x + torch.rand(())

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return self.transform(torch.tensor(float(i)))


def exactly(x):
    return x


def test_public_names():
    assert baal.active.dataset.__all__ == [
        "ActiveLearningDataset",
        "ActiveNumpyArray",
        "SplittedDataset",
    ]
    assert set(dir(baal.active.dataset)) == set(baal.active.dataset.__all__)
    assert baal.active.dataset.ActiveLearningDataset is ActiveLearningDataset
    assert baal.active.ActiveLearningDataset is ActiveLearningDataset
    assert baal.ActiveLearningDataset is ActiveLearningDataset


def test_both_sides():
    dataset = ActiveLearningDataset("abcdef", labelled=[0, 1, 0, 0, 2, 0])
    assert len(dataset) == 2
    assert list(dataset) == ["b", "e"] == [dataset[0], dataset[1]]
    assert dataset[-1] == "e"
    assert list(dataset.pool) == ["a", "c", "d", "f"]
    assert dataset.get_raw(3) == "d"
    assert dataset.get_raw(-1) == "f"
    dataset.label([3, 1])
    assert list(dataset) == ["b", "c", "e", "f"]
    assert list(dataset.pool) == ["a", "d"]


@pytest.mark.parametrize("index", [2, -3])
def test_out_of_range(index):
    dataset = ActiveLearningDataset("abc", labelled=[1, 1, 0])
    with pytest.raises(IndexError, match=f"labelled index, between -2 and 1, but got {index}"):
        dataset[index]
    with pytest.raises(InvalidIndexError, match="dataset index, between -3 and 2, but got 3"):
        dataset.get_raw(3)
    with pytest.raises(InvalidTypeError):
        dataset[:2]


def test_the_dataset_is_shared():
    letters = Letters()
    dataset = ActiveLearningDataset(letters, pool_specifics={"reads": 0})
    assert dataset.pool.source is letters
    assert dataset.pool.view.labels is letters.labels
    assert ActiveLearningDataset(letters).pool.view is letters


def test_the_pool_is_a_snapshot():
    dataset = ActiveLearningDataset("abcd")
    before = dataset.pool
    dataset.label(0)
    assert list(before) == ["a", "b", "c", "d"]
    assert list(dataset.pool) == ["b", "c", "d"]
    assert before.dataset_indices.tolist() == [0, 1, 2, 3]
    assert dataset.pool_to_dataset_index(0) == [1]


def test_iteration_keeps_to_the_moment_it_began():
    dataset = ActiveLearningDataset("abcd", labelled=[0, 0, 1, 1])
    items = iter(dataset)
    assert next(items) == "c"
    dataset.label(0)
    assert list(items) == ["d"]


def test_make_unlabelled_is_for_the_pool_only():
    dataset = ActiveLearningDataset(
        [("a", 0), ("b", 1)], labelled=[1, 0], make_unlabelled=operator.itemgetter(0)
    )
    assert dataset[0] == ("a", 0)
    assert dataset.pool[0] == "b"


def test_last_active_steps():
    dataset = ActiveLearningDataset("abcdef", last_active_steps=2)
    for _ in range(3):
        dataset.label([0, 1])
    assert dataset.current_al_step == 3
    assert list(dataset) == ["c", "d", "e", "f"]
    assert dataset[0] == "c"
    assert (len(dataset), dataset.n_labelled) == (4, 6)


@pytest.mark.parametrize(
    ("dataset", "labelled", "error", "message"),
    [
        ([], None, InvalidArgumentError, "`dataset` to have at least one item, but got none"),
        (iter("abc"), None, InvalidTypeError, "map-style, with `__len__` and `__getitem__`"),
        ({1, 2}, None, InvalidTypeError, "but got set"),
        ("abc", [0, 1], InvalidArgumentError, "each of the 3 items of `dataset`, but got 2"),
        ("abc", [0, 1, -1], InvalidArgumentError, "but got values from -1 to 1"),
    ],
)
def test_refused_datasets(dataset, labelled, error, message):
    with pytest.raises(error) as caught:
        ActiveLearningDataset(dataset, labelled)
    assert message in str(caught.value)


def test_refused_last_active_steps():
    with pytest.raises(ValueError, match="-1 or positive, but got 0"):
        ActiveLearningDataset("abc", last_active_steps=0)


# --- Values -----------------------------------------------------------------------------------


def test_values_go_to_the_dataset_by_dataset_index():
    letters = Letters()
    dataset = ActiveLearningDataset(letters, labelled=[1, 0, 0, 0, 0, 0])
    assert dataset.can_label is True
    dataset.label([4, 0], ["x", "y"])
    dataset.label(0, "z")
    dataset.label_dataset_indices(3, ["w"])
    assert letters.labels == [None, "y", "z", "w", None, "x"]
    assert dataset.labelled_map.tolist() == [1, 2, 3, 4, 0, 2]


def test_values_are_required_where_they_are_stored():
    dataset = ActiveLearningDataset(Letters(), random_state=1)
    before = dataset.random_state.get_state()[1].tolist()
    with pytest.raises(ValueError, match="labels of 1 items, since Letters stores labels"):
        dataset.label(0)
    with pytest.raises(ValueError, match="labels of 2 items"):
        dataset.label_randomly(2)
    assert dataset.n_labelled == 0
    assert dataset.random_state.get_state()[1].tolist() == before
    dataset.label([])
    dataset.label([], [])
    assert dataset.current_al_step == 0


@pytest.mark.parametrize(
    ("index", "value"), [([0, 1], ["x"]), (0, ["x", "y"]), ([0, 9], ["x", "y"])]
)
def test_nothing_is_stored_for_a_bad_call(index, value):
    letters = Letters()
    dataset = ActiveLearningDataset(letters)
    with pytest.raises((InvalidArgumentError, InvalidIndexError)):
        dataset.label(index, value)
    assert letters.labels == [None] * 6
    assert dataset.n_labelled == 0


def test_an_error_of_the_dataset_leaves_the_items_in_the_pool():
    letters = Letters()
    dataset = ActiveLearningDataset(letters)
    with pytest.raises(RuntimeError, match="no such class"):
        dataset.label([0, 1, 2], ["x", "bad", "z"])
    assert dataset.n_labelled == dataset.current_al_step == 0
    dataset.label([0, 1, 2], ["u", "v", "w"])  # again, and this time it works
    assert letters.labels[:3] == ["u", "v", "w"]
    assert dataset.labelled_map.tolist() == [1, 1, 1, 0, 0, 0]


def test_a_value_that_cannot_be_stored_is_announced():
    dataset = ActiveLearningDataset("abc")
    assert dataset.can_label is False
    with pytest.warns(UserWarning, match="ActiveLearningDataset cannot store it.*original label"):
        dataset.label(0, 7)
    assert dataset.is_labelled(0)


def test_such_a_warning_made_an_error_changes_nothing():
    dataset = ActiveLearningDataset("abc")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            dataset.label(0, 7)
    assert dataset.n_labelled == 0


def test_can_label_can_be_switched_off():
    letters = Letters()
    dataset = ActiveLearningDataset(letters)
    dataset.can_label = False
    dataset.label_randomly(1)
    with pytest.warns(UserWarning, match="the original label is used"):
        dataset.label(0, "x")
    assert letters.labels == [None] * 6


def test_can_label_cannot_be_forced():
    dataset = ActiveLearningDataset("abc")
    dataset.can_label = True
    with pytest.raises(
        StateError, match="`can_label` to be False, since str has no method `label`"
    ):
        dataset.label(0, "x")
    assert dataset.n_labelled == 0


def test_an_attribute_label_that_is_no_method():
    class Named(Letters):
        label = "the name of the label column"

    with pytest.warns(UserWarning, match="Named has an attribute `label` that is not a method"):
        dataset = ActiveLearningDataset(Named())
    assert dataset.can_label is False


# --- The pool's specifics -----------------------------------------------------------------------


def test_augmentation_is_found_once():
    dataset = ActiveLearningDataset(Augmented())
    before = torch.get_rng_state()
    with pytest.warns(UserWarning, match="pool_specifics") as caught:
        dataset.pool
    assert caught[0].filename == __file__
    assert torch.equal(torch.get_rng_state(), before)
    dataset.pool  # a second warning would be an error


def test_specifics_switch_augmentation_off_in_the_pool_only():
    augmented = Augmented()
    for source in (augmented, Subset(Subset(augmented, [0, 1, 2]), [0, 1, 2])):
        dataset = ActiveLearningDataset(
            source, labelled=[1, 0, 0], pool_specifics={"transform": exactly}
        )
        assert [item.item() for item in dataset.pool] == [1.0, 2.0]
        assert dataset[0].item() != dataset[0].item()


def test_the_check_reads_no_more_than_twice():
    reads = []
    dataset = ActiveLearningDataset("abc", make_unlabelled=lambda x: reads.append(x) or x)
    for _ in range(3):
        dataset.pool
    assert reads == ["a", "a"]


def test_an_empty_pool_is_not_read():
    dataset = ActiveLearningDataset(Augmented(), labelled=[1, 1, 1])
    assert list(dataset.pool) == []
    dataset.reset_labelled()
    with pytest.warns(UserWarning, match="differs between two reads"):
        dataset.pool


def test_unknown_specifics():
    dataset = ActiveLearningDataset(Letters(), pool_specifics={"whatever": 1})
    with pytest.raises(ValueError, match="but Letters has no 'whatever'"):
        dataset.pool


def test_the_validation_set_is_read_as_the_pool_is_and_keeps_its_labels():
    dataset = ActiveLearningDataset(
        Augmented(),
        labelled=[1, 1, 1],
        make_unlabelled=lambda item: None,
        random_state=1,
        pool_specifics={"transform": exactly},
        item_ids=["a", "b", "c"],
        validation_split=1 / 3,
    )
    (index,) = dataset.validation_indices.tolist()
    before = dataset.validation
    assert [item.item() for item in before] == [float(index)]
    assert before.item_ids == ["abc"[index]]
    assert len(list(dataset)) == len(dataset) == 2
    dataset.reset_labelled()
    assert (len(before), len(dataset.validation)) == (1, 0)
    assert dataset.item_ids[1] == "b"


def test_any_items_as_the_pool_would_have_them():
    class Images:
        def __init__(self):
            self.transform = str.upper

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return self.transform("abcd"[index]), index

    dataset = ActiveLearningDataset(
        Images(), labelled=[1, 0, 0, 1], make_unlabelled=operator.itemgetter(0),
        pool_specifics={"transform": str.lower},
    )  # fmt: skip
    assert list(dataset.as_in_pool([3, 0])) == ["a", "d"]
    assert list(dataset.as_in_pool([1])) == ["b"]
    assert len(dataset.as_in_pool([])) == 0
    view = dataset.as_in_pool([0])
    dataset.label([0])
    assert list(view) == ["a"]
    with pytest.raises(InvalidIndexError):
        dataset.as_in_pool([4])
    with pytest.raises(InvalidIndexError):
        dataset.as_in_pool([1, 1])
