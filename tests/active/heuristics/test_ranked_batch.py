import numpy as np
import pytest

from baal.active.heuristics import (
    BALD,
    BatchBALD,
    Entropy,
    Margin,
    PowerSampling,
    RankedBatch,
    get_heuristic,
)
from baal.exceptions import InvalidArgumentError
from tests.active.heuristics.test_joint_entropy import draw
from tests.active.heuristics.test_similarity import literal_batch

RNG = np.random.default_rng(0)
X, LABELLED = RNG.normal(size=(40, 3)), RNG.normal(size=(60, 3))


@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
@pytest.mark.parametrize("base", [Entropy, Margin, BALD])
@pytest.mark.parametrize("labelled", [None, LABELLED])
def test_the_batch_comes_first_and_the_rest_by_the_same_formula(similarity, base, labelled):
    pool = draw((40, 3, 8))
    s = base().get_uncertainties(pool) * (1 if base().reversed else -1)
    u = (s - s.min()) / (s.max() - s.min())
    known = X[:0] if labelled is None else labelled
    expected = literal_batch(X, u, 9, known, similarity)
    heuristic = RankedBatch(base(), 9, similarity, scale=1.0)
    ranks, scores = heuristic.get_ranks(pool, embeddings=X, labelled_embeddings=labelled)
    assert ranks[:9].tolist() == expected[0]
    np.testing.assert_allclose(scores[ranks[:9]], expected[1], atol=1e-9)
    rest = ranks[9:]
    np.testing.assert_allclose(scores[rest], np.sort(expected[2][rest])[::-1], atol=1e-9)


def test_exploring_at_first_and_uncertain_later():
    pool = np.array([[0.5, 0.5], [0.9, 0.1]])
    x, near = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[1.0, 0.0]])
    first = RankedBatch(Entropy(), 1)(pool, embeddings=x, labelled_embeddings=near)[0]
    later = RankedBatch(Entropy(), 1)(
        pool, embeddings=x, labelled_embeddings=np.repeat(near, 50, axis=0)
    )[0]
    assert (first, later) == (1, 0)


def test_where_all_is_as_uncertain_only_similarity_counts():
    pool = np.full((40, 2), 0.5)
    ranks, scores = RankedBatch(Entropy(), 3).get_ranks(pool, embeddings=X)
    assert np.isfinite(scores).all()
    assert len(set(ranks[:3])) == 3


def test_facts():
    heuristic = RankedBatch(BALD(), 3)
    assert heuristic.needs_predictions
    assert heuristic.needs_embeddings
    assert heuristic.takes_labelled_embeddings
    assert heuristic.needs_probabilities
    assert heuristic.min_dims == 3
    assert not heuristic.ranks_by_score
    assert not heuristic.is_continuous


def test_arguments():
    heuristic = get_heuristic("ranked_batch", base_heuristic="bald", query_size=3)
    assert (type(heuristic.base_heuristic), heuristic.query_size) == (BALD, 3)
    with pytest.raises(InvalidArgumentError, match="`query_size` to be 0 or more, but got -1"):
        RankedBatch(BALD(), -1)
    with pytest.raises(InvalidArgumentError, match="but got BatchBALD, which draws them or choo"):
        RankedBatch(BatchBALD(2), 2)
    with pytest.raises(InvalidArgumentError, match="got RankedBatch, which chooses a batch: there"):
        PowerSampling(heuristic, 3)
