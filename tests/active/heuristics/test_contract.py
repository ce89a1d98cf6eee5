"""What every heuristic keeps, present and future: run over all that the registry knows.

Nothing here asks for a name: what does not apply to a heuristic is told by its class attributes.
"""

import copy
import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax

from baal.active.heuristics import available_heuristics, get_heuristic
from baal.exceptions import InvalidArgumentError, InvalidTypeError

N = 400  # several blocks of [C, K] items
C, K = 8, 64

pytestmark = pytest.mark.parametrize("name", available_heuristics())


def make(name, **arguments):
    return get_heuristic(name, seed=0, **arguments)


def has_reduction(heuristic):
    return "reduction" in inspect.signature(type(heuristic)).parameters


def reads_outputs(heuristic):
    """Whether its scores come from model outputs `[N, C, ..., K]`."""
    return heuristic.needs_predictions and heuristic.min_dims > 1


def draw_logits(shape, seed=0):
    """Logits far apart and close together, so that no two items tie."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * rng.uniform(0.5, 4, size=(shape[0], *[1] * (len(shape) - 1)))


def predictions_for(heuristic, n=N, n_classes=C, n_samples=K, seed=0):
    """What this heuristic scores: probabilities `[N, C, K]`, or `[N]` for scores."""
    logits = draw_logits((n, n_classes, n_samples), seed)
    p = expit(logits) if n_classes == 1 else softmax(logits, axis=1)
    return p if heuristic.min_dims > 1 else p[:, 0, 0]


def needs_outputs(name):
    heuristic = make(name)
    if not reads_outputs(heuristic):
        pytest.skip("does not read model outputs")
    return heuristic


def fixed(name):
    heuristic = make(name)
    if heuristic.is_random:
        pytest.skip("is random")
    return heuristic


def needs_probabilities(name):
    heuristic = make(name)
    if not heuristic.needs_probabilities:
        pytest.skip("scores outputs as they come")
    return heuristic


@pytest.mark.parametrize("logits", [False, True])
@given(cuts=st.lists(st.integers(0, N), max_size=6))
@settings(max_examples=15, deadline=None)
def test_any_cut_of_an_iterable_gives_the_arrays_bits(name, logits, cuts):
    predictions = predictions_for(make(name))
    if logits and make(name).needs_probabilities:
        predictions = draw_logits(predictions.shape)
    ranks, scores = make(name).get_ranks(predictions)
    batches = np.split(predictions, sorted(cuts))
    got_ranks, got_scores = make(name).get_ranks(iter(batches))
    np.testing.assert_array_equal(got_scores, scores)
    np.testing.assert_array_equal(got_ranks, ranks)


def test_scores_belong_to_items_and_ranks_are_a_permutation(name):
    heuristic = make(name)
    ranks, scores = heuristic.get_ranks(predictions_for(heuristic))
    assert scores.shape == (N,)
    assert scores.dtype == np.float64
    assert sorted(ranks) == list(range(N))
    assert torch.from_numpy(ranks).dtype == torch.int64
    in_order = -scores[ranks] if heuristic.reversed else scores[ranks]
    assert (np.diff(in_order) >= -1e-9).all()
    np.testing.assert_array_equal(make(name)(predictions_for(heuristic)), ranks)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 2e-6), (np.float16, 4e-3)])
@pytest.mark.parametrize("n_classes", [C, 1])
def test_dtypes_only_round(name, dtype, atol, n_classes):
    predictions = predictions_for(fixed(name), n_classes=n_classes)
    expected = make(name).get_uncertainties(predictions)
    scores = make(name).get_uncertainties(predictions.astype(dtype))
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("dtype", "atol"), [(torch.float64, 0), (torch.float32, 2e-6), (torch.bfloat16, 3e-2)]
)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_tensors(name, dtype, atol, requires_grad):
    predictions = predictions_for(fixed(name))
    tensor = torch.from_numpy(predictions).to(dtype).requires_grad_(requires_grad)
    expected = make(name).get_uncertainties(predictions)
    for given_as in (tensor, [tensor], iter(tensor.split(150))):
        scores = make(name).get_uncertainties(given_as)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=atol)


def test_layout_in_memory_changes_no_bit(name):
    predictions = predictions_for(fixed(name))
    expected = make(name).get_uncertainties(predictions)
    spread = np.repeat(predictions, 2, axis=0)[::2]
    for other in (np.asfortranarray(predictions), predictions[::-1].copy()[::-1], spread):
        np.testing.assert_array_equal(other, predictions)
        np.testing.assert_array_equal(make(name).get_uncertainties(other), expected)


def test_inputs_stay_as_they_are(name):
    heuristic = make(name)
    for predictions in (predictions_for(heuristic), predictions_for(heuristic) * 5):
        before = predictions.copy()
        predictions.flags.writeable = False
        heuristic.get_ranks(predictions)
        heuristic.get_ranks(iter([predictions]))
        np.testing.assert_array_equal(predictions, before)


@pytest.mark.parametrize("n_classes", [C, 2, 1])
def test_logits_equal_probabilities(name, n_classes):
    needs_probabilities(name)
    p = softmax(draw_logits((N, n_classes, K)), axis=1)
    if n_classes == 1:
        p = expit(draw_logits((N, 1, K)))
    shift = np.random.default_rng(1).normal(size=(N, 1, K))
    logits = logit(p) if n_classes == 1 else np.log(p) + shift
    expected = make(name, mode="probabilities").get_uncertainties(p)
    for mode, given_as in [("auto", p), ("auto", logits), ("logits", logits)]:
        scores = make(name, mode=mode).get_uncertainties(given_as)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
        scores = make(name, mode=mode).get_uncertainties(iter(np.split(given_as, 4)))
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_explicit_probabilities_are_checked(name):
    needs_probabilities(name)
    with pytest.raises(InvalidArgumentError, match=r"probabilities in \[0, 1\] with mode='prob"):
        make(name, mode="probabilities")(draw_logits((N, C, K)))


def test_items_keep_their_scores_in_any_order(name):
    predictions = predictions_for(fixed(name))
    order = np.random.default_rng(2).permutation(N)
    expected = make(name).get_uncertainties(predictions)[order]
    np.testing.assert_allclose(
        make(name).get_uncertainties(predictions[order]), expected, rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("axis", [1, 2])
def test_order_of_classes_and_of_samples_does_not_matter(name, axis):
    predictions = predictions_for(needs_outputs(name))
    order = np.random.default_rng(3).permutation(predictions.shape[axis])
    expected = make(name).get_uncertainties(predictions)
    scores = make(name).get_uncertainties(predictions.take(order, axis=axis))
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-13)


def test_the_same_seed_gives_the_same_ranks_and_others_differ_only_if_random(name):
    predictions = predictions_for(make(name))
    heuristic, again, other = make(name), make(name), get_heuristic(name, seed=1)
    first = heuristic(predictions).tolist()
    assert again(predictions).tolist() == first
    assert (other(predictions).tolist() != first) == heuristic.is_random
    assert (heuristic(predictions).tolist() != first) == heuristic.is_random
    copied = copy.deepcopy(heuristic)
    assert copied(predictions).tolist() == heuristic(predictions).tolist()


def test_ties_go_to_the_lowest_index(name):
    one = predictions_for(fixed(name), n=2)
    predictions = np.concatenate([one[:1], one[1:], one[:1], one[1:]])
    ranks = make(name)(predictions).tolist()
    assert ranks in ([0, 2, 1, 3], [1, 3, 0, 2])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_items_come_last_and_are_reported_once(name, broken):
    predictions = predictions_for(fixed(name))
    expected = make(name).get_uncertainties(predictions)
    with_broken = predictions.copy()
    with_broken[3] = broken
    with_broken.reshape(N, -1)[7, 0] = broken
    for given_as in (with_broken, iter(np.split(with_broken, 5))):
        with pytest.warns(RuntimeWarning, match="got 2 of 400 that are not") as caught:
            ranks, scores = make(name).get_ranks(given_as)
        assert len(caught) == 1
        assert ranks[-2:].tolist() == [3, 7]
        others = np.setdiff1d(np.arange(N), [3, 7])
        np.testing.assert_allclose(scores[others], expected[others], rtol=0, atol=1e-14)


def test_broken_logits_come_last(name):
    needs_probabilities(name)
    logits = draw_logits((N, C, K))
    logits[5, 0, 0] = np.nan
    with pytest.warns(RuntimeWarning, match="got 1 of 400"):
        assert make(name)(logits)[-1] == 5


@pytest.mark.parametrize("n", [0, 1])
def test_no_item_and_one_item(name, n):
    heuristic = make(name)
    predictions = predictions_for(heuristic, n=n)
    for given_as in (predictions, iter([predictions])):
        ranks, scores = heuristic.get_ranks(given_as)
        assert ranks.tolist() == list(range(n))
        assert ranks.dtype == np.int64
        assert scores.shape == (n,)
    with pytest.raises(ValueError, match="to yield at least one batch, but got none"):
        heuristic.get_ranks(iter([]))


def test_one_column_is_a_bernoulli_with_two_outcomes(name):
    needs_probabilities(name)
    p = expit(draw_logits((N, 1, K)))
    expected = make(name).get_uncertainties(np.concatenate([p, 1 - p], axis=1))
    np.testing.assert_allclose(make(name).get_uncertainties(p), expected, rtol=0, atol=1e-14)


def test_without_an_axis_of_samples(name):
    heuristic = needs_outputs(name)
    p = predictions_for(heuristic, n_samples=1)
    if heuristic.min_dims == 3:
        with pytest.raises(InvalidArgumentError, match=r"with K samples, .*got shape \(400, 8\)"):
            heuristic(p[..., 0])
        # One sample tells nothing of the posterior.
        for given_as in (p, iter(np.split(p, 4))):
            with pytest.warns(UserWarning, match="at least 2 posterior samples") as caught:
                scores = heuristic.get_uncertainties(given_as)
            assert len(caught) == 1
            assert caught[0].filename == __file__
            np.testing.assert_allclose(scores, 0, atol=1e-12)
    else:
        expected = heuristic.get_uncertainties(p)
        np.testing.assert_array_equal(heuristic.get_uncertainties(p[..., 0]), expected)
        np.testing.assert_array_equal(heuristic.get_uncertainties(iter([p[..., 0]])), expected)


@pytest.mark.parametrize("reduction", ["max", "min", "mean", "sum", "callable"])
@pytest.mark.parametrize("shape", [(5, 3, 4, 6, 7), (3, 4, 120, 90, 3), (5, 1, 9, 4)])
def test_structured_outputs_are_reduced(name, reduction, shape):
    heuristic = needs_outputs(name)
    if not has_reduction(heuristic):
        pytest.skip("has no reduction")
    reduce = {
        "max": np.max,
        "min": np.min,
        "mean": np.mean,
        "sum": np.sum,
        "callable": np.median,
    }[reduction]

    def by_item(scores):
        return np.array([reduce(item) for item in scores])

    logits = draw_logits(shape)
    p = expit(logits) if shape[1] == 1 else softmax(logits, axis=1)
    scores = heuristic.compute_score(p)
    assert scores.shape[0] == shape[0]
    assert scores.shape[-len(shape[2:-1]) :] == shape[2:-1]
    chosen = by_item if reduction == "callable" else reduction
    reduced = make(name, reduction=chosen).get_uncertainties(p)
    np.testing.assert_allclose(reduced, by_item(scores), rtol=1e-12)
    batched = make(name, reduction=chosen).get_uncertainties(iter(np.split(p, [1, 1])))
    np.testing.assert_array_equal(batched, reduced)


@pytest.mark.parametrize("shape", [(), (4,), (4, 0), (4, 0, 3), (4, 3, 0), (4, 3, 0, 2)])
def test_malformed_shapes(name, shape):
    heuristic = needs_outputs(name)
    message = rf"for {type(heuristic).__name__} to be \[N, C, .*, but got shape"
    with pytest.raises(InvalidArgumentError, match=message):
        heuristic.get_ranks(np.zeros(shape))
    if shape:
        with pytest.raises(InvalidArgumentError, match=message):
            heuristic.get_ranks(iter([np.zeros(shape)]))
    with pytest.raises(InvalidArgumentError, match=message):
        heuristic.compute_score(np.zeros(shape))


@pytest.mark.parametrize("bad", [None, "text", {"a": 1}, np.array(["a", "b"])])
def test_not_numbers(name, bad):
    with pytest.raises(InvalidTypeError, match="Expected `predictions` to "):
        make(name).get_ranks(bad)


def test_several_outputs_are_not_guessed_at(name):
    predictions = predictions_for(make(name))
    with pytest.raises(InvalidArgumentError, match="got a list of 2 arrays"):
        make(name).get_ranks([predictions, predictions])
    with pytest.raises(InvalidArgumentError, match="Expected every batch of `predictions`"):
        make(name).get_ranks(iter([np.zeros((2, 3, 4)), np.zeros((2, 3, 5))]))
