import pickle
import tracemalloc

import numpy as np
import pytest
import torch

from baal.active.heuristics import BALD, AbstractHeuristic, Precomputed
from baal.exceptions import InvalidArgumentError, InvalidTypeError


class Mean(AbstractHeuristic):
    """A user's heuristic in BaaL's idiom."""

    def __init__(self, reduction="none"):
        super().__init__(reverse=True, reduction=reduction)

    def compute_score(self, predictions):
        return predictions.mean(axis=-1)


class Distance(AbstractHeuristic):
    needs_target_predictions = True
    reversed = True

    def compute_score(self, predictions, target_predictions):
        return np.abs(predictions - target_predictions.mean())[:, 0]


class RelativeToPool(AbstractHeuristic):
    needs_whole_pool = True

    def compute_score(self, predictions):
        return predictions[:, 0] - predictions.mean()


def test_a_users_heuristic():
    predictions = np.array([[[1.0, 3.0]], [[5.0, 5.0]], [[0.0, 1.0]]])
    ranks, scores = Mean("sum").get_ranks(predictions)
    assert ranks.tolist() == [1, 0, 2]
    assert scores.tolist() == [2.0, 5.0, 0.5]
    assert Mean("sum")(iter(predictions[:, None])).tolist() == [1, 0, 2]
    assert Mean(lambda s: -s[:, 0])(torch.from_numpy(predictions)).tolist() == [2, 0, 1]


def test_a_users_scores_may_be_a_tensor():
    class Tensor(AbstractHeuristic):
        def compute_score(self, predictions):
            return torch.from_numpy(predictions)[:, 0].requires_grad_()

    assert Tensor().get_uncertainties([[2.0], [1.0]]).tolist() == [2.0, 1.0]


def test_targets_are_read_and_required():
    predictions = np.array([[1.0], [4.0]])
    targets = [np.array([[0.0]]), np.array([[2.0]])]
    for given in (np.concatenate(targets), iter(targets)):
        assert Distance().get_uncertainties(predictions, given).tolist() == [0.0, 3.0]
    assert Distance()(iter([predictions]), iter(targets)).tolist() == [1, 0]
    with pytest.raises(
        InvalidArgumentError, match="Expected `target_predictions` to be given to D"
    ):
        Distance()(predictions)
    with pytest.raises(InvalidTypeError, match="Expected `target_predictions` to be an array"):
        Distance()(predictions, "targets")


def test_what_needs_the_whole_pool_gets_it():
    pool = np.array([[1.0], [2.0], [6.0]])
    assert RelativeToPool().get_uncertainties(iter(np.split(pool, 3))).tolist() == [-2, -1, 3]


def test_an_array_is_given_to_a_users_heuristic_as_a_whole():
    shapes = []

    class Note(AbstractHeuristic):
        def compute_score(self, predictions):
            shapes.append(predictions.shape)
            return predictions[:, 0]

    Note().get_uncertainties(np.zeros((300_000, 1)))
    assert shapes == [(300_000, 1)]


def test_wrong_number_of_scores():
    class Short(AbstractHeuristic):
        def compute_score(self, predictions):
            return predictions[:1]

    with pytest.raises(InvalidArgumentError, match=r"of Short to be \[N, \.\.\.\] with N = 3, but"):
        Short()(np.zeros(3))


def test_unreduced_scores_are_given_but_not_ranked():
    predictions = np.zeros((2, 3, 4))
    assert Mean().get_uncertainties(predictions).shape == (2, 3)
    with pytest.raises(InvalidArgumentError, match=r"got scores of shape \(2, 3\)"):
        Mean().get_ranks(predictions)


def test_reorder_joins_lists():
    heuristic = AbstractHeuristic()
    assert heuristic.reorder_indices([np.array([3.0, 1.0]), np.array([2.0])]).tolist() == [1, 2, 0]
    assert heuristic.reorder_indices([3, 1, 2]).tolist() == [1, 2, 0]
    assert heuristic.reorder_indices(torch.tensor([3.0, 1.0])).tolist() == [1, 0]
    with pytest.raises(ValueError, match="one score for each item"):
        heuristic.reorder_indices(np.zeros((2, 2)))


def test_no_compute_score():
    with pytest.raises(NotImplementedError, match="AbstractHeuristic must define `compute_score`"):
        AbstractHeuristic()([1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "probs"}, "Expected `mode` to be one of .* but got 'probs'"),
        ({"mode": "as_is"}, "Expected `mode` to be one of .* but got 'as_is'"),
        ({"reduction": "median"}, "Expected `reduction` to be a callable or one of"),
        ({"shuffle_prop": 1.5}, "Expected `shuffle_prop` to be from 0 to 1, but got 1.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        AbstractHeuristic(**arguments)


def test_direction_by_class_or_argument():
    assert Distance().reversed
    assert AbstractHeuristic(reverse=True).reversed
    assert not AbstractHeuristic().reversed


def test_shuffle_prop_shuffles_with_a_seed_and_leaves_broken_items_last():
    scores = np.append(np.arange(50.0), np.nan)

    def ranks(**arguments):
        with pytest.warns((DeprecationWarning, RuntimeWarning)):
            return Precomputed(0.5, **arguments)(scores).tolist()

    first = ranks(seed=1)
    assert first == ranks(seed=1)
    assert first != ranks(seed=2)
    assert sorted(first) == list(range(51))
    assert first[-1] == 50
    assert 15 <= sum(rank != place for place, rank in enumerate(first)) <= 25


def test_without_a_seed_numpys_global_state_decides():
    with pytest.warns(DeprecationWarning, match="shuffle_prop"):
        heuristic = Precomputed(1.0)
    np.random.seed(5)
    first = heuristic(np.arange(50.0)).tolist()
    second = heuristic(np.arange(50.0)).tolist()
    np.random.seed(5)
    assert heuristic(np.arange(50.0)).tolist() == first != second


@pytest.mark.parametrize("dims", [1, 2])
def test_messages_say_what_was_expected(dims):
    with pytest.raises(
        InvalidArgumentError, match=r"for BALD to be \[N, C, \.\.\., K\] with K sam"
    ):
        BALD()(np.zeros((3,) * dims))


def test_heuristics_travel_between_processes():
    heuristic = pickle.loads(pickle.dumps(BALD(reduction="mean", mode="logits", seed=3)))
    assert (heuristic.reduction, heuristic.mode, heuristic.reversed) == ("mean", "logits", True)


def test_an_iterable_takes_the_memory_of_a_block():
    def batches():
        for _ in range(100):
            yield np.full((100, 10, 200), 0.1, np.float32)  # 80 MB in all

    tracemalloc.start()
    try:
        scores = BALD().get_uncertainties(batches())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scores.shape == (10_000,)
    assert peak < 8e6
