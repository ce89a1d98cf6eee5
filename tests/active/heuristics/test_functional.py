"""Every score against a slow, literal transcription of its formula, and against closed forms."""

import math

import numpy as np
import pytest

from baal.active.heuristics import functional as F
from baal.exceptions import InvalidArgumentError

LN2 = math.log(2)


def literal_entropy(column):
    outcomes = [column[0], 1 - column[0]] if len(column) == 1 else list(column)
    return -sum(p * math.log(p) for p in outcomes if p > 0)


def samples_of(item):
    return [[float(p) for p in item[:, k]] for k in range(item.shape[1])]


def mean_of(item):
    columns = samples_of(item)
    return [sum(column[c] for column in columns) / len(columns) for c in range(len(columns[0]))]


def outcomes_of(column):
    return [column[0], 1 - column[0]] if len(column) == 1 else column


def literal_predictive_entropy(item):
    return literal_entropy(mean_of(item))


def literal_expected_entropy(item):
    columns = samples_of(item)
    return sum(literal_entropy(column) for column in columns) / len(columns)


def literal_mutual_information(item):
    return literal_predictive_entropy(item) - literal_expected_entropy(item)


def literal_margin(item):
    ordered = sorted(outcomes_of(mean_of(item)))
    return ordered[-1] - ordered[-2]


def literal_certainty(item):
    return max(outcomes_of(mean_of(item)))


def literal_variance(item):
    return [
        sum((float(y) - sum(map(float, row)) / len(row)) ** 2 for y in row) / len(row)
        for row in item
    ]


ORACLES = [
    (F.predictive_entropy, literal_predictive_entropy),
    (F.expected_entropy, literal_expected_entropy),
    (F.mutual_information, literal_mutual_information),
    (F.margin, literal_margin),
    (F.certainty, literal_certainty),
    (F.variance, literal_variance),
]
SCORES = [score for score, _ in ORACLES]


def draw(shape, seed=0, dtype=np.float64):
    """Dirichlet columns along axis 1, some of them one-hot; uniform for a single column."""
    rng = np.random.default_rng(seed)
    if shape[1] == 1:
        return rng.random(shape).astype(dtype)
    gamma = rng.gamma(0.4, size=shape) + 1e-300
    return (gamma / gamma.sum(axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize("n_samples", [1, 2, 7])
@pytest.mark.parametrize("n_classes", [1, 2, 5])
@pytest.mark.parametrize(("score", "literal"), ORACLES)
def test_equals_the_literal_formula(score, literal, n_classes, n_samples):
    p = draw((6, n_classes, n_samples))
    np.testing.assert_allclose(score(p), [literal(item) for item in p], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-6), (np.float16, 2e-6)])
@pytest.mark.parametrize(("score", "literal"), ORACLES)
def test_lower_precision_only_rounds(score, literal, dtype, atol):
    p = draw((6, 4, 5), dtype=dtype)
    scores = score(p)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, [literal(item) for item in p], rtol=0, atol=atol)


@pytest.mark.parametrize("score", SCORES)
def test_further_dimensions_are_scored_one_by_one(score):
    p = draw((2, 3, 4, 5, 6))
    scores = score(p)
    for row in range(4):
        for column in range(5):
            expected = score(p[:, :, row, column])
            np.testing.assert_allclose(scores[..., row, column], expected, rtol=0, atol=1e-15)


def test_disagreement_between_certain_samples_is_all_epistemic():
    p = [[[1.0, 0.0], [0.0, 1.0]]]
    assert F.mutual_information(p) == pytest.approx([LN2], abs=1e-15)
    assert F.predictive_entropy(p) == pytest.approx([LN2], abs=1e-15)
    assert F.expected_entropy(p).tolist() == [0.0]


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_uniform_samples_are_all_aleatoric(n_classes):
    p = np.full((1, n_classes, 4), 1 / n_classes)
    assert F.predictive_entropy(p) == pytest.approx([math.log(n_classes)], abs=1e-14)
    assert F.expected_entropy(p) == pytest.approx([math.log(n_classes)], abs=1e-14)
    assert F.mutual_information(p) == pytest.approx([0.0], abs=1e-14)


def test_closed_form_of_three_samples():
    # Two samples certain of the first class, one of the second: H(1/3) = ln 3 - 2/3 ln 2.
    p = np.array([[[1, 1, 0], [0, 0, 1]]])
    assert F.mutual_information(p) == pytest.approx([math.log(3) - 2 / 3 * LN2], abs=1e-15)
    assert F.margin(p) == pytest.approx([1 / 3], abs=1e-15)
    assert F.certainty(p) == pytest.approx([2 / 3], abs=1e-15)
    assert F.variance(p)[0] == pytest.approx([2 / 9, 2 / 9], abs=1e-15)


def test_a_single_column_is_a_bernoulli():
    p = np.array([[[0.0, 1.0]]])
    assert F.mutual_information(p) == pytest.approx([LN2], abs=1e-15)
    assert F.margin(p).tolist() == [0.0]
    assert F.certainty(p).tolist() == [0.5]
    half = np.array([[[0.25]]])
    expected = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert F.predictive_entropy(half) == pytest.approx([expected], abs=1e-15)
    assert F.margin(half).tolist() == [0.5]


@pytest.mark.parametrize("n_samples", [3, 7, 20])
def test_equal_samples_have_no_mutual_information_even_in_float32(n_samples):
    one = draw((50, 6, 1), seed=3, dtype=np.float32)
    scores = F.mutual_information(np.repeat(one, n_samples, axis=-1))
    assert scores.max() < 1e-12
    assert scores.min() >= 0.0


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 0, 4), (3, 2, 0), (3, 2, 0, 4)])
def test_malformed_shapes(score, shape):
    with pytest.raises(
        InvalidArgumentError, match=r"Expected `probabilities` to be \[N, C, \.\.\."
    ):
        score(np.zeros(shape))


@pytest.mark.parametrize("score", SCORES)
def test_no_items(score):
    assert score(np.zeros((0, 3, 4)))[..., :0].size == 0
