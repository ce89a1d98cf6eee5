import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active import ActiveLearningLoop
from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.active.heuristics import BALD, CoreSet, PoolHeuristic, Random
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.gradient_embeddings import factors_of

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = np.arange(20) % 2


class Greedy(PoolHeuristic):
    """Asks for everything, and keeps what it gets."""

    needs_embeddings = True
    needs_gradient_embeddings = False
    takes_labelled_embeddings = True
    takes_labelled_predictions = True
    takes_labelled_targets = True

    def score_pool(self, pool):
        self.seen = pool
        return np.arange(pool.n_items, dtype=float)


class Gradients(PoolHeuristic):
    needs_predictions = False
    needs_gradient_embeddings = True

    def score_pool(self, pool):
        self.seen = pool
        return np.zeros(pool.n_items)


def predict(items):
    return np.stack([items[0], items[0] + 2], axis=-1)  # of which the mean is x + 1


def embed(items):
    return 10 * items[0]


def make(heuristic, labelled=(3, 7), **arguments):
    dataset = ActiveNumpyArray((X, Y), random_state=0)
    if labelled:
        dataset.label_dataset_indices(list(labelled))
    return ActiveLearningLoop(dataset, predict, heuristic, get_embeddings=embed, **arguments)


def test_what_is_asked_for_belongs_to_the_right_items():
    heuristic = Greedy()
    loop = make(heuristic)
    proposal = loop.query()
    pool = np.setdiff1d(np.arange(20), [3, 7])
    assert proposal.dataset_indices.tolist() == [19]
    np.testing.assert_array_equal(heuristic.seen.embeddings, 10 * X[pool])
    np.testing.assert_array_equal(heuristic.seen.labelled_embeddings, 10 * X[[3, 7]])
    np.testing.assert_array_equal(heuristic.seen.labelled_predictions, predict((X[[3, 7]],)))
    np.testing.assert_array_equal(heuristic.seen.labelled_targets, Y[[3, 7], None])


def test_pending_items_count_as_labelled_with_the_label_that_is_expected():
    heuristic = Greedy()
    loop = make(heuristic)
    loop.dataset.propose([5, 1])
    loop.query()
    assert heuristic.seen.n_items == 16
    np.testing.assert_array_equal(heuristic.seen.labelled_embeddings, 10 * X[[1, 3, 5, 7]])
    targets = heuristic.seen.labelled_targets  # three outputs; a known label is all of them
    np.testing.assert_allclose(targets[[0, 2]], X[[1, 5]] + 1)
    np.testing.assert_array_equal(targets[[1, 3]], [[1] * 3] * 2)


def test_nothing_is_labelled_yet():
    heuristic = Greedy()
    make(heuristic, labelled=()).query()
    assert heuristic.seen.labelled_embeddings is None
    assert heuristic.seen.labelled_targets is None


def test_only_the_part_of_the_pool_that_is_scored_is_embedded():
    heuristic = Greedy()
    loop = make(heuristic, max_sample=5)
    proposal = loop.query()
    assert heuristic.seen.embeddings.shape == (5, 3)
    in_pool = heuristic.seen.embeddings[-1] / 10
    np.testing.assert_allclose(X[proposal.dataset_indices[0]], in_pool, rtol=1e-6)


def test_core_set_walks_away_from_what_is_labelled_in_any_kind_of_dataset():
    for dataset in (
        ActiveNumpyArray((X, Y)),
        ActiveLearningDataset(TensorDataset(torch.tensor(X), torch.tensor(Y))),
    ):
        dataset.label_dataset_indices([3, 7])

        def embed(items):
            if isinstance(items, tuple):
                return items[0]
            return np.stack([np.asarray(item[0]) for item in items])

        loop = ActiveLearningLoop(dataset, predict, CoreSet(4), 4, get_embeddings=embed)
        pool = np.setdiff1d(np.arange(20), [3, 7])
        ranks = CoreSet(4)(embeddings=X[pool], labelled_embeddings=X[[3, 7]])
        chosen = loop.query().dataset_indices.tolist()
        assert chosen == pool[ranks[:4]].tolist()
        loop.step()
        assert np.flatnonzero(dataset.labelled).tolist() == sorted([3, 7, *chosen])


