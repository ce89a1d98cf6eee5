"""Names, indices and sequences of them, as numbers."""

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.nlp_labels import LabelKind, align, describe_labels
from baal.exceptions import InvalidArgumentError, InvalidTypeError

NAMED = LabelKind(("neg", "pos"), token_level=False, n_classes=2)
INDEXED = LabelKind(None, token_level=False, n_classes=2)
TOKENS = LabelKind(("O", "B"), token_level=True, n_classes=2)


@pytest.mark.parametrize("value", [1, True, np.int64(1), torch.tensor(1), np.array(1), "pos"])
def test_one_label(value):
    code = NAMED.encode(value)
    assert code == 1
    assert type(code) is int


@pytest.mark.parametrize("value", [None, -1, -100, torch.tensor(-1)])
@pytest.mark.parametrize("kind", [NAMED, INDEXED, TOKENS])
def test_unknown(kind, value):
    assert kind.encode(value) is None


@pytest.mark.parametrize(
    "value", [["O", "B", None], ("O", 1, -1), [0, True, -100], np.array([0, 1, -1])]
)
def test_a_label_for_each_token(value):
    assert TOKENS.encode(value) == [0, 1, -100]


def test_without_names_any_index_goes():
    assert INDEXED.encode(17) == 17


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (NAMED, "meh", r"one of the 2 classes \['neg', 'pos'\] or its index, but got 'meh'"),
        (NAMED, 2, r"one of the 2 classes .* but got 2"),
        (NAMED, -2, r"but got -2"),
        (INDEXED, -2, r"a class index, since the classes have no names .* but got -2"),
        (INDEXED, "pos", r"a class index, since the classes have no names .* but got 'pos'"),
        (NAMED, [0, 1], r"a single label, but got \[0, 1\]"),
        (TOKENS, 1, r"one label for each token, but got 1"),
        (TOKENS, ["O", "X"], r"but got 'X'"),
    ],
)
def test_what_is_no_label(kind, value, message):
    with pytest.raises(InvalidArgumentError, match=message):
        kind.encode(value)


@pytest.mark.parametrize(("kind", "value"), [(NAMED, 0.5), (NAMED, {}), (TOKENS, [[0]])])
def test_what_is_neither_a_name_nor_an_index(kind, value):
    with pytest.raises(InvalidTypeError, match="Expected `value` to be a class name or index"):
        kind.encode(value)


def rows(*labels):
    return [{"label": label} for label in labels]


def columns(*labels, feature=None):
    features = None if feature is None else datasets.Features({"label": feature})
    return datasets.Dataset.from_dict({"label": list(labels)}, features=features)


@pytest.mark.parametrize("make", [rows, columns])
@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ((0, 2, None), (None, False, 3)),
        ((-1, -1), (None, False, 0)),
        ((None, None), (None, False, 0)),
        (("b", "a", None, "b"), (("a", "b"), False, 2)),
        (([0, 4], [1]), (None, True, 5)),
        ((["b"], ["a", "b"]), (("a", "b"), True, 2)),
    ],
)
def test_kinds_are_found_in_the_column(make, labels, kind):
    assert describe_labels(make(*labels), "label") == LabelKind(*kind)


def test_arrays_are_sequences():
    assert describe_labels(rows(np.array([0, 2]), np.array([1])), "label") == LabelKind(
        None, token_level=True, n_classes=3
    )


def test_names_come_from_the_features():
    names = datasets.ClassLabel(names=["neg", "pos", "mixed"])
    kind = describe_labels(columns(0, 1, feature=names), "label")
    assert kind == LabelKind(("neg", "pos", "mixed"), token_level=False, n_classes=3)
    kind = describe_labels(columns([0], [1, 0], feature=datasets.List(names)), "label")
    assert kind == LabelKind(("neg", "pos", "mixed"), token_level=True, n_classes=3)


def test_features_as_a_list():
    """The form of datasets 2 and 3."""

    class Old:
        def __init__(self):
            self.features = {"label": [datasets.ClassLabel(names=["O", "B"])]}

    assert describe_labels(Old(), "label") == TOKENS


@pytest.mark.parametrize("make", [rows, columns])
def test_names_that_are_given_win(make):
    kind = describe_labels(make(None, 0), "label", classes=["x", "y"])
    assert kind == LabelKind(("x", "y"), token_level=False, n_classes=2)


def test_with_names_the_first_label_tells_the_rest():
    class Once(list):
        def __getitem__(self, index):
            assert index <= 1, "read further than needed"
            return super().__getitem__(index)

    kind = describe_labels(Once(rows(None, ["x"], ["y"])), "label", classes=["x", "y"])
    assert kind == LabelKind(("x", "y"), token_level=True, n_classes=2)


@pytest.mark.parametrize("make", [rows, columns])
@pytest.mark.parametrize("classes", [None, ["x"]])
def test_a_column_of_nothing_does_not_tell(make, classes):
    names = classes and ("x",)
    n_classes = 1 if classes else 0
    for argument, told in ((None, False), (True, True), (False, False)):
        kind = describe_labels(make(None, None), "label", classes, argument)
        assert kind == LabelKind(names, token_level=told, n_classes=n_classes)


def test_names_and_indices_do_not_mix():
    with pytest.raises(InvalidArgumentError, match="column 'label' to hold class names or indices"):
        describe_labels(rows("a", 1), "label")


def test_numbers_that_are_no_indices():
    with pytest.raises(InvalidTypeError, match=r"0\.5 of type float"):
        describe_labels(columns(0.5, 1.0), "label")


@given(st.data())
def test_aligned_labels(data):
    labels = data.draw(st.lists(st.integers(0, 9), max_size=6))
    positions = data.draw(st.lists(st.integers(-1, len(labels) - 1), max_size=10))
    expected = [-100 if at == -1 else labels[at] for at in positions]
    aligned = align(labels, np.array(positions, dtype=np.int32))
    assert aligned.dtype == np.int64
    assert aligned.tolist() == expected


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ("neg", InvalidTypeError, "`classes` to be a sequence of class names, but got 'neg'"),
        ({"neg", "pos"}, InvalidTypeError, "of type set"),
        ([0, 1], InvalidTypeError, "of type list"),
        (["neg", "neg"], InvalidArgumentError, "`classes` to be all different"),
    ],
)
def test_class_names_have_an_order_and_come_once(classes, error, message):
    with pytest.raises(error, match=message):
        describe_labels([{"label": 0}], "label", classes)


@pytest.mark.parametrize("label", [{"x": 1}, [[0], [1]]])
def test_labels_that_cannot_be_counted(label):
    with pytest.raises(InvalidTypeError, match="column 'label' to hold class names or indices"):
        describe_labels([{"label": label}], "label")
