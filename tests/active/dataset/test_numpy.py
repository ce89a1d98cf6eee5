"""A pair of arrays, split."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

X = np.arange(10.0).reshape(5, 2)
Y = np.array([10, 11, 12, 13, 14])


@pytest.fixture
def arrays():
    return ActiveNumpyArray((X, Y.copy()), labelled=[0, 1, 0, 0, 0], random_state=3)


def test_both_sides(arrays):
    x, y = arrays.dataset
    assert (x.tolist(), y.tolist()) == ([[2.0, 3.0]], [11])
    x, y = arrays.pool
    assert (x.tolist(), y.tolist()) == (X[[0, 2, 3, 4]].tolist(), [10, 12, 13, 14])
    assert len(arrays) == 1
    arrays.label([3, 0])
    assert arrays.dataset[1].tolist() == [10, 11, 14]
    assert [int(target) for _, target in arrays] == [10, 11, 14]
    assert arrays[-1][1] == 14
    assert arrays[0][0].tolist() == [0.0, 1.0]
    assert arrays.get_raw(2)[1] == 12


def test_nothing_labelled_by_default():
    arrays = ActiveNumpyArray((X.tolist(), torch.tensor(Y)))
    assert (arrays.n_labelled, arrays.n_unlabelled) == (0, 5)
    assert arrays.dataset[0].shape == (0, 2)


@pytest.mark.parametrize(
    "kind", ["csr_matrix", "csr_array", "csc_matrix", "coo_matrix", "coo_array"]
)
def test_sparse_inputs_stay_sparse(kind):
    dense = ActiveNumpyArray((X, Y), random_state=3, validation_split=0.4)
    arrays = ActiveNumpyArray((getattr(sparse, kind)(X), Y), random_state=3, validation_split=0.4)
    for one in (dense, arrays):
        one.label_randomly(4)
    for side in ("dataset", "pool", "validation"):
        (x, y), (expected, targets) = getattr(arrays, side), getattr(dense, side)
        assert sparse.issparse(x)
        assert x.toarray().tolist() == expected.tolist()
        assert y.tolist() == targets.tolist()
    assert [(x.tolist(), y) for x, y in arrays] == [(x.tolist(), y) for x, y in dense]
    assert arrays.get_raw(3)[0].tolist() == X[3].tolist()
    with pytest.raises(InvalidArgumentError, match=r"got the shapes \[5, 2\] and \[4\]"):
        ActiveNumpyArray((getattr(sparse, kind)(X), Y[:4]))


def test_validation():
    arrays = ActiveNumpyArray((X, Y), random_state=3, validation_split=0.4)
    arrays.label(range(5))
    x, y = arrays.validation
    aside = arrays.validation_indices
    assert (x.tolist(), y.tolist()) == (X[aside].tolist(), Y[aside].tolist())
    assert (len(y), len(arrays), len(arrays.dataset[0])) == (2, 3, 3)


def test_out_of_range(arrays):
    with pytest.raises(IndexError, match="labelled index, between -1 and 0, but got 1"):
        arrays[1]
    with pytest.raises(IndexError, match="dataset index, between -5 and 4, but got 5"):
        arrays.get_raw(5)


def test_values_become_targets_of_its_own():
    targets = Y.copy()
    arrays = ActiveNumpyArray((X, targets))
    assert arrays.can_label is True
    arrays.label([4, 0], [1, 2])
    arrays.label(0, np.int64(7))
    assert arrays.dataset[1].tolist() == [2, 7, 1]
    assert targets.tolist() == Y.tolist()  # the caller's array is the caller's


def test_values_may_be_ignored(arrays):
    arrays.can_label = False
    with pytest.warns(UserWarning, match="the original label is used"):
        arrays.label(0, 99)
    assert arrays.get_raw(0)[1] == 10


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(int, 1.5), (int, "cat"), (np.int8, 300), ("<U3", "mouse"), (int, [[1, 2]]), (bool, 2)],
)
def test_values_that_do_not_fit_change_nothing(dtype, value):
    arrays = ActiveNumpyArray((X, np.zeros(5, dtype=dtype)))
    with pytest.raises(InvalidTypeError, match="`value` to fit targets of the shape"):
        arrays.label(0, value)
    assert arrays.n_labelled == 0
    assert arrays.get_raw(0)[1] == np.zeros((), dtype=dtype)


def test_floats_may_be_rounded():
    arrays = ActiveNumpyArray((X, np.zeros((5, 2), dtype=np.float32)))
    arrays.label([1, 0], np.array([[0.1, np.nan], [1, 2]]))
    np.testing.assert_array_equal(arrays.dataset[1], np.float32([[1, 2], [0.1, np.nan]]))


def test_a_mismatch_changes_nothing(arrays):
    with pytest.raises(InvalidArgumentError, match="each of the 2 indices, but got 1"):
        arrays.label([0, 1], [5])
    assert arrays.n_labelled == 1


@pytest.mark.parametrize(
    ("dataset", "labelled", "message"),
    [
        (X, None, "a pair (x, y), but got ndarray"),
        ((X,), None, "a pair (x, y), but got tuple"),
        ((X, Y[:4]), None, "but got the shapes [5, 2] and [4]"),
        ((X[:0], Y[:0]), None, "at least one item, but got the shapes [0, 2] and [0]"),
        ((1, 2), None, "but got the shapes [] and []"),
        ((X, Y), [0, 1], "for each of the 5 items of `dataset`, but got 2"),
    ],
)
def test_refused_datasets(dataset, labelled, message):
    with pytest.raises(InvalidArgumentError) as caught:
        ActiveNumpyArray(dataset, labelled)
    assert message in str(caught.value)


def test_it_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; import numpy as np;"
        "from baal.active.dataset import ActiveNumpyArray, SplittedDataset;"
        "a = ActiveNumpyArray((np.ones((3, 1)), np.ones(3))); a.label_randomly(2); print(len(a))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


def test_any_items_as_the_pool_would_have_them():
    dataset = ActiveNumpyArray((np.arange(4), np.arange(4) * 10), labelled=[1, 0, 0, 1])
    x, y = dataset.as_in_pool([3, 1])
    assert (x.tolist(), y.tolist()) == ([1, 3], [10, 30])
    x[:] = 7
    assert dataset.pool[0].tolist() == [1, 2]
    with pytest.raises(InvalidIndexError):
        dataset.as_in_pool([-1])
