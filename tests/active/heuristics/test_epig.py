import numpy as np
import pytest

from baal.active.heuristics.epig import EPIG, GaussianEPIG
from baal.active.heuristics.information import (
    gaussian_predictive_information,
    predictive_information,
)
from baal.exceptions import InvalidArgumentError
from tests.active.heuristics.test_joint_entropy import draw

POOL, TARGETS = draw((6, 3, 4)), draw((5, 3, 4), 1)


def literal(p, q):
    """`E_* sum_y sum_y* p(y, y*) ln p(y, y*) / (p(y) p(y*))`, term by term."""
    scores = np.zeros(len(p))
    for i, item in enumerate(p):
        for target in q:
            for y in range(len(item)):
                for y_ in range(len(target)):
                    joint = (item[y] * target[y_]).mean()
                    if joint > 0:
                        ratio = joint / (item[y].mean() * target[y_].mean())
                        scores[i] += joint * np.log(ratio) / len(q)
    return scores


def literal_gaussian(p, q):
    scores = np.zeros(len(p))
    for i, item in enumerate(p):
        for target in q:
            covariance = np.cov(item[0], target[0], bias=True)
            covariance += np.diag([item[1].mean(), target[1].mean()])
            # Mutual information of two Gaussians, from the determinants.
            ratio = np.linalg.det(covariance) / (covariance[0, 0] * covariance[1, 1])
            scores[i] -= 0.5 * np.log(ratio) / len(q)
    return scores


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_scores_are_those_of_the_formula(n_classes, monkeypatch):
    p, q = draw((6, n_classes, 7)), draw((9, n_classes, 7), 1)
    p[0, :, 0] = np.eye(n_classes)[0]  # zeros
    expected = literal(p, q)
    np.testing.assert_allclose(predictive_information(p, q), expected, atol=1e-12)
    got = predictive_information(p.astype("f4"), q.astype("f4"))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    monkeypatch.setattr("baal.active.heuristics.information.BLOCK_ELEMENTS", 30)
    np.testing.assert_allclose(predictive_information(p, q), expected, atol=1e-12)


def test_a_bernoulli_has_two_outcomes():
    p, q = draw((6, 2, 7)), draw((9, 2, 7), 1)
    got = predictive_information(p[:, :1], q[:, :1])
    np.testing.assert_allclose(got, literal(p, q), atol=1e-12)


def test_gaussians(monkeypatch):
    rng = np.random.default_rng(0)
    p, q = (
        np.stack([rng.normal(size=(n, 6)), rng.uniform(0.1, 2, size=(n, 6))], 1) for n in (7, 4)
    )
    expected = literal_gaussian(p, q)
    np.testing.assert_allclose(gaussian_predictive_information(p, q), expected, atol=1e-12)
    monkeypatch.setattr("baal.active.heuristics.information.BLOCK_ELEMENTS", 8)
    np.testing.assert_allclose(gaussian_predictive_information(p, q), expected, atol=1e-12)
    ranks, scores = GaussianEPIG(log_variance=False).get_ranks(iter(np.split(p, 3 * [2])), q)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    assert ranks.tolist() == np.argsort(-expected).tolist()
    # As GaussianBALD does, it takes logarithms of variances unless it is told otherwise.
    for array in (p, q):
        array[:, 1] = np.log(array[:, 1])
    np.testing.assert_allclose(GaussianEPIG().get_uncertainties(p, q), expected, atol=1e-12)


def test_several_gaussian_outputs_are_summed():
    p, q = draw((6, 4, 5)), draw((3, 4, 5), 1)  # D = 2: means 0 and 1, variances 2 and 3
    expected = literal_gaussian(p[:, 0::2], q[:, 0::2]) + literal_gaussian(p[:, 1::2], q[:, 1::2])
    np.testing.assert_allclose(gaussian_predictive_information(p, q), expected, atol=1e-12)