def wrapper():
    torch.manual_seed(0)
    return ModelWrapper(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), TrainingArgs(workers=0))


def test_a_wrapper_supplies_embeddings_and_gradients_itself():
    wrapped = wrapper()
    data = TensorDataset(torch.tensor(X), torch.tensor(Y))
    dataset = ActiveLearningDataset(data, labelled=Y == 1)
    heuristic = Gradients()
    loop = ActiveLearningLoop(dataset, wrapped.predict_on_dataset, heuristic, verbose=False)
    loop.query()
    pool = torch.utils.data.Subset(data, np.flatnonzero(Y == 0))
    expected = wrapped.gradient_embed_on_dataset(pool, verbose=False)
    np.testing.assert_array_equal(heuristic.seen.embeddings, expected.embeddings)
    np.testing.assert_array_equal(heuristic.seen.residuals, expected.residuals)
    first = ActiveLearningLoop(dataset, wrapped.predict_on_dataset, CoreSet(1), verbose=False)
    ranks = CoreSet(1)(
        embeddings=expected.embeddings,
        labelled_embeddings=wrapped.embed_on_dataset(dataset, verbose=False),
    )
    assert first.query().pool_indices[0] == ranks[0]


def test_gradients_are_made_of_predictions_where_nobody_has_them():
    heuristic = Gradients()
    make(heuristic).query()
    pool = X[np.setdiff1d(np.arange(20), [3, 7])]
    expected = factors_of(pool + 1, 10 * pool)
    np.testing.assert_allclose(heuristic.seen.residuals, expected.residuals, rtol=1e-5)
    np.testing.assert_array_equal(heuristic.seen.embeddings, expected.embeddings)


def test_gradients_of_a_single_output_are_those_of_a_bernoulli():
    heuristic = Gradients()
    p = np.random.default_rng(1).uniform(size=(20, 1))

    def probability(items):  # of the second of two classes, [N, 1, K]
        return np.stack([items[0], items[0]], axis=-1)

    dataset = ActiveNumpyArray((p, Y), random_state=0)
    ActiveLearningLoop(dataset, probability, heuristic, get_embeddings=embed).query()
    np.testing.assert_allclose(heuristic.seen.residuals, p - (p > 0.5))
    np.testing.assert_array_equal(heuristic.seen.embeddings, 10 * p)


def test_predictions_in_batches_are_drawn_before_anything_else():
    order = []

    def in_batches(items):
        for number in range(2):
            order.append(f"batch {number}")
            yield np.ones((9, 2, 3)) / 2

    class Asks(PoolHeuristic):
        needs_embeddings = True

        def score_pool(self, pool):
            return np.zeros(pool.n_items)

    dataset = ActiveNumpyArray((X, Y), labelled=np.isin(np.arange(20), [3, 7]))

    def embed(items):
        order.append("embeddings")
        return items[0]

    ActiveLearningLoop(dataset, in_batches, Asks(), get_embeddings=embed).query()
    assert order == ["batch 0", "batch 1", "embeddings"]


def test_other_heuristics_are_asked_for_nothing():
    def embed(items):
        raise AssertionError

    dataset = ActiveNumpyArray((X, Y))
    for heuristic in (BALD(), Random()):
        loop = ActiveLearningLoop(dataset, predict, heuristic, get_embeddings=embed)
        assert len(loop.query()) == 1


