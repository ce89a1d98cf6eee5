"""Un-labelling, other values, and labels that come by item: late, out of order, twice."""

import numpy as np
import pytest

from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import BaalError, InvalidArgumentError, InvalidIndexError, StateError

IDS = ["a", "b", "c", "d"]


class Letters:
    """Stores labels, remembers in which order, and refuses the label "bad"."""

    def __init__(self):
        self.labels = {}
        self.calls = []

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return IDS[i], self.labels.get(i)

    def label(self, idx, value):
        if isinstance(value, str) and value == "bad":
            raise RuntimeError("no such class")
        self.labels[idx] = value
        self.calls.append(idx)


@pytest.fixture
def split():
    return SplittedDataset([0, 1, 0, 0, 0], random_state=1)


@pytest.fixture
def letters():
    return ActiveLearningDataset(Letters(), item_ids=IDS)


def state(split):
    return repr(split.state_dict())


# --- Un-labelling and other values ----------------------------------------------------------------


def test_unlabelling_puts_back_and_keeps_the_step(split):
    split.label_dataset_indices([4, 2])
    split.unlabel_dataset_indices([1, 4])
    assert split.labelled_map.tolist() == [0, 0, 2, 0, 0]
    assert split.current_al_step == 2
    split.unlabel_dataset_indices(2)
    assert (split.current_al_step, split.n_labelled) == (2, 0)
    split.label(0)
    assert split.labelled_map.tolist() == [3, 0, 0, 0, 0]
    split.unlabel_dataset_indices([])
    assert split.history == [
        (1, "label", [1]),
        (2, "label", [2, 4]),
        (2, "unlabel", [1, 4]),
        (2, "unlabel", [2]),
        (3, "label", [0]),
    ]


@pytest.mark.parametrize("index", [0, 5, -1, [1, 1], [1, 0], [1.0], "1", [[1]]])
def test_a_bad_index_unlabels_nothing(split, index):
    before = state(split)
    with pytest.raises(BaalError, match="Expected `index`"):
        split.unlabel_dataset_indices(index)
    with pytest.raises(BaalError, match=r"Expected `index`|Expected `value`"):
        split.relabel_dataset_indices(index, 7)
    assert state(split) == before
    assert len(split.history) == 1


def test_another_value_that_cannot_be_stored_is_announced(split):
    with pytest.warns(UserWarning, match=r"was given to `relabel`.*original label") as caught:
        split.relabel_dataset_indices(1, 7)
    assert caught[0].filename == __file__
    assert (split.labelled_map.tolist(), split.current_al_step) == ([0, 1, 0, 0, 0], 1)
    assert split.history[-1] == (1, "relabel", [1])


def test_a_reset_forgets_the_history(split):
    split.unlabel_dataset_indices(1)
    split.reset_labelled()
    assert split.history == []


# --- Ids --------------------------------------------------------------------------------------


def test_ids_need_ids(split):
    assert split.item_ids is None
    for call in (split.label_items, split.unlabel_items):
        with pytest.raises(StateError, match="a dataset that was made with `item_ids`"):
            call("a")
    with pytest.raises(InvalidArgumentError, match="but got 'a' twice"):
        SplittedDataset([0, 0], item_ids=["a", "a"])
    with pytest.raises(InvalidArgumentError, match="each of the 2 items, but got 1"):
        SplittedDataset([0, 0], item_ids=["a"])


def test_labels_without_values_come_by_id_any_number_of_times():
    split = SplittedDataset([0, 1, 0, 0], item_ids=["a", "b", "c", "d"])
    split.label_items(["d", "b", "d"])
    assert split.labelled_map.tolist() == [0, 1, 0, 2]
    split.label_items("d")
    assert split.current_al_step == 2
    split.label_items("c")
    split.unlabel_items(["b", "d"])
    assert split.labelled_map.tolist() == [0, 0, 3, 0]
    split.reset_labelled()
    split.label_items(["a"])
    assert split.labelled_map.tolist() == [1, 0, 0, 0]


# --- Values by id -------------------------------------------------------------------------------


def test_answers_find_their_item_in_any_order(letters):
    letters.label_items(["d", "a"], ["x", "y"])
    letters.label_items("b", "z")
    assert letters._dataset.labels == {3: "x", 0: "y", 1: "z"}
    assert letters._dataset.calls == [3, 0, 1]
    assert letters.labelled_map.tolist() == [1, 2, 0, 1]
    assert letters.pool.item_ids == ["c"]


def test_the_same_answer_again_changes_nothing(letters):
    letters.label_items(["d", "a", "d"], [1, "y", 1.0])
    before = state(letters)
    letters.label_items(["a", "d"], ["y", np.int64(1)])
    letters.label_items("d", 1, relabel=True)
    letters.label_items(["d"])
    assert state(letters) == before
    assert letters._dataset.calls == [3, 0]
    letters.label_items(["a", "c"], ["y", "w"])  # one of them is new
    assert letters.labelled_map.tolist() == [1, 0, 2, 1]