def test_a_negative_variance_is_broken():
    p = np.array([[[-1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [1.0, -0.5]]])
    heuristic = GaussianEPIG(log_variance=False)
    with pytest.warns(RuntimeWarning, match="got 1 of 2 that are not"):
        ranks, scores = heuristic.get_ranks(p, p[:1])
    assert ranks.tolist() == [0, 1]
    assert np.isnan(scores[1])
    with pytest.raises(InvalidArgumentError, match="values that have no score in GaussianEPIG"):
        heuristic(p, p)


def test_gaussians_without_variance_tell_nothing_and_without_noise_everything():
    still, certain = [[1.0, 1.0], [0.0, 0.0]], [[-1.0, 1.0], [0.0, 0.0]]
    assert gaussian_predictive_information([still], [still]).tolist() == [0.0]
    assert gaussian_predictive_information([certain], [certain]).tolist() == [np.inf]
    with pytest.raises(InvalidArgumentError, match=r"\[N, 2 D, K\], each sample's means and "):
        gaussian_predictive_information(draw((3, 3, 2)), draw((3, 3, 2)))
    with pytest.raises(InvalidArgumentError, match=r"GaussianEPIG to be \[N, 2 D, "):
        GaussianEPIG()(draw((3, 3, 2)), draw((3, 3, 2)))


def test_arrays_and_batches_of_either():
    expected = literal(POOL, TARGETS)
    for pool in (POOL, iter(np.split(POOL, 3)), np.log(POOL) - 1):
        for targets in (TARGETS, iter(np.split(TARGETS, [2])), np.log(TARGETS) + 1):
            ranks, scores = EPIG().get_ranks(pool, targets)
            np.testing.assert_allclose(scores, expected, atol=1e-12)
            assert ranks.tolist() == np.argsort(-expected).tolist()
            if not isinstance(pool, np.ndarray):
                break  # it is used up
    np.testing.assert_allclose(EPIG().compute_score(POOL, TARGETS), expected, atol=1e-12)
    assert EPIG(reverse=False).reversed


@pytest.mark.parametrize("pool", [POOL, np.log(POOL) - 1])
@pytest.mark.parametrize("targets", [TARGETS, np.log(TARGETS) + 1])
def test_pool_and_targets_are_read_each_as_what_they_are(pool, targets):
    for given in (pool, iter(np.split(pool, 3))):
        scores = EPIG().get_uncertainties(given, targets)
        np.testing.assert_allclose(scores, literal(POOL, TARGETS), atol=1e-12)


def test_without_targets_the_pool_is_the_target(monkeypatch):
    expected = literal(POOL, POOL)
    for given_as in (POOL, iter(np.split(POOL, 2))):
        np.testing.assert_allclose(EPIG().get_uncertainties(given_as), expected, atol=1e-12)
    monkeypatch.setattr("baal.active.heuristics.epig.MAX_DEFAULT_TARGETS", 3)
    expected = literal(POOL, POOL[[0, 2, 4]])
    np.testing.assert_allclose(EPIG().get_uncertainties(POOL), expected, atol=1e-12)


def test_a_broken_item_breaks_no_other():
    pool = np.concatenate([POOL, POOL[:1] * np.nan])
    with pytest.warns(RuntimeWarning, match="1 of 7"):
        ranks, scores = EPIG().get_ranks(pool)
    np.testing.assert_allclose(scores[:-1], literal(POOL, POOL), atol=1e-12)
    assert ranks[-1] == 6


def test_an_empty_pool():
    assert EPIG().get_ranks(POOL[:0], TARGETS)[1].shape == (0,)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (TARGETS[:, :2], r"like those of `predictions`, \(3, 4\), .*got shape \(5, 2, 4\)"),
        (TARGETS[:0], "at least one item"),
        (TARGETS * np.nan, "values that are not finite"),
    ],
)
def test_targets_that_do_not_fit(targets, message):
    with pytest.raises(InvalidArgumentError, match=message):
        EPIG()(POOL, targets)


def test_functions_check_their_shapes():
    with pytest.raises(InvalidArgumentError, match=r"got shapes \(6, 3, 4\) and \(0, 3, 4\)"):
        predictive_information(POOL, TARGETS[:0])
