import numpy as np
import pytest
from scipy.special import softmax

from baal.active.heuristics import (
    BALD,
    ConsensusKL,
    Entropy,
    MeanSTD,
    VariationRatio,
    VoteEntropy,
    functional,
)
from baal.exceptions import InvalidArgumentError

P = softmax(3 * np.random.default_rng(0).normal(size=(30, 4, 9)), axis=1)


@pytest.mark.parametrize(
    ("heuristic", "function"),
    [
        (VariationRatio(), functional.variation_ratio),
        (MeanSTD(), functional.mean_standard_deviation),
        (VoteEntropy(), functional.vote_entropy),
        (VoteEntropy(votes="soft"), functional.soft_vote_entropy),
        (ConsensusKL(), functional.mean_kl_to_consensus),
    ],
)
def test_scores_are_those_of_the_functions(heuristic, function):
    ranks, scores = heuristic.get_ranks(P)
    np.testing.assert_allclose(scores, function(P), atol=1e-15)
    assert scores[ranks[0]] == scores.max()


def test_equal_by_algebra():
    np.testing.assert_array_equal(ConsensusKL()(P), BALD()(P))
    np.testing.assert_array_equal(VoteEntropy(votes="soft")(P), Entropy()(P))


def test_votes_are_counted_or_not():
    assert not VoteEntropy().is_continuous
    assert VoteEntropy(votes="soft").is_continuous
    with pytest.raises(InvalidArgumentError, match="to be 'hard' or 'soft'"):
        VoteEntropy(votes="none")