def test_labels_by_index_count_as_well(letters):
    letters.label(3, "x")
    letters.label_dataset_indices([0], ["y"])
    letters.label_items(["a", "d"], ["y", "x"])
    with pytest.raises(InvalidArgumentError, match=r"but got other ones for 1 items: \['a'\]"):
        letters.label_items(["a", "d"], ["x", "x"])


def test_another_answer_is_refused_unless_asked_for(letters):
    letters.label_items(["a", "b"], ["x", "y"])
    before = state(letters)
    with pytest.raises(InvalidArgumentError, match="those that labelled items have already, or"):
        letters.label_items(["c", "a"], ["z", "other"])
    assert (state(letters), letters._dataset.labels) == (before, {0: "x", 1: "y"})
    letters.label_items(["c", "a", "b"], ["z", "other", "y"], relabel=True)
    assert letters._dataset.labels == {0: "other", 1: "y", 2: "z"}
    assert letters.labelled_map.tolist() == [1, 1, 2, 0]  # the item keeps its step
    assert letters.history[-1] == (2, "relabel", [0])
    letters.label_items("a", "other")
    with pytest.raises(InvalidArgumentError):
        letters.label_items("a", "x")


def test_two_answers_in_one_call(letters):
    with pytest.raises(InvalidArgumentError, match=r"differ for the dataset indices \[1\]"):
        letters.label_items(["a", "b", "b"], ["x", "y", "z"], relabel=True)
    assert letters.n_labelled == 0


def test_unlabelled_the_next_answer_is_a_new_one(letters):
    letters.label_items(["a", "b"], ["x", "y"])
    letters.unlabel_items("a")
    letters.label_items(["a", "b"], ["other", "y"])
    assert letters.labelled_map.tolist() == [2, 1, 0, 0]
    assert letters._dataset.labels[0] == "other"


def test_relabelling_by_index(letters):
    letters.label_items(["a", "b"], ["x", "y"])
    letters.relabel_dataset_indices([1, 0], ["v", "w"])
    assert letters._dataset.labels == {1: "v", 0: "w"}
    letters.label_items(["a", "b"], ["w", "v"])
    for index, value in ([[2], ["x"]], [[0, 1], ["x"]], [0, None]):
        with pytest.raises((InvalidIndexError, InvalidArgumentError)):
            letters.relabel_dataset_indices(index, value)
    assert letters._dataset.labels == {1: "v", 0: "w"}
    # Without ids no values are known, which changes nothing.
    plain = ActiveLearningDataset(Letters(), labelled=[1, 0, 0, 0])
    plain.relabel_dataset_indices(0, "x")
    assert (plain._dataset.labels, plain.history[-1]) == ({0: "x"}, (1, "relabel", [0]))


@pytest.mark.parametrize(
    ("ids", "values", "error", "message"),
    [
        (
            ["a", "e"],
            ["x", "y"],
            InvalidIndexError,
            r"ids of items of this dataset, but got \['e'\]",
        ),
        (["a", "b"], ["x"], InvalidArgumentError, "each of the 2 indices, but got 1"),
        (["a", "b"], None, InvalidArgumentError, "the labels of 2 items, since Letters stores"),
        (["a", "b"], ["x", "bad"], RuntimeError, "no such class"),
    ],
)
def test_a_bad_call_labels_nothing(letters, ids, values, error, message):
    before = state(letters)
    with pytest.raises(error, match=message):
        letters.label_items(ids, values)
    assert state(letters) == before


def test_objects_that_cannot_be_compared(letters):
    thing = object()
    letters.label_items("a", thing)
    with pytest.raises(InvalidArgumentError, match="other ones for 1 items"):
        letters.label_items("a", thing)
    letters.label_items("a", thing, relabel=True)


def test_values_that_are_not_stored_are_not_compared():
    dataset = ActiveLearningDataset(IDS, item_ids=IDS)
    with pytest.warns(UserWarning, match="the original label is used") as caught:
        dataset.label_items(["a", "b"], [1, 2])
    assert caught[0].filename == __file__
    dataset.label_items(["a", "b"], [3, 4])  # nothing is new: nothing is said
    assert dataset.current_al_step == 1


def test_answers_survive_a_restart(letters, tmp_path):
    letters.label_items(["a", "b"], ["x", "y"])
    letters.save(tmp_path / "snapshot")
    twin = ActiveLearningDataset(Letters(), item_ids=IDS)
    twin.load(tmp_path / "snapshot")
    twin.label_items(["b", "c"], ["y", "z"])
    assert twin._dataset.labels == {2: "z"}
    with pytest.raises(InvalidArgumentError):
        twin.label_items("a", "y")


def test_arrays_of_targets():
    arrays = ActiveNumpyArray((np.ones((4, 1)), np.zeros(4)), item_ids=np.arange(10, 14))
    arrays.label_items([13, 10], [7, 8])
    arrays.label_items(np.array([10, 13]), np.array([8.0, 7.0]))
    arrays.relabel_dataset_indices(0, 9)
    assert arrays.dataset[1].tolist() == [9.0, 7.0]
