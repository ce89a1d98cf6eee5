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
from tests.active.heuristics.derived_inputs import with_derived_inputs

N = 400  # several blocks of [C, K] items
C, K = 8, 192

pytestmark = pytest.mark.parametrize("name", available_heuristics())


def make(name, **arguments):
    return with_derived_inputs(get_heuristic(name, **({"seed": 0} | arguments)))


def has_reduction(heuristic):
    return "reduction" in inspect.signature(type(heuristic)).parameters


def reads_outputs(heuristic):
    """Whether its scores come from model outputs `[N, C, ..., K]`."""
    return heuristic.needs_predictions and heuristic.min_dims > 1


def draw_logits(shape, seed=0):
    """Logits far apart and close together, so that no two items tie."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * rng.uniform(0.5, 4, size=(shape[0], *[1] * (len(shape) - 1)))


def read(heuristic, logits):
    """What these logits `[N, C, ..., K]` are to the heuristic: the predictions that it scores."""
    if heuristic.needs_variances:
        return logits / 2  # means, then log-variances
    if heuristic.min_dims == 1:
        return expit(logits[:, 0, 0])
    one_by_one = heuristic.needs_independent_labels or logits.shape[1] == 1
    return expit(logits) if one_by_one else softmax(logits, axis=1)


def predictions_for(heuristic, n=N, n_classes=C, n_samples=K, seed=0):
    """What this heuristic scores: probabilities `[N, C, K]`, or `[N]` for scores."""
    if heuristic.needs_variances and n_classes == 1:
        pytest.skip("a Gaussian has two outputs")
    return read(heuristic, draw_logits((n, n_classes, n_samples), seed))


def further(heuristic, predictions):
    """What else the heuristic must be given with predictions of this kind."""
    if not heuristic.needs_target_predictions:
        return {}
    shape = np.shape(predictions)
    logits = draw_logits((7, *shape[1:]), seed=9)
    read_as_logits = heuristic.mode == "logits" or np.max(predictions) > 1
    return {"target_predictions": logits if read_as_logits else read(heuristic, logits)}


def rank(heuristic, given_as, like=None):
    """Ranks and scores, however the predictions are given; `like` is an array of their kind."""
    return heuristic.get_ranks(given_as, **further(heuristic, given_as if like is None else like))


def score(heuristic, given_as, like=None):
    like = given_as if like is None else like
    return heuristic.get_uncertainties(given_as, **further(heuristic, like))


def make_for_logits(name):
    """Reads logits by itself, or is told to where that is the only way."""
    heuristic = make(name)
    return make(name, mode="logits") if heuristic.needs_independent_labels else heuristic


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


def has_positions(name):
    heuristic = needs_outputs(name)
    if not (heuristic.has_positions and has_reduction(heuristic)):
        pytest.skip("has one position, or no reduction")
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
    maker = make_for_logits if logits else make
    predictions = predictions_for(make(name))
    if logits and make(name).needs_probabilities:
        predictions = draw_logits(predictions.shape)
    ranks, scores = rank(maker(name), predictions)
    batches = np.split(predictions, sorted(cuts))
    got_ranks, got_scores = rank(maker(name), iter(batches), like=predictions)
    np.testing.assert_array_equal(got_scores, scores)
    np.testing.assert_array_equal(got_ranks, ranks)


def test_scores_belong_to_items_and_ranks_are_a_permutation(name):
    heuristic = make(name)
    predictions = predictions_for(heuristic)
    ranks, scores = rank(heuristic, predictions)
    assert scores.shape == (N,)
    assert scores.dtype == np.float64
    assert sorted(ranks) == list(range(N))
    assert torch.from_numpy(ranks).dtype == torch.int64
    if heuristic.ranks_by_score:
        in_order = -scores[ranks] if heuristic.reversed else scores[ranks]
        assert (np.diff(in_order) >= -1e-9).all()
    again = make(name)(predictions, **further(heuristic, predictions))
    np.testing.assert_array_equal(again, ranks)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 2e-6), (np.float16, 4e-3)])
@pytest.mark.parametrize("n_classes", [C, 1])
def test_dtypes_only_round(name, dtype, atol, n_classes):
    predictions = predictions_for(fixed(name), n_classes=n_classes)
    rounded = predictions.astype(dtype)
    scores = score(make(name), rounded, like=predictions)
    assert scores.dtype == np.float64
    # The same values in float64 have the same scores, but for the logarithms' rounding.
    exact = score(make(name), rounded.astype(np.float64), like=predictions)
    np.testing.assert_allclose(scores, exact, rtol=0, atol=2e-6)
    if make(name).is_continuous:
        expected = score(make(name), predictions)
        # Variances of any size have relative errors.
        relative = {np.float32: 1e-6, np.float16: 4e-3}[dtype] if make(name).needs_variances else 0
        np.testing.assert_allclose(scores, expected, rtol=relative, atol=atol)


@pytest.mark.parametrize(
    ("dtype", "atol"), [(torch.float64, 0), (torch.float32, 2e-6), (torch.bfloat16, 3e-2)]
)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_tensors(name, dtype, atol, requires_grad):
    predictions = predictions_for(fixed(name))
    tensor = torch.from_numpy(predictions).to(dtype).requires_grad_(requires_grad)
    heuristic = make(name)
    if heuristic.is_continuous:
        expected = score(heuristic, predictions)
    else:  # what is left to the tensor's rounding is not the reader's affair
        expected = score(heuristic, tensor.detach().double().numpy(), like=predictions)
    # Variances of any size have relative errors.
    rtol = 3e-2 if heuristic.needs_variances else 0
    for given_as in (tensor, [tensor], iter(tensor.split(150))):
        scores = score(make(name), given_as, like=predictions)
        np.testing.assert_allclose(scores, expected, rtol=rtol, atol=atol)


def test_layout_in_memory_changes_no_bit(name):
    predictions = predictions_for(fixed(name))
    expected = score(make(name), predictions)
    spread = np.repeat(predictions, 2, axis=0)[::2]
    for other in (np.asfortranarray(predictions), predictions[::-1].copy()[::-1], spread):
        np.testing.assert_array_equal(other, predictions)
        scores = score(make(name), other, like=predictions)
        # Sums over a whole pool are matrix products, whose order of summation is BLAS's affair.
        atol = 1e-13 if make(name).needs_whole_pool else 0
        np.testing.assert_allclose(scores, expected, rtol=0, atol=atol)


def test_inputs_stay_as_they_are(name):
    heuristic = make(name)
    own = predictions_for(heuristic)
    for maker, predictions in ((make, own), (make_for_logits, own * 5)):
        before = predictions.copy()
        predictions.flags.writeable = False
        rank(maker(name), predictions)
        rank(maker(name), iter([predictions]), like=predictions)
        np.testing.assert_array_equal(predictions, before)


@pytest.mark.parametrize("n_classes", [C, 2, 1])
def test_logits_equal_probabilities(name, n_classes):
    heuristic = needs_probabilities(name)
    p = read(heuristic, draw_logits((N, n_classes, K)))
    shift = np.random.default_rng(1).normal(size=(N, 1, K))
    one_by_one = n_classes == 1 or heuristic.needs_independent_labels
    logits = logit(p) if one_by_one else np.log(p) + shift
    targets = further(heuristic, p)
    logit_targets = {
        key: logit(value) if one_by_one else np.log(value) for key, value in targets.items()
    }
    expected = make(name, mode="probabilities").get_uncertainties(p, **targets)
    ways = [("logits", logits, logit_targets)]
    if not heuristic.needs_independent_labels:
        ways += [("auto", p, targets), ("auto", logits, logit_targets)]
    for mode, given_as, more in ways:
        scores = make(name, mode=mode).get_uncertainties(given_as, **more)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
        scores = make(name, mode=mode).get_uncertainties(iter(np.split(given_as, 4)), **more)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_explicit_probabilities_are_checked(name):
    needs_probabilities(name)
    with pytest.raises(InvalidArgumentError, match=r"probabilities in \[0, 1\] with mode='prob"):
        rank(make(name, mode="probabilities"), draw_logits((N, C, K)))


def test_labels_are_not_guessed_at(name):
    heuristic = needs_probabilities(name)
    if not heuristic.needs_independent_labels:
        pytest.skip("its outputs tell what they are")
    with pytest.raises(InvalidArgumentError, match="to be 'probabilities' or 'logits'"):
        make(name, mode="auto")


def test_items_keep_their_scores_in_any_order(name):
    predictions = predictions_for(fixed(name))
    order = np.random.default_rng(2).permutation(N)
    expected = score(make(name), predictions)[order]
    np.testing.assert_allclose(
        score(make(name), predictions[order], like=predictions), expected, rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("axis", [1, 2])
def test_order_of_classes_and_of_samples_does_not_matter(name, axis):
    heuristic = needs_outputs(name)
    predictions = predictions_for(heuristic)
    size = predictions.shape[axis]
    order = np.random.default_rng(3).permutation(size)
    if axis == 1 and heuristic.needs_variances:  # a mean keeps its variance
        order = np.random.default_rng(3).permutation(size // 2)
        order = np.concatenate([order, order + size // 2])
    more = further(heuristic, predictions)
    expected = make(name).get_uncertainties(predictions, **more)
    more = {key: value.take(order, axis=axis) for key, value in more.items()}
    scores = make(name).get_uncertainties(predictions.take(order, axis=axis), **more)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-13)


def test_a_copy_scores_as_its_original_wherever_it_stands(name):
    heuristic = fixed(name)
    if heuristic.needs_whole_pool:
        pytest.skip("a copy may be worth less than its original")
    # In float32, and in the blocks' odd places: a tie must not hang on how sums are vectorised.
    one = predictions_for(heuristic, n=1, n_samples=20).astype(np.float32)
    scores = score(make(name), np.repeat(one, 8191, axis=0), like=one)
    np.testing.assert_allclose(scores, scores[0], rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_ranks_and_others_differ_only_if_random(name):
    predictions = predictions_for(make(name))
    heuristic, again, other = make(name), make(name), make(name, seed=1)

    def ranks(which):
        return rank(which, predictions)[0].tolist()

    first = ranks(heuristic)
    assert ranks(again) == first
    if heuristic.ranks_by_score or heuristic.is_random:  # else the seed is of a batch's estimate
        assert (ranks(other) != first) == heuristic.is_random
    assert (ranks(heuristic) != first) == heuristic.is_random
    copied = copy.deepcopy(heuristic)
    assert ranks(copied) == ranks(heuristic)


def test_ties_go_to_the_lowest_index(name):
    one = predictions_for(fixed(name), n=2)
    predictions = np.concatenate([one[:1], one[1:], one[:1], one[1:]])
    ranks = rank(make(name), predictions)[0].tolist()
    if make(name).ranks_by_score:
        assert ranks in ([0, 2, 1, 3], [1, 3, 0, 2], [0, 1, 2, 3])
    assert ranks.index(0) < ranks.index(2)
    assert ranks.index(1) < ranks.index(3)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_items_come_last_and_are_reported_once(name, broken):
    predictions = predictions_for(fixed(name))
    expected = score(make(name), predictions)
    with_broken = predictions.copy()
    with_broken[3] = broken
    with_broken.reshape(N, -1)[7, 0] = broken
    for given_as in (with_broken, iter(np.split(with_broken, 5))):
        with pytest.warns(RuntimeWarning, match="got 2 of 400 that are not") as caught:
            ranks, scores = rank(make(name), given_as, like=predictions)
        assert len(caught) == 1
        assert ranks[-2:].tolist() == [3, 7]
        others = np.setdiff1d(np.arange(N), [3, 7])
        if not make(name).needs_whole_pool:
            np.testing.assert_allclose(scores[others], expected[others], rtol=0, atol=1e-12)


def test_broken_logits_come_last(name):
    needs_probabilities(name)
    logits = draw_logits((N, C, K))
    logits[5, 0, 0] = np.nan
    heuristic = make_for_logits(name)
    with pytest.warns(RuntimeWarning, match="got 1 of 400"):
        assert rank(heuristic, logits, like=draw_logits((N, C, K)))[0][-1] == 5


@pytest.mark.parametrize("n", [0, 1])
def test_no_item_and_one_item(name, n):
    heuristic = make(name)
    predictions = predictions_for(heuristic, n=n)
    for given_as in (predictions, iter([predictions])):
        ranks, scores = rank(heuristic, given_as, like=predictions_for(heuristic, n=1))
        assert ranks.tolist() == list(range(n))
        assert ranks.dtype == np.int64
        assert scores.shape == (n,)
    with pytest.raises(ValueError, match="to yield at least one batch, but got none"):
        rank(heuristic, iter([]), like=predictions_for(heuristic, n=1))


def test_one_column_is_a_bernoulli_with_two_outcomes(name):
    heuristic = needs_probabilities(name)
    p = expit(draw_logits((N, 1, K)))
    both = np.concatenate([p, 1 - p], axis=1)
    more = further(heuristic, p)
    expected = make(name).get_uncertainties(
        both, **{key: np.concatenate([q, 1 - q], axis=1) for key, q in more.items()}
    )
    if heuristic.needs_independent_labels:  # a label and its opposite are two labels
        expected = expected / 2 if heuristic.reduction == "sum" else expected
    scores = make(name).get_uncertainties(p, **more)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-14)


def test_without_an_axis_of_samples(name):
    heuristic = needs_outputs(name)
    p = predictions_for(heuristic, n_samples=1)
    if heuristic.min_dims == 3:
        with pytest.raises(InvalidArgumentError, match=r"with K samples, .*got shape \(400, 8\)"):
            rank(heuristic, p[..., 0], like=p)
        # One sample tells nothing of the posterior.
        for given_as in (p, iter(np.split(p, 4))):
            with pytest.warns(UserWarning, match="at least 2 posterior samples") as caught:
                scores = score(heuristic, given_as, like=p)
            assert len(caught) == 1
            assert caught[0].filename == __file__
            np.testing.assert_allclose(scores, 0, atol=1e-12)
    else:
        expected = score(heuristic, p)
        np.testing.assert_array_equal(score(heuristic, p[..., 0], like=p), expected)
        np.testing.assert_array_equal(score(heuristic, iter([p[..., 0]]), like=p), expected)


@pytest.mark.parametrize("reduction", ["max", "min", "mean", "sum", "quantile", "callable"])
@pytest.mark.parametrize("shape", [(5, 4, 4, 6, 7), (3, 4, 120, 90, 3), (5, 1, 9, 4)])
def test_structured_outputs_are_reduced(name, reduction, shape):
    heuristic = has_positions(name)
    reduce = {
        "max": np.max,
        "min": np.min,
        "mean": np.mean,
        "sum": np.sum,
        "quantile": lambda item: np.quantile(item, 0.9),
        "callable": np.median,
    }[reduction]

    def by_item(scores):
        return np.array([reduce(item) for item in scores])

    if heuristic.needs_variances and shape[1] == 1:
        pytest.skip("a Gaussian has two outputs")
    p = read(heuristic, draw_logits(shape))
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
    reader = getattr(heuristic, "base_heuristic", heuristic)
    message = rf"for {type(reader).__name__} to be \[N, C, .*, but got shape"
    with pytest.raises(InvalidArgumentError, match=message):
        rank(heuristic, np.zeros(shape), like=np.zeros((4, 2, 3)))
    if shape:
        with pytest.raises(InvalidArgumentError, match=message):
            rank(heuristic, iter([np.zeros(shape)]), like=np.zeros((4, 2, 3)))
    with pytest.raises(InvalidArgumentError, match=message):
        heuristic.compute_score(np.zeros(shape))


@pytest.mark.parametrize("bad", [None, "text", {"a": 1}, np.array(["a", "b"])])
def test_not_numbers(name, bad):
    if bad is None and make(name).needs_embeddings and not make(name).needs_predictions:
        pytest.skip("does without predictions")
    with pytest.raises(InvalidTypeError, match="Expected `predictions` to "):
        rank(make(name), bad, like=np.zeros((4, 2, 3)))


def test_several_outputs_are_not_guessed_at(name):
    predictions = predictions_for(make(name))
    with pytest.raises(InvalidArgumentError, match="got a list of 2 arrays"):
        rank(make(name), [predictions, predictions], like=predictions)
    with pytest.raises(InvalidArgumentError, match="Expected every batch of `predictions`"):
        batches = iter([np.zeros((2, 4, 4)), np.zeros((2, 4, 5))])
        rank(make(name), batches, like=predictions)


def medians(scores):
    return np.array([np.median(item) for item in scores])


def takes_mask(name):
    heuristic = has_positions(name)
    if not heuristic.takes_mask:
        pytest.skip("takes no mask")
    return heuristic


@pytest.mark.parametrize("reduction", ["max", "mean", "sum", "top_k_mean", "quantile", "callable"])
@pytest.mark.parametrize("shape", [(60, 4, 9, 5, 20), (60, 4, 30, 20)])
def test_masked_items_score_as_if_they_had_no_other_positions(name, reduction, shape):
    heuristic = takes_mask(name)
    chosen = medians if reduction == "callable" else reduction
    predictions = read(heuristic, draw_logits(shape))
    valid = np.random.default_rng(4).random((shape[0], *shape[2:-1])) < 0.4
    valid[7] = False
    expected = np.full(len(predictions), np.nan)
    for i in np.delete(np.arange(len(valid)), 7):
        item = predictions[i][:, valid[i]]  # [C, M, K]
        expected[i] = make(name, reduction=chosen).get_uncertainties(item[None])[0]
    garbage = predictions.copy()
    np.moveaxis(garbage, 1, -1)[~valid] = np.random.default_rng(5).choice([np.nan, -9e9, 0.7])
    before = garbage.copy()
    for given_as, mask in [
        (garbage, valid),
        (garbage, torch.from_numpy(valid)),
        (iter(np.split(garbage, [5, 40])), iter(np.split(valid.astype(int), [11]))),
    ]:
        with pytest.warns(RuntimeWarning, match="got 1 of 60 that are not"):
            ranks, scores = make(name, reduction=chosen).get_ranks(given_as, mask=mask)
        np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=1e-12)
        assert ranks[-1] == 7
    np.testing.assert_array_equal(garbage, before)


@pytest.mark.parametrize("shape", [(4,), (4, 6), (5, 7), (4, 7, 1), (3, 7)])
def test_masks_that_do_not_fit(name, shape):
    heuristic = takes_mask(name)
    predictions = read(heuristic, draw_logits((4, 2, 7, 3)))
    with pytest.raises(InvalidArgumentError, match=r"Expected `mask` to (be \[N, \.|have as many)"):
        make(name, reduction="mean").get_ranks(predictions, mask=np.ones(shape, bool))


def test_masks_that_are_none(name):
    heuristic = takes_mask(name)
    predictions = read(heuristic, draw_logits((4, 2, 7, 3)))
    with pytest.raises(InvalidArgumentError, match=r"but got values from 0\.0 to 2\.0"):
        make(name, reduction="mean").get_ranks(predictions, mask=np.eye(4, 7) * 2)
    with pytest.raises(InvalidArgumentError, match="at least one batch"):
        make(name, reduction="mean").get_ranks(iter([]), mask=iter([]))


@pytest.mark.parametrize("logits", [False, True])
def test_threads_change_no_bit(name, logits):
    heuristic = needs_outputs(name)
    if "threads" not in inspect.signature(type(heuristic)).parameters:
        pytest.skip("scores in one thread")
    predictions = predictions_for(heuristic)
    maker = {"mode": "logits"} if heuristic.needs_independent_labels and logits else {}
    if logits and heuristic.needs_probabilities:
        predictions = draw_logits(predictions.shape)
    expected = make(name, **maker).get_uncertainties(predictions)
    scores = make(name, threads=3, **maker).get_uncertainties(predictions)
    np.testing.assert_array_equal(scores, expected)
    with pytest.raises(InvalidArgumentError, match="Expected `threads` to be 1 or more, but got 0"):
        make(name, threads=0)
