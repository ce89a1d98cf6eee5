import numpy as np
import pytest

from baal.active import ActiveLearningLoop, ActiveNumpyArray
from baal.active.heuristics import (
    BALD,
    EPIG,
    BatchBALD,
    CombineHeuristics,
    Entropy,
    Margin,
    Random,
    Variance,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from tests.active.heuristics.test_joint_entropy import draw

A, B = draw((30, 3, 4)), draw((30, 2, 5, 6), 1)


def batches(*outputs, n=4):
    """What a model with several outputs yields: lists with a batch of each."""
    return (list(parts) for parts in zip(*(np.array_split(o, n) for o in outputs), strict=True))


def expected_scores(reduce):
    return 2 * BALD().get_uncertainties(A) + 0.5 * reduce(Entropy().compute_score(B), axis=1)


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_the_weighted_sum_of_each_outputs_scores(reduction):
    heuristic = CombineHeuristics([BALD(), Entropy()], [2, 0.5], reduction)
    expected = expected_scores(getattr(np, reduction))
    for given in ([A, B], (A, B), batches(A, B), iter([[A, B]])):
        ranks, scores = heuristic.get_ranks(given)
        np.testing.assert_allclose(scores, expected, atol=1e-12)
        assert ranks.tolist() == np.argsort(-expected).tolist()
    np.testing.assert_allclose(heuristic.compute_score([A, B]), expected, atol=1e-12)


def test_a_heuristics_own_reduction_comes_first():
    heuristic = CombineHeuristics([BALD(), Entropy(reduction="max")], [2, 0.5], "mean")
    scores = heuristic.get_uncertainties([A, B])
    np.testing.assert_allclose(scores, expected_scores(np.max), atol=1e-12)


@pytest.mark.parametrize("first_alone", [True, False])
def test_what_values_are_is_decided_by_output_and_at_the_end(first_alone):
    logits = np.log(B) + 4
    if first_alone:  # the first batch looks like probabilities
        logits[:8] = np.log(B[:8])
        head = B[:8]
        logits = np.concatenate([head, logits[8:]])
    heuristic = CombineHeuristics([BALD(), Entropy()], [1, 1])
    whole = heuristic.get_uncertainties([A, logits])
    np.testing.assert_allclose(heuristic.get_uncertainties(batches(A, logits)), whole, atol=1e-12)
    explicit = CombineHeuristics([BALD(mode="probabilities"), Entropy(mode="logits")], [1, 1])
    got = explicit.get_uncertainties(batches(A, logits))
    np.testing.assert_allclose(got, whole, atol=1e-12)


def test_what_needs_the_whole_pool_gets_it():
    c = draw((30, 3, 4), 5)
    heuristic = CombineHeuristics([BatchBALD(4), EPIG(), Variance()], [1, 2, 0])
    assert heuristic.needs_whole_pool
    assert heuristic.needs_joint_samples
    assert heuristic.needs_target_predictions
    expected = heuristic.get_uncertainties([A, c, c])
    np.testing.assert_allclose(
        heuristic.get_uncertainties(batches(A, c, c)), expected, rtol=0, atol=1e-12
    )
    targets = [A[:9]] * 3
    given = heuristic.get_uncertainties([A, c, c], targets)
    np.testing.assert_allclose(heuristic.get_uncertainties(batches(A, c, c), targets), given)
    assert abs(given - expected).max() > 1e-6
    with pytest.raises(InvalidArgumentError, match="`target_predictions` to be a list of 3 arrays"):
        heuristic.get_uncertainties([A, c, c], A[:9])


def test_directions():
    low = CombineHeuristics([Margin(), Margin()], [1, 1])
    assert not low.reversed
    ranks, scores = low.get_ranks([A, A])
    assert ranks.tolist() == np.argsort(scores).tolist()
    with pytest.raises(InvalidArgumentError, match=r"`reversed` \[True, False\]"):
        CombineHeuristics([BALD(), Margin()], [1, 1])
    assert CombineHeuristics([Random(seed=0)], [1]).is_random


@pytest.mark.parametrize("as_generator", [True, False])
@pytest.mark.parametrize("max_sample", [-1, 12])
def test_in_the_loop(as_generator, max_sample):
    heuristic = CombineHeuristics([BALD(), Entropy()], [2, 0.5])
    dataset = ActiveNumpyArray((np.arange(30), np.zeros(30)))

    def predict(pool):
        outputs = A[pool[0]], B[pool[0]]
        return batches(*outputs) if as_generator else list(outputs)

    loop = ActiveLearningLoop(dataset, predict, heuristic, query_size=3, max_sample=max_sample)
    proposal = loop.query()
    expected = expected_scores(np.mean)
    np.testing.assert_allclose(proposal.scores, expected[proposal.dataset_indices], atol=1e-12)
    if max_sample == -1:
        assert proposal.dataset_indices.tolist() == np.argsort(-expected)[:3].tolist()
    assert loop.step()


@pytest.mark.parametrize(
    ("heuristics", "weights", "message"),
    [
        ([], [], "one length, at least 1, but got 0 and 0"),
        ([BALD()], [1, 2], "but got 1 and 2"),
        ([BALD()], [-1], "`weights` to be finite and 0 or more"),
        ([BALD()], [np.nan], "`weights` to be finite and 0 or more"),
    ],
)
def test_arguments(heuristics, weights, message):
    with pytest.raises(InvalidArgumentError, match=message):
        CombineHeuristics(heuristics, weights)


def test_what_is_no_heuristic():
    with pytest.raises(InvalidTypeError, match="`heuristics` to be a heuristic"):
        CombineHeuristics([BALD], [1])
    with pytest.raises(InvalidTypeError, match="`heuristics` to be a list of heuristics, but got"):
        CombineHeuristics(BALD(), [1])
    with pytest.raises(InvalidTypeError, match="`weights` to hold real numbers"):
        CombineHeuristics([BALD()], ["1"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (A, "a list of 2 arrays, .* but got 1"),
        ([A, B, A], "a list of 2 arrays, .* but got 3"),
        ([A, B[:4]], r"the same items, but got shapes \[\(30, 3, 4\), \(4, 2, 5, 6\)\]"),
        (iter([]), "at least one batch"),
    ],
)
def test_predictions_that_do_not_fit(given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        CombineHeuristics([BALD(), Entropy()], [1, 1]).get_ranks(given)
    if isinstance(given, np.ndarray):
        none = CombineHeuristics([BALD(), Entropy()], [1, 1], "none")
        with pytest.raises(InvalidArgumentError, match=r"to turn the scores of Entropy into \[N\]"):
            none.get_ranks([A, B])
