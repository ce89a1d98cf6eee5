import numpy as np
import pytest
import torch

from baal.active.heuristics import BADGE, LCMD, BatchHeuristic, Choice, CoreSet, PoolHeuristic
from baal.exceptions import InvalidArgumentError


class Length(PoolHeuristic):
    needs_predictions = False
    needs_embeddings = True

    def score_pool(self, pool):
        self.seen = pool
        return np.linalg.norm(pool.embeddings, axis=1)


class Sure(PoolHeuristic):
    needs_probabilities = True
    takes_labelled_predictions = True

    def score_pool(self, pool):
        self.seen = pool
        return pool.probabilities.max(axis=1)


class Backwards(BatchHeuristic):
    needs_predictions = False
    needs_embeddings = True

    def choose(self, pool, n):
        last = np.arange(pool.n_items)[::-1]
        return Choice(last[:n], np.full(n, 7.0), np.arange(pool.n_items))


X = np.array([[3.0, 4.0], [0.0, 1.0], [6.0, 8.0]])


def test_scores_and_ranks():
    ranks, scores = Length().get_ranks(embeddings=X)
    assert (ranks.tolist(), scores.tolist()) == ([2, 0, 1], [5.0, 1.0, 10.0])
    assert Length()(embeddings=X).tolist() == [2, 0, 1]
    assert Length().get_uncertainties(embeddings=torch.tensor(X)).tolist() == [5.0, 1.0, 10.0]
    assert Length().compute_score(embeddings=iter([X[:1], X[1:]])).tolist() == [5.0, 1.0, 10.0]
    assert Length(reverse=False)(embeddings=X).tolist() == [1, 0, 2]


def test_broken_items_are_left_out_and_come_last():
    x = X.copy()
    x[0, 1] = np.inf
    heuristic = Length()
    with pytest.warns(RuntimeWarning, match="got 1 of 3 that are not"):
        ranks, scores = heuristic.get_ranks(embeddings=x)
    assert ranks.tolist() == [2, 1, 0]
    assert heuristic.seen.n_items == 2
    np.testing.assert_array_equal(scores, [np.nan, 1, 10])
    with pytest.warns(RuntimeWarning, match="got 3 of 3"):
        assert Backwards(2)(embeddings=x * np.nan).tolist() == [0, 1, 2]
    with pytest.warns(RuntimeWarning, match="got 1 of 3"):
        assert Backwards(1)(embeddings=x).tolist() == [2, 1, 0]


def test_a_batch_comes_first_whatever_its_scores():
    ranks, scores = Backwards(2).get_ranks(embeddings=np.ones((5, 1)))
    assert ranks.tolist() == [4, 3, 2, 1, 0]
    assert scores.tolist() == [0, 1, 2, 7, 7]
    ranks, scores = Backwards(2).get_ranks(embeddings=np.ones((0, 1)))
    assert (len(ranks), len(scores)) == (0, 0)


def test_means_of_probabilities_and_one_decision_on_logits():
    logits = np.array([[[0.0, 4.0], [0.0, -4.0]]])
    heuristic = Sure()
    heuristic.get_ranks(logits, labelled_predictions=[[[0.5, 0.5], [0.5, 0.5]]])
    odds = 1 / (1 + np.exp(-8))
    expected = (0.5 + odds) / 2
    np.testing.assert_allclose(heuristic.seen.probabilities, [[expected, 1 - expected]])
    np.testing.assert_allclose(heuristic.seen.labelled_probabilities, [[0.5, 0.5]])
    heuristic.get_ranks([[0.2], [0.9]])
    np.testing.assert_allclose(heuristic.seen.probabilities, [[0.8, 0.2], [0.1, 0.9]])
    assert heuristic.seen.labelled_probabilities is None


def test_only_what_is_asked_for_is_looked_at():
    heuristic = Length()
    heuristic.get_ranks(np.zeros(3), embeddings=X, labelled_embeddings="read by nobody")
    assert heuristic.seen.labelled_embeddings is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (Length(), "`embeddings` to be given to Length, which needs them, but got None"),
        (lambda: Length()(np.ones((2, 1)), embeddings=X), "a row for each of the 2 items"),
        (lambda: Sure()([0.2, 0.8]), r"`predictions` for Sure to be \[N, C, .* shape \(2,\)"),
        (
            lambda: Sure()([[0.2, 0.8]], labelled_predictions=[[0.2, 0.3, 0.5]]),
            r"`labelled_predictions` to hold finite items like those of `predictions`, \(2,\)",
        ),
        (
            lambda: Sure()([[0.2, 0.8]], labelled_predictions=[[np.nan, 0.3]]),
            "got shape .* with values that are not finite",
        ),
        (lambda: Sure()(np.ones((2, 2, 3, 4)) / 2), "with one position for each item"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidArgumentError, match=message):
        call()


def test_subclasses_must_do_their_part():
    with pytest.raises(NotImplementedError, match="PoolHeuristic must define `score_pool`"):
        PoolHeuristic()([[0.5, 0.5]])
    with pytest.raises(NotImplementedError, match="BatchHeuristic must define `choose`"):
        BatchHeuristic(1)([[0.5, 0.5]])


@pytest.mark.parametrize("batch", [[0, 0], [2, 1, 2], [3], [-1]])
def test_a_batch_of_a_subclass_has_different_items_of_the_pool(batch):
    class Chooses(Backwards):
        def choose(self, pool, n):
            return Choice(np.array(batch), np.zeros(len(batch)), np.zeros(pool.n_items))

    with pytest.raises(InvalidArgumentError, match=r"different items out of 3, but got \["):
        Chooses(3)(embeddings=np.eye(3))


@pytest.mark.parametrize("make", [CoreSet, LCMD, lambda n: BADGE(n, seed=0)])
def test_an_empty_batch_of_a_pool_without_labels(make):
    given = {"embeddings": np.eye(3)}
    if make not in (CoreSet, LCMD):
        given = {"gradient_embeddings": (np.eye(3), np.eye(3))}
    ranks, scores = make(0).get_ranks(**given)
    assert ranks.tolist() == [0, 1, 2]
    assert scores.tolist() == [0, 0, 0]


def test_no_labelled_items_may_be_an_empty_list():
    x = np.random.default_rng(0).normal(size=(6, 2))
    ranks = CoreSet(3)(embeddings=x, labelled_embeddings=[])
    assert ranks.tolist() == CoreSet(3)(embeddings=x).tolist()
