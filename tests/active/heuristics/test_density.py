import numpy as np
import pytest

from baal.active.heuristics import (
    BALD,
    EPIG,
    CoreSet,
    DensityWeighted,
    Entropy,
    Margin,
    PowerSampling,
    Precomputed,
    Random,
    get_heuristic,
)
from baal.active.heuristics.density import check_similarity
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from tests.active.heuristics.test_joint_entropy import draw
from tests.active.heuristics.test_similarity import literal_similarities

X = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("base", [Entropy, BALD, EPIG])
def test_scores_times_density_to_a_power(similarity, beta, base):
    pool = draw((40, 3, 8))
    density = literal_similarities(X, X, similarity, scale=2.0).mean(axis=1)
    expected = base().get_uncertainties(pool) * density**beta
    heuristic = DensityWeighted(base(), beta, similarity, scale=2.0)
    ranks, scores = heuristic.get_ranks(pool, embeddings=X)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(scores[ranks], np.sort(scores)[::-1])
    np.testing.assert_array_equal(heuristic.compute_score(pool, embeddings=X), scores)
    np.testing.assert_array_equal(heuristic.get_uncertainties(iter([pool]), embeddings=X), scores)


@pytest.mark.parametrize(
    ("reverse", "given", "expected"),
    [
        (True, [0.5, 0.0, 2.0], [0.5, 0.0, 2.0]),
        (True, [0.5, -1.0, 2.0], [1.5, 0.0, 3.0]),  # entropies of densities
        (False, [0.5, 0.0, 1.0], [0.5, 1.0, 0.0]),
        (False, [0.5, 0.0, 3.0], [2.5, 3.0, 0.0]),
        (False, [-0.5, -1.0, -2.0], [1.5, 2.0, 3.0]),
    ],
)
def test_uncertain_is_high_and_never_below_zero(reverse, given, expected):
    alike = np.ones((3, 2))  # all densities are one
    scores = DensityWeighted(Precomputed(reverse=reverse)).get_uncertainties(
        given, embeddings=alike
    )
    np.testing.assert_allclose(scores, expected)
    assert DensityWeighted(Precomputed(reverse=reverse)).reversed


def test_without_density_the_ranks_are_the_others():
    pool = draw((40, 3, 8))
    for base in (Margin(), Entropy(), BALD()):
        assert DensityWeighted(base, 0)(pool, embeddings=X).tolist() == base(pool).tolist()


def test_a_part_of_the_pool_stands_for_it():
    pool = draw((40, 3, 8))
    rng = np.random.default_rng(7)
    some = rng.choice(40, 10, replace=False)
    density = literal_similarities(X, X[some], "rbf", scale=1.0).mean(axis=1)
    heuristic = DensityWeighted(Entropy(), similarity="rbf", scale=1.0, n_references=10, seed=7)
    expected = Entropy().get_uncertainties(pool) * density
    np.testing.assert_allclose(heuristic.get_uncertainties(pool, embeddings=X), expected)
    everything = DensityWeighted(Entropy(), similarity="rbf", n_references=40)
    np.testing.assert_array_equal(
        everything.get_uncertainties(pool, embeddings=X),
        DensityWeighted(Entropy(), similarity="rbf").get_uncertainties(pool, embeddings=X),
    )


def test_broken_items_have_no_density_and_lend_none():
    pool, x = draw((40, 3, 8)), X.copy()
    pool[3], x[9, 1] = np.nan, np.inf
    whole = np.delete(np.arange(40), [3, 9])
    expected = DensityWeighted(Entropy()).get_uncertainties(pool[whole], embeddings=x[whole])
    with pytest.warns(RuntimeWarning, match="got 2 of 40 that are not"):
        ranks, scores = DensityWeighted(Entropy()).get_ranks(pool, embeddings=x)
    np.testing.assert_allclose(scores[whole], expected)
    assert ranks[-2:].tolist() == [3, 9]


def test_drawing_by_it():
    pool = draw((40, 3, 8))
    base = DensityWeighted(Entropy())
    heuristic = PowerSampling(base, 5, 1e-6, seed=0)
    assert heuristic.needs_embeddings
    ranks, scores = base.get_ranks(pool, embeddings=X)
    got, got_scores = heuristic.get_ranks(pool, embeddings=X)
    assert got.tolist() == ranks.tolist()
    np.testing.assert_array_equal(got_scores, scores)


def test_chance_weighted_by_density_is_chance():
    heuristic = DensityWeighted(Random(seed=1))
    assert heuristic.is_random
    assert not heuristic.needs_predictions
    first = heuristic(np.zeros((40, 1)), embeddings=X).tolist()
    assert heuristic(np.zeros((40, 1)), embeddings=X).tolist() != first


def test_arguments():
    heuristic = get_heuristic("density_weighted", base_heuristic="margin", beta=2, mode="logits")
    assert type(heuristic.base_heuristic) is Margin
    assert (heuristic.beta, heuristic.mode, heuristic.base_heuristic.mode) == (
        2.0,
        "logits",
        "logits",
    )
    with pytest.raises(InvalidArgumentError, match="`beta` to be 0 or more, and finite"):
        DensityWeighted(Entropy(), -1)
    with pytest.raises(InvalidArgumentError, match="`n_references` to be 1 or more, but got 0"):
        DensityWeighted(Entropy(), n_references=0)
    with pytest.raises(InvalidArgumentError, match=r"`similarity` to be one of .*, but got 'dot'"):
        check_similarity("dot", None)
    with pytest.raises(InvalidArgumentError, match="`scale` to be above 0, but got 0"):
        check_similarity("rbf", 0)
    with pytest.raises(InvalidTypeError, match="`scale` to be a number"):
        check_similarity("rbf", "wide")
    for base in (CoreSet(2), PowerSampling(Entropy(), 2)):
        with pytest.raises(InvalidArgumentError, match="to rank items by their scores alone"):
            DensityWeighted(base)
    with pytest.raises(InvalidTypeError, match="`base_heuristic` to be a heuristic"):
        DensityWeighted(Entropy)
