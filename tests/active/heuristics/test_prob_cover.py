import numpy as np
import pytest

from baal.active.heuristics import ProbCover, functional, get_heuristic
from baal.exceptions import InvalidArgumentError, InvalidTypeError


@pytest.mark.parametrize("radius", [None, 0.8])
def test_the_batch_comes_first_and_the_rest_by_what_it_could_cover(radius):
    rng = np.random.default_rng(0)
    x, labelled = rng.normal(size=(90, 3)), rng.normal(size=(5, 3))
    labels = functional.k_means(x, 6, seed=2)
    spread = functional.cluster_spread(x, labels)
    used = radius or max(functional.pure_radius(x, labels), spread)
    expected = functional.ball_cover(x, 6, used, labelled)
    heuristic = ProbCover(6, radius, n_classes=6, seed=2)
    ranks, scores = heuristic.get_ranks(embeddings=x, labelled_embeddings=labelled)
    assert ranks[:6].tolist() == expected[0].tolist()
    assert scores[ranks[:6]].tolist() == expected[1].tolist()
    rest = ranks[6:]
    assert scores[rest].tolist() == np.sort(expected[2][rest])[::-1].tolist()


def test_outliers_are_left_alone_and_labelled_items_cover():
    rng = np.random.default_rng(0)
    places = np.repeat([[0.0, 0.0], [30.0, 0.0]], [40, 30], axis=0)
    x = np.concatenate([[[90.0, 90.0]], places + rng.normal(size=(70, 2))])
    ranks, scores = ProbCover(3, radius=6.0).get_ranks(embeddings=x)
    assert scores[ranks[:3]].tolist() == [40, 30, 1]
    assert ranks[2] == 0
    covered = ProbCover(1, radius=6.0).get_ranks(embeddings=x, labelled_embeddings=[[0.0, 0.0]])
    assert covered[1][covered[0][0]] == 30


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_dtypes(dtype):
    x = np.random.default_rng(0).integers(-50, 50, size=(90, 3))
    expected = ProbCover(5).get_ranks(embeddings=x.astype(np.float64))
    got = ProbCover(5).get_ranks(embeddings=x.astype(dtype))
    assert got[0][:5].tolist() == expected[0][:5].tolist()
    assert got[1].tolist() == expected[1].tolist()


def test_the_radius_reaches_to_the_gap_between_clusters_or_as_far_as_they_spread():
    rng = np.random.default_rng(0)
    places = np.repeat(20 * np.eye(4), 25, axis=0)
    apart = places + rng.uniform(-1, 1, size=(100, 4))
    ranks, scores = ProbCover(5, n_classes=4).get_ranks(embeddings=apart)
    assert len({tuple(places[i]) for i in ranks[:4]}) == 4
    assert scores[ranks[:4]].sum() == 100
    assert scores[ranks[4]] == 0
    labels = functional.k_means(apart, 4)
    assert functional.pure_radius(apart, labels) > 10 * functional.cluster_spread(apart, labels)
    one = rng.normal(size=(100, 4))
    labels = functional.k_means(one, 4)
    assert functional.pure_radius(one, labels) < functional.cluster_spread(one, labels)


def test_pools_in_which_all_is_the_same():
    ranks, scores = ProbCover(2).get_ranks(embeddings=np.ones((4, 3)))
    assert ranks.tolist() == [0, 1, 2, 3]
    assert scores.tolist() == [4, 0, 0, 0]
    assert ProbCover(2)(embeddings=np.ones((1, 3))).tolist() == [0]


def test_arguments():
    assert get_heuristic("prob_cover", radius=2).radius == 2.0
    with pytest.raises(InvalidArgumentError, match="`radius` to be 0 or more, and finite, but got"):
        ProbCover(3, radius=-1.0)
    with pytest.raises(InvalidTypeError, match="`radius` to be a number, but got 'large'"):
        ProbCover(3, radius="large")
    with pytest.raises(InvalidArgumentError, match="`n_classes` to be 1 or more"):
        ProbCover(3, n_classes=0)
