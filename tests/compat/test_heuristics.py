"""Heuristics in the idiom of BaaL 2.1: names, positions of arguments, and the loop around them."""

import numpy as np
import pytest
from scipy.special import softmax

from baal.active import ActiveLearningLoop, ActiveNumpyArray, get_heuristic
from baal.active.heuristics import (
    BALD,
    EPIG,
    AbstractHeuristic,
    BatchBALD,
    Certainty,
    CombineHeuristics,
    Entropy,
    Margin,
    Precomputed,
    Random,
    Variance,
    requireprobs,
)
from baal.active.heuristics import heuristics as old_path
from baal.active.heuristics.aliases import PowerBALD, PowerEntropy
from baal.active.heuristics.heuristics import available_reductions, require_single_item, singlepass
from baal.active.heuristics.stochastics import (
    GibbsSampling,
    PowerSampling,
    RankBasedSampling,
    StochasticHeuristic,
)

N = 40
rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(N, 3, 10)) * 3
SEGMENTED = rng.normal(size=(N, 4, 5, 6, 10)) * 3  # [N, C, H, W, K]


def bald(logits):
    p = softmax(logits, axis=1)

    def entropy(q):
        return -(q * np.log(q)).sum(axis=1)

    return entropy(p.mean(axis=-1)) - entropy(p).mean(axis=-1)


def make_loop(predictions, heuristic, as_generator, query_size=4):
    """Predictions are an array, or a list of them as a model with several outputs gives."""
    dataset = ActiveNumpyArray((np.arange(N), np.zeros(N)))

    def cut(pool, array):
        return np.array_split(array[pool[0]], 3)

    def predict(pool, iterations):
        assert iterations == 10
        if not isinstance(predictions, list):
            return iter(cut(pool, predictions)) if as_generator else predictions[pool[0]]
        if not as_generator:
            return [array[pool[0]] for array in predictions]
        by_output = (cut(pool, array) for array in predictions)
        return (list(batch) for batch in zip(*by_output, strict=True))

    loop = ActiveLearningLoop(dataset, predict, heuristic, query_size, iterations=10)
    return dataset, loop


@pytest.mark.parametrize("as_generator", [False, True])
@pytest.mark.parametrize(
    "heuristic",
    [
        BALD(reduction="mean"), Entropy(reduction="max"), Margin(reduction="min"),
        Certainty(reduction="sum"), Variance(), Random(seed=3),
        BALD(reduction=lambda scores: scores.reshape(len(scores), -1).mean(1)),
        PowerBALD(query_size=4, temperature=1.0, reduction="mean"), PowerEntropy(4, 2.0, "mean"),
        GibbsSampling(Margin(reduction="mean"), query_size=4, temperature=0.5),
        RankBasedSampling(Certainty(reduction="mean"), 4), PowerSampling(BALD(reduction="sum"), 4),
    ],
)  # fmt: skip
def test_segmentation_in_the_loop(heuristic, as_generator):
    dataset, loop = make_loop(SEGMENTED, heuristic, as_generator)
    assert loop.step()
    assert dataset.n_labelled == 4
    assert loop.step()
    assert dataset.n_labelled == 8


@pytest.mark.parametrize("as_generator", [False, True])
def test_batch_bald_in_the_loop(as_generator):
    dataset, loop = make_loop(LOGITS, BatchBALD(num_samples=4, num_draw=500), as_generator)
    assert loop.step()
    assert dataset.labelled[np.argmax(bald(LOGITS))]
    assert dataset.n_labelled == 4


@pytest.mark.parametrize("as_generator", [False, True])
def test_epig_in_the_loop(as_generator):
    dataset, loop = make_loop(LOGITS, EPIG(), as_generator)
    assert loop.step()
    assert dataset.n_labelled == 4


def test_epig_with_target_predictions():
    ranks, scores = EPIG().get_ranks(LOGITS, target_predictions=LOGITS[:7])
    np.testing.assert_array_equal(EPIG().compute_score(LOGITS, LOGITS[:7]), scores)
    np.testing.assert_array_equal(EPIG()(LOGITS, LOGITS[:7]), ranks)
    assert ranks[0] == np.argmax(scores)


@pytest.mark.parametrize("as_generator", [False, True])
def test_several_outputs_in_the_loop(as_generator):
    heuristic = CombineHeuristics(
        [BALD(), BALD(reduction="mean")], weights=[0.25, 0.75], reduction="mean"
    )
    dataset, loop = make_loop([LOGITS, SEGMENTED], heuristic, as_generator)
    assert loop.step()
    expected = 0.25 * bald(LOGITS) + 0.75 * bald(SEGMENTED).mean(axis=(1, 2))
    assert np.flatnonzero(dataset.labelled).tolist() == sorted(np.argsort(-expected)[:4])


def test_a_stochastic_heuristic_of_ones_own():
    class Cubic(StochasticHeuristic):
        def log_weights(self, scores):
            return 3 * np.log(scores)

    heuristic = Cubic(BALD(), 4)
    assert heuristic.query_size == 4
    ranks, scores = heuristic.get_ranks(LOGITS)
    np.testing.assert_allclose(scores, bald(LOGITS))
    assert sorted(ranks) == list(range(N))


def test_a_heuristic_of_ones_own():
    class Lead(AbstractHeuristic):
        def __init__(self, reduction="none"):
            super().__init__(reverse=False, reduction=reduction)

        @require_single_item
        @requireprobs
        @singlepass
        def compute_score(self, predictions):
            ordered = np.sort(predictions, axis=1)
            return ordered[:, -1] - ordered[:, -2]

    scores = Lead().get_uncertainties([LOGITS])
    np.testing.assert_allclose(scores, Margin().get_uncertainties(LOGITS))
    assert Lead().reorder_indices(scores)[0] == np.argmin(scores)
    generated = Lead().get_uncertainties_generator(iter(np.split(LOGITS, 4)))
    np.testing.assert_allclose(generated, scores)


def test_scores_computed_before():
    assert Precomputed(reverse=True)(np.array([0.1, 0.9, 0.5])).tolist() == [1, 2, 0]
    assert get_heuristic("precomputed", reverse=True)([0.1, 0.9]).tolist() == [1, 0]


def test_empty_generators_and_several_dimensions():
    with pytest.raises(ValueError, match="at least one batch"):
        BALD().get_uncertainties_generator(iter([]))
    with pytest.raises(ValueError, match="A `reduction` such as"):
        BALD().reorder_indices(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="but got 'none'"):
        Variance(reduction="none")


@pytest.mark.parametrize(
    "make",
    [BALD, Entropy, Margin, Certainty, Variance, Random, EPIG, lambda p: BatchBALD(2, 500, p)],
)
def test_shuffle_prop(make):
    with pytest.warns(DeprecationWarning, match="stochastic heuristics") as caught:
        heuristic = make(0.5)
    assert len(caught) == 1
    assert sorted(heuristic(LOGITS)) == list(range(N))


def test_names():
    for name in ("random", "certainty", "entropy", "margin", "bald", "variance", "epig"):
        heuristic = get_heuristic(name, shuffle_prop=0.0, reduction="mean")
        assert sorted(heuristic(LOGITS)) == list(range(N))
    batch = get_heuristic("batch_bald", shuffle_prop=0.0, reduction="none", num_samples=5)
    assert batch.num_samples == 5
    assert {"max", "min", "mean", "sum", "none"} <= set(available_reductions)
    for name in ("BALD", "BatchBALD", "CombineHeuristics", "EPIG", "Precomputed", "Random"):
        assert hasattr(old_path, name)
