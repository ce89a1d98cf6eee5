import numpy as np
import pytest

from baal.active.heuristics import TypiClust, functional, get_heuristic
from baal.exceptions import InvalidArgumentError


def test_the_batch_comes_first_and_the_rest_by_how_typical_they_are():
    rng = np.random.default_rng(0)
    x, labelled = rng.normal(size=(90, 3)), rng.normal(size=(5, 3))
    expected = functional.typical_of_clusters(
        x, 6, labelled, max_clusters=9, n_neighbours=4, seed=2
    )
    heuristic = TypiClust(6, max_clusters=9, n_neighbours=4, seed=2)
    ranks, scores = heuristic.get_ranks(embeddings=x, labelled_embeddings=labelled)
    assert ranks[:6].tolist() == expected[0].tolist()
    np.testing.assert_array_equal(scores, expected[2])
    np.testing.assert_array_equal(scores[ranks[6:]], np.sort(scores[ranks[6:]])[::-1])


def test_dense_places_come_first_and_those_with_a_label_last():
    rng = np.random.default_rng(0)
    places = np.repeat([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0]], [40, 30, 20], axis=0)
    x = places + rng.normal(size=(90, 2))
    ranks = TypiClust(3)(embeddings=x)
    assert [tuple(places[i]) for i in ranks[:3]] == [(0, 0), (30, 0), (0, 30)]
    ranks = TypiClust(2)(embeddings=x, labelled_embeddings=[[0.5, 0.5]])
    assert [tuple(places[i]) for i in ranks[:2]] == [(30, 0), (0, 30)]
    nobody = np.zeros((0, 2))
    again = TypiClust(2)(embeddings=x, labelled_embeddings=nobody)
    assert again.tolist() == TypiClust(2)(embeddings=x).tolist()


def test_a_seed_is_of_the_clusters():
    x = np.random.default_rng(0).normal(size=(200, 3))
    assert TypiClust(9)(embeddings=x).tolist() == TypiClust(9, seed=0)(embeddings=x).tolist()
    assert TypiClust(9)(embeddings=x).tolist() != TypiClust(9, seed=1)(embeddings=x).tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_dtypes(dtype):
    x = np.random.default_rng(0).integers(-50, 50, size=(90, 3))
    expected = TypiClust(5).get_ranks(embeddings=x.astype(np.float64))
    got = TypiClust(5).get_ranks(embeddings=x.astype(dtype))
    assert got[0][:5].tolist() == expected[0][:5].tolist()
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-5)


def test_arguments():
    assert get_heuristic("typiclust", query_size=3, n_neighbours=7).n_neighbours == 7
    with pytest.raises(InvalidArgumentError, match="`max_clusters` to be 1 or more, but got 0"):
        TypiClust(3, max_clusters=0)
    with pytest.raises(InvalidArgumentError, match="`n_neighbours` to be 1 or more, but got 0"):
        TypiClust(3, n_neighbours=0)
