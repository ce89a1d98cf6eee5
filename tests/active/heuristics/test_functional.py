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


def literal_votes(item):
    shares = [0.0] * len(outcomes_of(mean_of(item)))
    for column in map(outcomes_of, samples_of(item)):
        winners = [c for c, p in enumerate(column) if p == max(column)]
        for c in winners:
            shares[c] += 1 / len(winners) / item.shape[1]
    return shares


def literal_variation_ratio(item):
    return 1 - max(literal_votes(item))


def literal_vote_entropy(item):
    return -sum(v * math.log(v) for v in literal_votes(item) if v > 0)


def literal_mean_kl(item):
    consensus = outcomes_of(mean_of(item))
    divergences = [
        sum(p * math.log(p / q) for p, q in zip(column, consensus, strict=True) if p > 0)
        for column in map(outcomes_of, samples_of(item))
    ]
    return sum(divergences) / len(divergences)


def literal_mean_standard_deviation(item):
    deviations = [math.sqrt(v) for v in literal_variance(item)]
    return sum(deviations) / len(deviations)


def by_label(literal):
    return lambda item: [literal(item[label : label + 1]) for label in range(len(item))]


ORACLES = [
    (F.predictive_entropy, literal_predictive_entropy),
    (F.expected_entropy, literal_expected_entropy),
    (F.mutual_information, literal_mutual_information),
    (F.margin, literal_margin),
    (F.certainty, literal_certainty),
    (F.variance, literal_variance),
    (F.votes, literal_votes),
    (F.variation_ratio, literal_variation_ratio),
    (F.vote_entropy, literal_vote_entropy),
    (F.soft_vote_entropy, literal_predictive_entropy),
    (F.mean_kl_to_consensus, literal_mean_kl),
    (F.mean_standard_deviation, literal_mean_standard_deviation),
    (F.label_entropy, by_label(literal_predictive_entropy)),
    (F.label_expected_entropy, by_label(literal_expected_entropy)),
    (F.label_mutual_information, by_label(literal_mutual_information)),
    (F.label_margin, by_label(literal_margin)),
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
    assert scores.max() == 0.0
    assert scores.min() == 0.0


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


@pytest.mark.parametrize("shape", [(40, 10, 20), (5, 100, 64), (4, 21, 9, 20), (3, 80, 7, 5)])
def test_float32_agrees_to_a_millionth(shape):
    # The orders in which float32 is summed depend on the shape.
    p = draw(shape, seed=4, dtype=np.float32)
    p64 = p.astype(np.float64)
    terms = np.where(p64 > 0, p64 * np.log(np.maximum(p64, 1e-300)), 0)
    expected = -terms.sum(axis=1).mean(axis=-1)
    np.testing.assert_allclose(F.expected_entropy(p), expected, rtol=1e-6)
    mean = p64.mean(axis=-1)
    total = -(mean * np.log(np.maximum(mean, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(F.predictive_entropy(p), total, rtol=1e-6)
    np.testing.assert_allclose(F.mutual_information(p), total - expected, rtol=1e-6)


def test_float32_keeps_small_mutual_information():
    # Samples that differ by little: float32 alone would be left with nothing but rounding.
    rng = np.random.default_rng(6)
    p = draw((30, 5, 1), seed=5) + 1e-2
    logits = np.log(p) + 1e-4 * rng.normal(size=(30, 5, 20))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    single = p.astype(np.float32)
    expected = [literal_mutual_information(item) for item in single]
    assert max(expected) < 1e-7
    np.testing.assert_allclose(F.mutual_information(single), expected, rtol=1e-4)


def test_mean_divergence_from_the_consensus_is_bald():
    p = draw((9, 4, 6, 5))
    np.testing.assert_array_equal(F.mean_kl_to_consensus(p), F.mutual_information(p))


def test_votes_of_ties_are_shared():
    p = np.array([[[0.4, 0.1], [0.4, 0.2], [0.2, 0.7]]])
    assert F.votes(p).tolist() == [[0.25, 0.25, 0.5]]
    assert F.variation_ratio(p).tolist() == [0.5]


MEANS = np.random.default_rng(1).normal(size=(5, 2, 3, 6))
VARIANCES = np.random.default_rng(2).uniform(0.1, 3, size=(5, 2, 3, 6))


def literal_gaussian(mu, sigma2):
    """Predictive variance, entropy by moment matching, expected entropy, of one output."""
    mean = sum(mu) / len(mu)
    # The moments of the mixture: E[y^2] - E[y]^2.
    total = sum(m * m + v for m, v in zip(mu, sigma2, strict=True)) / len(mu) - mean * mean
    each = [0.5 * math.log(2 * math.pi * math.e * v) for v in sigma2]
    return total, 0.5 * math.log(2 * math.pi * math.e * total), sum(each) / len(each)


def test_gaussians_equal_the_literal_formula():
    expected = np.empty((3, *MEANS.shape[:-1]))
    for index in np.ndindex(MEANS.shape[:-1]):
        expected[(slice(None), *index)] = literal_gaussian(MEANS[index], VARIANCES[index])
    total, entropy, aleatoric = expected
    np.testing.assert_allclose(F.predictive_variance(MEANS, VARIANCES), total, rtol=1e-12)
    np.testing.assert_allclose(F.gaussian_entropy(MEANS, VARIANCES), entropy, rtol=1e-12)
    np.testing.assert_allclose(F.gaussian_expected_entropy(VARIANCES), aleatoric, rtol=1e-12)
    information = F.gaussian_mutual_information(MEANS, VARIANCES)
    np.testing.assert_allclose(information, entropy - aleatoric, rtol=1e-11)
    epistemic = F.variance(MEANS)
    np.testing.assert_allclose(VARIANCES.mean(-1) + epistemic, total, rtol=1e-12)


def test_the_gaussian_bound_lies_above_the_mixtures_information():
    mu, sigma2 = np.array([-1.0, 0.5, 2.0]), np.array([0.5, 1.0, 0.25])
    grid = np.linspace(-12, 12, 200_001)
    each = np.exp(-((grid[:, None] - mu) ** 2) / (2 * sigma2)) / np.sqrt(2 * np.pi * sigma2)
    mixture = each.mean(axis=1) + 1e-300
    entropy = -(mixture * np.log(mixture)).sum() * (grid[1] - grid[0])
    exact = entropy - F.gaussian_expected_entropy(sigma2[None, None])[0, 0]
    bound = F.gaussian_mutual_information(mu[None, None], sigma2[None, None])[0, 0]
    assert exact < bound < exact + 0.15


def test_gaussians_of_different_shapes_or_without_variance():
    with pytest.raises(
        InvalidArgumentError, match=r"the shape of `means`, \(5, 2, 3, 6\), but got"
    ):
        F.predictive_variance(MEANS, VARIANCES[:2])
    assert np.isnan(F.predictive_variance([[[0.0]]], [[[-1.0]]])).all()


@pytest.mark.parametrize("n_classes", [2, 3, 5, 8, 21, 300])
def test_margin_is_the_lead_in_a_sorted_row(n_classes):
    rng = np.random.default_rng(n_classes)
    p = rng.integers(0, 6, size=(200, n_classes, 1)) / 8  # with ties
    ordered = np.sort(p[..., 0], axis=1)
    np.testing.assert_array_equal(F.margin(p), ordered[:, -1] - ordered[:, -2])
    p[3, -1], p[5, :2] = np.nan, np.inf
    assert np.isnan(F.margin(p)[[3, 5]]).all()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("n_samples", [1, 5000])
def test_inputs_stay_as_they_are_whatever_the_number_of_samples(score, n_samples):
    p = draw((3, 4, n_samples), dtype=np.float32)
    before = p.copy()
    p.flags.writeable = False
    scores = score(p)
    np.testing.assert_array_equal(p, before)
    np.testing.assert_allclose(scores, score(p.astype(np.float64)), rtol=1e-5, atol=1e-6)
