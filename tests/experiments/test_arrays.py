import numpy as np
import pytest
from scipy import sparse

from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.arrays import (
    all_classes,
    as_items,
    first_items,
    is_pair,
    n_items,
    whole_arrays,
    whole_pair,
)

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])


def test_a_pair_is_a_tuple_of_two_arrays_and_nothing_else():
    assert is_pair((X, Y))
    assert is_pair((sparse.csr_matrix(X), Y))
    for other in ([X, Y], (X, Y, Y), (X, 1), (X[0, 0], Y), "ab", [(X[0], 0), (X[1], 1)]):
        assert not is_pair(other)


def test_items_of_a_pair_are_its_rows():
    items = as_items((X, Y))
    assert len(items) == n_items((X, Y)) == 6
    assert [target for _, target in items] == Y.tolist()
    assert np.array_equal(items[2][0], X[2])


@pytest.mark.parametrize(
    "kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix, sparse.coo_array]
)
def test_rows_of_a_sparse_matrix_are_arrays(kind):
    matrix = kind(X)
    assert np.array_equal(whole_arrays((matrix, Y))[0][2:3].toarray(), X[2:3])
    assert np.array_equal(first_items((matrix, Y), 2)[0].toarray(), X[:2])
    assert np.array_equal(as_items((matrix, Y))[3][0], X[3])
    assert n_items((matrix, Y)) == 6


def test_rows_of_a_table():
    pandas = pytest.importorskip("pandas")
    items = as_items(
        (pandas.DataFrame(X, index=list("abcdef")), pandas.Series(Y + 1, list("abcdef")))
    )
    assert items[3][0].tolist() == X[3].tolist()
    assert items[3][1] == Y[3] + 1


def test_arrays_of_another_length_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"same length, but got the shapes \[6, 2\]"):
        as_items((X, Y[:5]))


def test_the_first_items_keep_their_form():
    x, y = first_items((sparse.csr_matrix(X), Y), 2)
    assert sparse.issparse(x)
    assert np.array_equal(x.toarray(), X[:2])
    assert y.tolist() == [0, 1]
    assert list(first_items(["a", "b", "c"], 2)) == ["a", "b"]


def test_whole_arrays_are_the_labelled_ones_of_an_active_array():
    dataset = ActiveNumpyArray((X, Y), labelled=[0, 1, 0, 1, 0, 0])
    x, y = whole_arrays(dataset)
    assert np.array_equal(x, X[[1, 3]])
    assert y.tolist() == [1, 0]
    assert whole_arrays(dataset.pool)[1].tolist() == [0, 2, 1, 2]


def test_whole_arrays_of_items_read_one_by_one():
    dataset = ActiveLearningDataset(list(zip(X, Y.tolist(), strict=True)), random_state=0)
    dataset.label([4, 1])
    x, y = whole_arrays(dataset)
    assert np.array_equal(x, X[[1, 4]])
    assert y.tolist() == [1, 1]
    x, y = whole_arrays(list(X))
    assert np.array_equal(x, X)
    assert y is None
    with pytest.raises(InvalidArgumentError, match="but got none"):
        whole_arrays([])


def test_lists_of_arrays_are_no_pair():
    for wrong in ([X, Y], (X.tolist(), Y.tolist())):
        with pytest.raises(InvalidArgumentError, match=r"are a tuple \(x, y\) of two arrays"):
            whole_arrays(wrong)


def test_a_pair_has_targets():
    assert whole_pair((X, Y))[1] is Y
    with pytest.raises(InvalidArgumentError, match="but got no targets"):
        whole_pair(list(X))


def test_all_classes_are_those_of_every_part():
    dataset = ActiveNumpyArray((X, Y), validation_split=0.5, random_state=0)
    dataset.label([0, 3])
    assert all_classes(dataset).tolist() == [0, 1, 2]
    assert all_classes(ActiveLearningDataset([(0.0, 1)])) is None


def test_classes_of_several_kinds_are_refused():
    mixed = np.array(["a", None, "b"], dtype=object)
    with pytest.raises(
        InvalidTypeError, match="all numbers or all texts, but got NoneType and str"
    ):
        all_classes(ActiveNumpyArray((np.zeros(3), mixed)))
