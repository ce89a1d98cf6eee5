import numpy as np
import pytest
from scipy.special import softmax

from baal.active.heuristics.predictions import BLOCK_ELEMENTS
from baal.active.heuristics.scoring import read_probabilities, score_array, score_undecided
from baal.exceptions import InvalidArgumentError

rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(5, 3, 4)) * 3
PROBABILITIES = softmax(LOGITS, axis=1)
MULTI_LABEL = rng.random((5, 3, 4))


def identity(block):
    """First class and sample: `[n, C, m, K]` to `[n, m]`."""
    return block[:, 0, :, 0]


@pytest.mark.parametrize("reading", ["auto", "logits"])
def test_logits_become_probabilities(reading):
    np.testing.assert_allclose(read_probabilities(LOGITS, reading), PROBABILITIES, atol=1e-15)
    scores = score_array(LOGITS, identity, reading)
    np.testing.assert_allclose(scores, PROBABILITIES[:, 0, 0], atol=1e-15)


@pytest.mark.parametrize("reading", ["auto", "probabilities", "as_is"])
def test_probabilities_stay(reading):
    assert read_probabilities(PROBABILITIES, reading) is PROBABILITIES
    scores = score_array(PROBABILITIES, identity, reading)
    np.testing.assert_array_equal(scores, PROBABILITIES[:, 0, 0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rounded_probabilities_are_still_seen(dtype):
    p = softmax(rng.normal(size=(50, 200, 4)), axis=1).astype(dtype)
    assert read_probabilities(p, "auto") is p
    np.testing.assert_array_equal(score_array(p, identity, "auto"), p[:, 0, 0])


def test_one_value_above_one_by_rounding_changes_nothing():
    p = np.array([[[1 + 1e-7, 0.5], [0.0, 0.5]]])
    assert read_probabilities(p, "auto") is p
    assert score_array(p, identity, "auto").tolist() == [1 + 1e-7]


def test_the_last_item_of_many_blocks_decides_for_all():
    p = np.full((2 * BLOCK_ELEMENTS, 2, 1), 0.5)
    p[-1, 0] = 3.0
    scores = score_array(p, identity, "auto")
    expected = softmax(p, axis=1)[:, 0, 0]
    np.testing.assert_allclose(scores, expected, atol=1e-15)
    parts = score_undecided(np.split(p, 4), lambda block, reading: np.array([reading]))
    assert parts == ["logits"] * 4


def test_an_iterable_of_probabilities_keeps_them():
    parts = score_undecided([PROBABILITIES] * 2, lambda block, reading: reading)
    assert parts == ["as_is", "as_is"]


def test_one_column_is_judged_by_its_range_alone():
    bernoulli = np.array([[0.2], [0.9]])
    assert read_probabilities(bernoulli, "auto") is bernoulli
    logistic = 1 / (1 + np.exp(-np.array([[0.2], [1.9]])))
    np.testing.assert_allclose(read_probabilities(np.array([[0.2], [1.9]]), "auto"), logistic)


def test_values_that_could_be_multi_label_are_logits_with_a_warning():
    expected = softmax(MULTI_LABEL, axis=1)
    message = r"sum to one .* but got values in \[0, 1\] with other sums: read as logits"
    with pytest.warns(UserWarning, match=message) as caught:
        scores = score_array(MULTI_LABEL, identity, "auto")
    assert len(caught) == 1
    np.testing.assert_allclose(scores, expected[:, 0, 0], atol=1e-15)
    with pytest.warns(UserWarning, match=message):
        np.testing.assert_allclose(read_probabilities(MULTI_LABEL, "auto"), expected)
    with pytest.warns(UserWarning, match=message) as caught:
        assert score_undecided([MULTI_LABEL] * 2, lambda _, reading: reading) == ["logits"] * 2
    assert len(caught) == 1


@pytest.mark.parametrize("reading", ["probabilities"])
def test_probabilities_are_checked(reading):
    with pytest.raises(InvalidArgumentError, match=r"in \[0, 1\] .* but got values from -.* to "):
        score_array(LOGITS, identity, reading)
    with pytest.raises(InvalidArgumentError, match=r"in \[0, 1\]"):
        read_probabilities(LOGITS, reading)
    with pytest.raises(InvalidArgumentError, match="to sum to one over the classes"):
        read_probabilities(MULTI_LABEL, reading)


def test_broken_items_do_not_decide_for_the_others():
    p = PROBABILITIES.copy()
    p[1, 0, 0], p[2] = np.inf, np.nan
    assert read_probabilities(p, "auto") is p
    masked = np.array([[[-np.inf], [0.25], [0.75]]])
    np.testing.assert_allclose(read_probabilities(masked, "auto"), softmax(masked, axis=1))


@pytest.mark.parametrize("shape", [(3, 2, 300, 300, 2), (2, 3, 5, 7, 4), (0, 3, 2, 4), (0, 3, 4)])
def test_blocks_cover_everything_once(shape):
    values = rng.random(shape)
    scores = score_array(values, identity, "as_is")
    np.testing.assert_array_equal(scores, values[:, 0, ..., 0])
    by_class = score_array(values, lambda block: block[..., 0], "as_is")
    np.testing.assert_array_equal(by_class, values[..., 0])


def test_blocks_fit_the_cache():
    sizes = []
    values = np.zeros((2, 3, 200, 200, 4), np.float16)

    def note(block):
        sizes.append(block.size)
        assert block.flags.c_contiguous
        assert block.dtype == np.float32
        return block[:, 0, :, 0]

    score_array(values, note, "as_is")
    assert max(sizes) <= BLOCK_ELEMENTS
    assert sum(sizes) == values.size
