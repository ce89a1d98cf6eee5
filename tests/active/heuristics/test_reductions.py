import pickle

import numpy as np
import pytest

from baal.active.heuristics.reductions import (
    available_reductions,
    find_reduction,
    quantile,
    reduce_valid,
    top_k_mean,
)
from baal.exceptions import InvalidArgumentError

SCORES = np.array([[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("max", [6, 4]), ("min", [1, 0]), ("mean", [3, 1]), ("sum", [12, 4])],
)
def test_reductions(name, expected):
    assert find_reduction(name)(SCORES).tolist() == expected
    assert find_reduction(name)(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_none_and_callables():
    assert find_reduction("none")(SCORES) is SCORES

    def corner(scores):
        return scores[:, 0, 0]

    assert find_reduction(corner) is corner
    assert sorted(available_reductions) == [
        "max", "mean", "min", "none", "quantile", "sum", "top_k_mean"
    ]  # fmt: skip


def test_unknown_name():
    with pytest.raises(InvalidArgumentError, match=r"one of \['max', .*\], but got 'median'"):
        find_reduction("median")


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize(("k", "taken"), [(1, 1), (3, 3), (99, 40), (0.1, 4), (0.11, 5), (1.0, 40)])
def test_top_k_mean(k, taken, lowest):
    scores = np.random.default_rng(0).normal(size=(6, 5, 8))
    expected = [np.mean(sorted(item.ravel(), reverse=not lowest)[:taken]) for item in scores]
    np.testing.assert_allclose(top_k_mean(k, lowest=lowest)(scores), expected, rtol=1e-13)
    scores[2, 0, 0] = np.nan
    assert np.flatnonzero(np.isnan(top_k_mean(k, lowest=lowest)(scores))).tolist() == [2]


def test_numbers_of_numpy():
    assert top_k_mean(np.float32(0.5)) == top_k_mean(0.5)
    assert top_k_mean(np.int64(3)) == top_k_mean(3)
    assert quantile(np.float32(0.5)) == quantile(0.5)


@pytest.mark.parametrize("q", ["0.5", None, -0.1, np.nan])
def test_no_such_q(q):
    with pytest.raises(InvalidArgumentError, match="Expected `q` to be a number from 0 to 1"):
        quantile(q)


@pytest.mark.parametrize("k", [0, -1, 0.0, 1.5, True, "3"])
def test_no_such_k(k):
    with pytest.raises(InvalidArgumentError, match="Expected `k` to be a number of scores"):
        top_k_mean(k)


def test_quantile():
    scores = np.random.default_rng(0).normal(size=(6, 5, 8))
    assert quantile(0)(scores).tolist() == scores.min(axis=(1, 2)).tolist()
    assert quantile(1)(scores).tolist() == scores.max(axis=(1, 2)).tolist()
    np.testing.assert_allclose(quantile(0.5)(scores), np.median(scores, axis=(1, 2)))
    np.testing.assert_allclose(find_reduction("quantile")(scores), quantile(0.9)(scores))
    with pytest.raises(InvalidArgumentError, match=r"from 0 to 1, but got 1\.5"):
        quantile(1.5)


def test_reductions_travel_between_processes():
    for reduction in (top_k_mean(3, lowest=True), quantile(0.25)):
        assert pickle.loads(pickle.dumps(reduction)) == reduction


def test_valid_positions_alone():
    valid = np.array([[[1, 0], [1, 0]], [[0, 0], [0, 1]]], bool)
    assert reduce_valid(SCORES, valid, "mean").tolist() == [2, 4]
    by_class = np.stack([SCORES, SCORES + 10], axis=1)  # [N, C, ...]
    assert reduce_valid(by_class, valid, "max").tolist() == [13, 14]
    kept = reduce_valid(SCORES, valid, "none")
    assert np.isnan(kept[~valid]).all()
    assert (kept[valid] == SCORES[valid]).all()
    one_position = reduce_valid(np.array([1.0, 2.0]), np.array([True, False]), "mean")
    np.testing.assert_array_equal(one_position, [1, np.nan])
