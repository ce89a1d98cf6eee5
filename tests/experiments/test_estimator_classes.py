import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.estimator_classes import (
    Columns,
    Members,
    check_vector,
    checked_classes,
    class_columns,
    positions,
)


def test_columns_of_classes_that_were_not_seen_are_zero():
    values = np.arange(6.0).reshape(1, 2, 3)
    columns = class_columns(values, np.array([7, 3]), np.array([3, 5, 7]))
    assert np.array_equal(columns, [[[3, 4, 5], [0, 0, 0], [0, 1, 2]]])
    with pytest.raises(InvalidArgumentError, match=r"to hold all classes.*gives \[2\] too"):
        class_columns(np.ones((1, 2)), np.array([0, 2]), np.array([0, 1]))


@given(st.lists(st.text(max_size=2), min_size=1, unique=True), st.data())
def test_positions_are_where_a_list_has_them(classes, data):
    targets = data.draw(st.lists(st.text(max_size=2), min_size=1))
    found = positions(np.array(targets, dtype=object), np.array(classes, dtype=object))
    expected = [classes.index(one) if one in classes else len(classes) for one in targets]
    assert found.tolist() == expected


@pytest.mark.parametrize("wrong", [3, [], [[0, 1], [2, 3]], "cat"])
def test_classes_are_a_list(wrong):
    with pytest.raises(InvalidArgumentError, match="`classes` to be a list of classes, but got"):
        checked_classes(wrong)


def test_classes_come_once():
    with pytest.raises(InvalidArgumentError, match=r"each class once, but got \['a', 'b', 'a'\]"):
        checked_classes(["a", "b", "a"])
    assert checked_classes((2, 1)).tolist() == [2, 1]


def test_targets_of_several_outputs_are_no_vector():
    check_vector(np.zeros(2))
    with pytest.raises(InvalidArgumentError, match=r"to be \[N\], but got shape \[2, 1\]"):
        check_vector(np.zeros((2, 1)))


def test_members_have_a_column_for_each_class():
    members = Members(np.array([[[0.25], [0.75]]]), np.array([0, 2]))
    assert members.aligned(np.array([2, 1, 0])).ravel().tolist() == [0.75, 0.0, 0.25]
    assert members.aligned(None) is members.values
    numbers = Members(np.array([[[0.25]]]), None)
    assert numbers.aligned(np.array([0, 1])) is numbers.values


def test_columns_are_all_classes_known_by_now():
    columns = Columns(None)
    assert columns.classes is None
    columns.begin(np.array([4, 2]))
    columns.seen(np.array([0, 1, 2]))
    assert columns.classes.tolist() == [0, 1, 2, 4]
    assert columns.with_targets(np.array([9, 4])).tolist() == [0, 1, 2, 4, 9]
    assert columns.positions(np.array([9, 4, 0])).tolist() == [4, 3, 0]
    columns.begin(None)
    assert columns.classes is None


def test_classes_that_were_named_stay():
    columns = Columns([2, 0])
    columns.begin(None)
    columns.seen(np.array([0, 2]))
    assert columns.with_targets(np.array([5])).tolist() == columns.classes.tolist() == [2, 0]


def test_numbers_have_no_columns_of_classes():
    columns = Columns(None)
    columns.seen(None)
    assert columns.with_targets(np.zeros((3, 2))) is None
    with pytest.raises(InvalidArgumentError, match="Expected a classifier where the calibration"):
        columns.positions(np.zeros(3))


@pytest.mark.parametrize(("classes", "targets"), [([0, 1], ["0", "1"]), (["a"], [0])])
def test_texts_are_no_numbers(classes, targets):
    with pytest.raises(InvalidArgumentError, match="of the kind of the classes"):
        Columns(classes).with_targets(np.array(targets))