@pytest.mark.parametrize("heuristic", [CoreSet(1), Gradients()])
def test_nobody_gives_embeddings(heuristic):
    message = (
        rf"supply {type(heuristic).__name__} with .* without `embed_on_dataset`: .* "
        "or pass `get_embeddings`"
    )
    with pytest.raises(InvalidArgumentError, match=message):
        ActiveLearningLoop(ActiveNumpyArray((X, Y)), predict, heuristic)


def test_nobody_gives_gradient_lengths():
    heuristic = Gradients()
    heuristic.needs_gradient_embeddings, heuristic.needs_gradient_lengths = False, True
    with pytest.raises(InvalidArgumentError, match="without `gradient_lengths_on_dataset`"):
        make(heuristic)


def test_dicts_have_their_label_by_name():
    items = [{"x": x, "label": y} for x, y in zip(X, Y, strict=True)]
    dataset = ActiveLearningDataset(items, labelled=np.arange(20) < 4)
    heuristic = Greedy()

    def predict(items):
        return np.stack([item["x"] for item in items])

    ActiveLearningLoop(dataset, predict, heuristic, get_embeddings=predict).query()
    assert heuristic.seen.labelled_targets.ravel().tolist() == [0, 1, 0, 1]


class Listed(torch.utils.data.Dataset):
    """Items as they come."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def greedy_loop(item_of):
    items = Listed([item_of(x, y) for x, y in zip(X, Y, strict=True)])
    dataset = ActiveLearningDataset(items, labelled=np.isin(np.arange(20), [2, 5]))
    heuristic = Greedy()

    def predict(items):
        return np.zeros((len(items), 1))

    return heuristic, ActiveLearningLoop(dataset, predict, heuristic, get_embeddings=predict)


@pytest.mark.parametrize(
    "item_of",
    [
        lambda x, y: (x, y),
        lambda x, y: [x, float(y), "further"],
        lambda x, y: {"x": x, "target": np.array([y])},
        lambda x, y: {"labels": torch.tensor(float(y)), "x": x},
        lambda x, y: (x, torch.tensor([float(y)], requires_grad=True)),
        lambda x, y: (x, torch.tensor(y, dtype=torch.bfloat16)),
        lambda x, y: (x, bool(y)),
    ],
)
def test_labels_in_whatever_form(item_of):
    heuristic, loop = greedy_loop(item_of)
    loop.query()
    assert heuristic.seen.labelled_targets.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("item_of", "got"),
    [
        (lambda x, y: {"x": x, "y": y}, r"a dict with the keys \['x', 'y'\] as item 2"),
        (lambda x, y: x, r"ndarray of shape \(3,\) as item 2"),
        (lambda x, y: torch.tensor(x), r"Tensor of shape \(3,\) as item 2"),
        (lambda x, y: float(x[0]), "float .* as item 2"),
        (lambda x, y: (x,), "a tuple of length 1 as item 2"),
        (lambda x, y: "text", "str 'text' as item 2"),
    ],
)
def test_items_without_a_label(item_of, got):
    _, loop = greedy_loop(item_of)
    message = rf"be \(input, label\), or dicts with one of .*'target'\), .* but got {got}\."
    with pytest.raises(InvalidArgumentError, match=message):
        loop.step()
    assert loop.dataset.n_labelled == 2


@pytest.mark.parametrize(
    ("label", "got"),
    [
        (None, "None"),
        ("cat", "str 'cat'"),
        ({"a": 1.0}, "dict {'a': 1.0}"),
        ([], "a list of length 0"),
        (torch.zeros(0), r"Tensor of shape \(0,\)"),
    ],
)
def test_labels_that_are_no_numbers(label, got):
    _, loop = greedy_loop(lambda x, y: (x, label))
    with pytest.raises(InvalidArgumentError, match=f"be numbers, .* but got {got} as that of item"):
        loop.step()


def test_labels_of_different_lengths():
    _, loop = greedy_loop(lambda x, y: (x, np.zeros(2 + y)))
    with pytest.raises(InvalidArgumentError, match=r"one number of values, .* got \[2, 3\]"):
        loop.step()
