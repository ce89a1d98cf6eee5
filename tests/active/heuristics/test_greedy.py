import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.active.heuristics.greedy import select_batch
from tests.active.heuristics.test_joint_entropy import draw, exact_information

TIE = 1e-9


def choose(pool, n, budget=10**5, seed=0, **arguments):
    return select_batch(pool, n, budget, np.random.default_rng(seed), **arguments)


def exact_greedy(pool, n, pending=()):
    """Every candidate's joint information by enumeration, at every step."""
    batch, gains = [], []
    for _ in range(n):
        chosen = [*pending, *pool[batch]]
        before = exact_information(np.array(chosen)) if chosen else 0.0
        left = [i for i in range(len(pool)) if i not in batch]
        new = np.array([exact_information(np.array([*chosen, pool[i]])) - before for i in left])
        best = int(np.argmax(new >= new.max() - TIE))
        batch.append(left[best])
        gains.append(new[best])
    return batch, gains


@given(st.integers(2, 3), st.integers(2, 5), st.integers(0, 10**6), st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_the_batch_is_that_of_exact_greedy(n_classes, n_samples, seed, n_pending):
    pool = draw((6, n_classes, n_samples), seed)
    pending = draw((n_pending, n_classes, n_samples), seed + 1)
    expected, gains = exact_greedy(pool, 3, list(pending))
    got, got_gains = choose(pool, 3, pending=pending)
    assert got.tolist() == expected
    np.testing.assert_allclose(got_gains, gains, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_lazy_is_eager(dtype, seed):
    pool = draw((300, 3, 6), seed).astype(dtype)
    lazy, gains = choose(pool, 6, 3**6)
    eager, eager_gains = choose(pool, 6, 3**6, lazy=False)
    assert lazy.tolist() == eager.tolist()
    np.testing.assert_allclose(gains, eager_gains, rtol=0, atol=1e-12)
    assert (np.diff(gains) <= TIE).all()


def test_lazy_on_drawn_configurations_gains_as_much_as_eager():
    pool = draw((500, 4, 20), 5, scale=0.7)
    for seed in range(3):
        lazy, _ = choose(pool, 8, 500, seed)
        eager, _ = choose(pool, 8, 500, seed, lazy=False)
        ours, theirs = (choose(pool[list(b)], 8, 4**8)[1].sum() for b in (lazy, eager))
        assert ours >= 0.99 * theirs


def test_copies_of_an_item_wait_for_their_turn():
    pool = np.repeat(draw((5, 3, 8), 2, scale=1.0), 4, axis=0)
    batch, gains = choose(pool, 20)
    assert sorted(batch) == list(range(20))
    # Until nothing is left to learn, the lowest index of copies comes first.
    useful = batch[gains > 1e-5]
    for i, item in enumerate(useful):
        copies = {item // 4 * 4 + j for j in range(item % 4)}
        assert copies <= set(useful[:i])
    expected, _ = exact_greedy(pool, 4)
    assert batch[:4].tolist() == expected


def test_never_below_the_top_of_bald_on_a_pool_with_copies():
    for seed in range(5):
        pool = np.repeat(draw((6, 2, 6), seed), 3, axis=0)
        bald = np.array([exact_information(item[None]) for item in pool])
        top = np.argsort(-bald, kind="stable")[:4]
        batch, gains = choose(pool, 4)
        ours, theirs = exact_information(pool[batch]), exact_information(pool[top])
        assert ours >= theirs + 0.01
        assert gains.sum() == pytest.approx(ours, abs=1e-9)


def test_what_is_broken_is_never_chosen():
    pool = draw((5, 3, 4))
    pool[1, 0, 0], pool[3] = np.nan, np.inf
    assert sorted(choose(pool, 5)[0]) == [0, 2, 4]
    assert choose(np.full((2, 2, 3), np.nan), 2)[0].tolist() == []


def test_nothing_to_learn():
    pool = np.repeat(draw((6, 3, 1)), 4, axis=2)  # all samples alike
    batch, gains = choose(pool, 4)
    assert batch.tolist() == [0, 1, 2, 3]
    assert gains.tolist() == [0] * 4


def test_two_samples_hold_no_more_than_one_bit():
    for n_draw in (16, 10**4):
        pool = draw((200, 2, 2), scale=4).astype(np.float32)
        batch, gains = choose(pool, 100, n_draw)
        assert len(set(batch)) == 100
        assert gains.sum() <= np.log(2) + 1e-6
        assert (gains >= 0).all()


@pytest.mark.parametrize("n", [0, 1])
def test_small_pools(n):
    assert choose(draw((n, 3, 4)), 3)[0].tolist() == list(range(n))
    assert choose(draw((3, 3, 4)), 0)[0].tolist() == []


def test_what_little_the_first_label_leaves_still_decides_the_order():
    # The first item tells all samples apart but for a little doubt about the first two; the second
    # tells only the third from these, which is known by then; the last one adds to what is not.
    e = 5e-5
    teacher = np.array([[1 - e, e, 0], [e, 1 - e, 0], [0, 0, 1]])
    known = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    other = np.array([[0.85, 0.15, 0.5], [0.15, 0.85, 0.5], [0.0, 0.0, 0.0]])
    pool = np.stack([teacher, known, other])
    expected, expected_gains = exact_greedy(pool, 2)
    assert expected == [0, 2]
    batch, gains = choose(pool, 2)
    assert batch.tolist() == expected
    np.testing.assert_allclose(gains, expected_gains, rtol=1e-6)
    assert gains[1] > 1e-5


@given(st.integers(2, 4), st.integers(2, 8), st.integers(0, 10**6), st.floats(0.005, 2))
@settings(max_examples=30, deadline=None)
def test_gains_are_exact_for_items_that_are_nearly_sure_too(n_classes, n_samples, seed, spread):
    rng = np.random.default_rng(seed)
    pool = rng.dirichlet([spread] * n_classes, size=(6, n_samples)).transpose(0, 2, 1)
    batch, gains = choose(pool, 3)
    for n in range(1, 4):  # what is less than 1e-6 may be given as nothing
        assert gains[:n].sum() == pytest.approx(exact_information(pool[batch[:n]]), abs=3e-6)
