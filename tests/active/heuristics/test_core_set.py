import numpy as np
import pytest

from baal.active.heuristics import CoreSet, functional, get_heuristic
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def test_the_batch_comes_first_and_the_rest_by_distance():
    rng = np.random.default_rng(0)
    x, labelled = rng.normal(size=(30, 3)), rng.normal(size=(5, 3))
    indices, gains, distances = functional.k_center(x, 6, labelled)
    ranks, scores = CoreSet(6).get_ranks(embeddings=x, labelled_embeddings=labelled)
    assert ranks[:6].tolist() == indices.tolist()
    np.testing.assert_array_equal(scores[indices], gains)
    rest = ranks[6:]
    np.testing.assert_array_equal(scores[rest], np.sort(distances[rest])[::-1])


def test_labelled_items_repel():
    x = np.array([[0.0], [1.0], [10.0]])
    assert CoreSet(1)(embeddings=x, labelled_embeddings=[[10.0]])[0] == 0
    assert CoreSet(1)(embeddings=x, labelled_embeddings=[[0.0]])[0] == 2
    nobody = np.zeros((0, 1))
    assert CoreSet(1)(embeddings=x, labelled_embeddings=nobody)[0] == CoreSet(1)(embeddings=x)[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_dtypes(dtype):
    x = np.random.default_rng(0).integers(-50, 50, size=(40, 3))
    expected = CoreSet(10).get_ranks(embeddings=x.astype(np.float64))
    got = CoreSet(10).get_ranks(embeddings=x.astype(dtype))
    assert got[0][:10].tolist() == expected[0][:10].tolist()
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-3)


def test_a_budget_beyond_the_pool_and_none():
    assert sorted(CoreSet(9)(embeddings=np.eye(3))) == [0, 1, 2]
    assert sorted(CoreSet(0)(embeddings=np.eye(3), labelled_embeddings=np.eye(3)[:1])) == [0, 1, 2]
    with pytest.raises(InvalidArgumentError, match="`query_size` to be 0 or more, but got -1"):
        CoreSet(-1)
    with pytest.raises(InvalidTypeError, match="`query_size` to be an int"):
        CoreSet(2.0)


def test_by_name():
    assert get_heuristic("core_set", query_size=3).query_size == 3
