import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.curves import LearningCurve, active_gain, learning_curves


def records(heuristic, values_by_seed, labels=(10, 20, 30), metric="test_error"):
    return [
        {"heuristic": heuristic, "seed": seed, "round": i, "n_labelled": n, metric: value}
        for seed, values in enumerate(values_by_seed)
        for i, (n, value) in enumerate(zip(labels, values, strict=True))
    ]


RECORDS = records("bald", [[0.5, 0.2, 0.1], [0.7, 0.4, 0.1]]) + records(
    "random", [[0.5, 0.4, 0.2], [0.7, 0.4, 0.2]]
)


def curve(values, name="x", metric="test_error", labels=(10, 20, 30), seeds=None):
    values = np.array(values, dtype=float)
    return LearningCurve(name, metric, seeds or tuple(range(len(values))), np.array(labels), values)


def test_mean_and_standard_error_by_hand():
    bald, random = learning_curves(RECORDS)
    assert (bald.heuristic, random.heuristic) == ("bald", "random")
    assert bald.seeds == (0, 1)
    assert bald.labels.tolist() == [10, 20, 30]
    assert bald.values.tolist() == [[0.5, 0.2, 0.1], [0.7, 0.4, 0.1]]
    np.testing.assert_allclose(bald.mean, [0.6, 0.3, 0.1])
    # Two values: the standard deviation with n - 1 is |a - b| / sqrt(2), over sqrt(2).
    np.testing.assert_allclose(bald.standard_error, [0.1, 0.1, 0.0], atol=1e-12)
    assert bald.n_seeds.tolist() == [2, 2, 2]


def test_one_seed_has_no_standard_error():
    (one,) = learning_curves(records("bald", [[0.5, 0.2, 0.1]]))
    assert np.isnan(one.standard_error).all()


def test_uneven_runs_have_only_what_they_have():
    rows = records("bald", [[0.5, 0.2, 0.1]])
    rows.append({"heuristic": "bald", "seed": 7, "n_labelled": 15, "test_error": 0.4})
    (uneven,) = learning_curves(rows)
    assert (uneven.seeds, uneven.labels.tolist()) == ((0, 7), [10, 15, 20, 30])
    np.testing.assert_array_equal(
        uneven.values, [[0.5, np.nan, 0.2, 0.1], [np.nan, 0.4, np.nan, np.nan]]
    )
    assert uneven.n_seeds.tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(uneven.at(15), [np.nan, 0.4])
    np.testing.assert_array_equal(uneven.at(16), [np.nan, np.nan])


def test_an_error_is_one_minus_the_accuracy_where_there_is_none():
    rows = records("bald", [[0.9, 0.75, None]], metric="test_accuracy")
    np.testing.assert_array_equal(learning_curves(rows)[0].values, [[1 - 0.9, 0.25, np.nan]])
    rows[0]["test_error"] = 0.5
    assert learning_curves(rows)[0].values[0, 0] == 0.5


@pytest.mark.parametrize(
    ("metric", "asked", "higher"),
    [
        ("test_error", None, False),
        ("test_f1", None, True),
        ("test_f1", False, False),
        ("test_error", True, True),
    ],
)
def test_direction(metric, asked, higher):
    rows = records("bald", [[1, 2, 3]], metric=metric)
    assert learning_curves(rows, metric, higher_is_better=asked)[0].higher_is_better is higher


def test_what_cannot_be_read_is_refused():
    with pytest.raises(InvalidArgumentError, match="at least one record"):
        learning_curves([])
    with pytest.raises(InvalidArgumentError, match=r"one of the metrics \['test_error'\], but got"):
        learning_curves(RECORDS, "test_loss")
    with pytest.raises(InvalidArgumentError, match="two of bald, seed 0, with 20 labels"):
        learning_curves([*RECORDS, RECORDS[1]])
    with pytest.raises(InvalidArgumentError, match=r"'by_class' is \[1, 2\]"):
        learning_curves([{**RECORDS[0], "by_class": [1, 2]}], "by_class")


def test_shapes_are_checked():
    with pytest.raises(InvalidArgumentError, match=r"\[1 seeds, 3 numbers.*got shape \(1, 2\)"):
        curve([[1, 2]])
    with pytest.raises(InvalidArgumentError, match="to ascend"):
        curve([[1, 2, 3]], labels=(10, 10, 20))


def test_gain_is_paired_and_positive_where_the_heuristic_is_better():
    bald, random = learning_curves(RECORDS)
    gain = active_gain(bald, random)
    np.testing.assert_allclose(gain.values, [[0, 0.2, 0.1], [0, 0, 0.1]], atol=1e-12)
    np.testing.assert_allclose(gain.standard_error, [0, 0.1, 0], atol=1e-12)
    assert (gain.heuristic, gain.metric, gain.higher_is_better) == ("bald", "test_error", True)
    high = active_gain(curve([[1, 2, 3]], metric="f1"), curve([[1, 1, 4]], metric="f1"))
    assert high.values.tolist() == [[0, 1, -1]]


def test_gain_takes_the_seeds_and_labels_that_both_have():
    ours = curve([[5, 4, 3], [6, 5, 4]], seeds=(3, 1))
    theirs = curve([[9, 8], [7, 7], [0, 0]], labels=(20, 30), seeds=(1, 2, 4))
    gain = active_gain(ours, theirs)
    assert (gain.seeds, gain.labels.tolist()) == ((1,), [20, 30])
    assert gain.values.tolist() == [[9 - 5, 8 - 4]]
    assert active_gain(ours, curve([[1, 2, 3]], seeds=(9,))).values.shape == (0, 3)


def test_gain_between_different_metrics_is_refused():
    with pytest.raises(InvalidArgumentError, match="a curve of test_error, but got one of loss"):
        active_gain(curve([[1, 2, 3]]), curve([[1, 2, 3]], metric="loss"))


values = st.lists(
    st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=3, max_size=3),
    min_size=2,
    max_size=2,
)


@given(values, values, st.floats(-5, 5))
def test_a_constant_added_to_both_leaves_the_gain(ours, theirs, constant):
    plain = active_gain(curve(ours), curve(theirs))
    moved = active_gain(curve(np.array(ours) + constant), curve(np.array(theirs) + constant))
    np.testing.assert_allclose(moved.values, plain.values, atol=1e-12)


@pytest.mark.parametrize("order", list(itertools.permutations(range(6)))[::97])
def test_the_order_of_records_changes_nothing(order):
    rows = records("bald", [[0.5, 0.2, 0.1], [0.7, 0.4, 0.1]])
    (shuffled,), (plain,) = learning_curves([rows[i] for i in order]), learning_curves(rows)
    assert shuffled.seeds == plain.seeds
    np.testing.assert_array_equal(shuffled.values, plain.values)
