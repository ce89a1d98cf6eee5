import numpy as np
import pytest

from baal.active.heuristics import BALD, BatchBALD
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from tests.active.heuristics.test_greedy import exact_greedy
from tests.active.heuristics.test_joint_entropy import draw

POOL = draw((8, 3, 5), 7)


def test_ranks_are_the_batch_and_then_the_rest_by_bald():
    batch, gains = exact_greedy(POOL, 3)
    bald = BALD().get_uncertainties(POOL)
    rest = [i for i in np.argsort(-bald) if i not in batch]
    for given_as in (POOL, [POOL], iter(np.split(POOL, [1, 4])), POOL.tolist()):
        ranks, scores = BatchBALD(3).get_ranks(given_as)
        assert ranks.tolist() == batch + rest
        np.testing.assert_allclose(scores[batch], gains, atol=1e-9)
        np.testing.assert_allclose(scores[rest], bald[rest], atol=1e-12)
    assert BatchBALD(3)(POOL).tolist() == batch + rest
    assert BatchBALD(3).compute_score(POOL).tolist() == scores.tolist()


def test_logits_are_read_as_one_with_what_is_pending():
    logits = np.log(POOL) + 3
    ranks, scores = BatchBALD(2).get_ranks(POOL[2:], pending_predictions=POOL[:2])
    batch, gains = exact_greedy(POOL[2:], 2, list(POOL[:2]))
    assert ranks[:2].tolist() == batch
    np.testing.assert_allclose(scores[batch], gains, atol=1e-9)
    for pending in (logits[:2], iter([logits[:1], logits[1:2]])):
        again, _ = BatchBALD(2).get_ranks(logits[2:], pending_predictions=pending)
        assert again.tolist() == ranks.tolist()
    without, _ = BatchBALD(2).get_ranks(POOL[2:])
    nothing, _ = BatchBALD(2).get_ranks(POOL[2:], pending_predictions=POOL[:0])
    assert nothing.tolist() == without.tolist()


def test_a_batch_above_the_pool_is_the_pool():
    ranks, scores = BatchBALD(50).get_ranks(POOL)
    expected, gains = exact_greedy(POOL, 6)
    assert ranks[:6].tolist() == expected
    np.testing.assert_allclose(scores[expected], gains, atol=1e-6)


def test_no_batch_is_bald():
    ranks, scores = BatchBALD(0).get_ranks(POOL)
    bald_ranks, bald = BALD().get_ranks(POOL)
    assert ranks.tolist() == bald_ranks.tolist()
    np.testing.assert_allclose(scores, bald, atol=1e-12)


def test_one_column_has_two_outcomes():
    p = draw((7, 2, 6))
    ranks, scores = BatchBALD(3).get_ranks(p)
    got_ranks, got = BatchBALD(3).get_ranks(p[:, :1])
    assert got_ranks.tolist() == ranks.tolist()
    np.testing.assert_allclose(got, scores, atol=1e-12)


def test_half_precision():
    pool = draw((30, 3, 8), 1, 1.0).astype(np.float16)
    expected = BatchBALD(4).get_ranks(pool.astype(np.float64), None)
    got = BatchBALD(4).get_ranks(pool)
    assert got[0][:4].tolist() == expected[0][:4].tolist()
    np.testing.assert_allclose(got[1], expected[1], atol=1e-6)


def test_draws_come_from_the_seed_and_are_the_same_at_each_call():
    pool = draw((60, 4, 40), 3, 0.6)
    heuristic = BatchBALD(8, num_draw=20, seed=5)
    first = heuristic.get_ranks(pool)[1].tolist()
    state = np.random.get_state()[1].tolist()
    assert heuristic.get_ranks(pool)[1].tolist() == first
    assert np.random.get_state()[1].tolist() == state
    assert BatchBALD(8, num_draw=20, seed=6).get_ranks(pool)[1].tolist() != first
    assert (
        BatchBALD(8, num_draw=20).get_ranks(pool)[1].tolist()
        == BatchBALD(8, num_draw=20, seed=0).get_ranks(pool)[1].tolist()
    )


def test_broken_items_rank_behind_the_rest():
    pool = POOL.copy()
    pool[2] = np.nan
    with pytest.warns(RuntimeWarning, match=r"1 of 8 .*item 2"):
        ranks, scores = BatchBALD(2).get_ranks(pool)
    assert ranks[-1] == 2
    assert np.isnan(scores[2])


def test_shuffled_ranks_are_a_permutation():
    with pytest.warns(DeprecationWarning, match="shuffle_prop"):
        heuristic = BatchBALD(2, shuffle_prop=1.0, seed=0)
    ranks = heuristic(POOL).tolist()
    assert sorted(ranks) == list(range(8))
    assert ranks != BatchBALD(2)(POOL).tolist()


@pytest.mark.parametrize("bad", [True, 2.0, None, "3", np.bool_(1)])
def test_numbers_that_are_not_whole(bad):
    with pytest.raises(InvalidTypeError, match="Expected `num_samples` to be an int"):
        BatchBALD(bad)


def test_numbers_that_are_too_small():
    with pytest.raises(InvalidArgumentError, match="`num_samples` to be 0 or more, but got -1"):
        BatchBALD(-1)
    with pytest.raises(InvalidArgumentError, match="`num_draw` to be 1 or more, but got 0"):
        BatchBALD(1, 0)


def test_one_position_an_item():
    with pytest.raises(InvalidArgumentError, match=r"\[N, C, K\], with one position .* \(2, 3, 4"):
        BatchBALD(1)(np.zeros((2, 3, 4, 5)))
    assert BatchBALD(3)(POOL[:, :, None, None]).tolist() == BatchBALD(3)(POOL).tolist()


def test_what_is_pending_fits_the_pool():
    with pytest.raises(InvalidArgumentError, match=r"like those of `predictions`, \(3, 5\)"):
        BatchBALD(1).get_ranks(POOL, pending_predictions=POOL[..., :4])
    with pytest.raises(InvalidArgumentError, match="`pending_predictions` to be finite"):
        BatchBALD(1).get_ranks(POOL, pending_predictions=POOL[:1] * np.nan)
