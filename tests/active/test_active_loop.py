import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import Dataset, Subset, TensorDataset

from baal.active.active_loop import ActiveLearningLoop, Proposal
from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.active.heuristics import (
    BALD,
    EPIG,
    AbstractHeuristic,
    BatchBALD,
    Certainty,
    CoreSet,
    PowerBALD,
    Precomputed,
    Random,
)
from baal.active.label_store import LabelStore
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError, StateError


class Known(Dataset):
    """Items that carry their own score, so that the right choice is known."""

    def __init__(self, scores):
        self.scores = scores

    def __len__(self):
        return len(self.scores)

    def __getitem__(self, index):
        return self.scores[index], index


def known_scores(pool, **_):
    return np.array([pool[i][0] for i in range(len(pool))])


def make(scores, labelled=None, **kwargs):
    dataset = ActiveLearningDataset(Known(list(scores)), labelled=labelled, random_state=1)
    kwargs = {"heuristic": Precomputed(reverse=True), **kwargs}
    return dataset, ActiveLearningLoop(dataset, known_scores, **kwargs)


def test_the_best_are_proposed_first_and_nothing_is_labelled():
    dataset, loop = make([0.1, 0.9, 0.5, 0.7], labelled=[0, 1, 0, 0], query_size=2)
    proposal = loop.query()
    assert proposal.dataset_indices.tolist() == [3, 2]
    assert proposal.pool_indices.tolist() == [2, 1]
    assert proposal.scores.tolist() == [0.7, 0.5]
    assert len(proposal) == 2
    assert dataset.n_labelled == 1


def test_step_labels_what_query_proposes():
    dataset, loop = make([0.1, 0.9, 0.5, 0.7], query_size=2)
    wanted = loop.query().dataset_indices
    assert loop.step() is True
    assert sorted(np.flatnonzero(dataset.labelled)) == sorted(wanted) == [1, 3]
    assert dataset.current_al_step == 1


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_subsampled_pools_label_the_best_of_the_subset(data):
    """A subset's positions must never be taken for positions in the pool."""
    n = data.draw(st.integers(2, 40))
    scores = data.draw(st.permutations(range(n)))
    labelled = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    max_sample, query_size = data.draw(st.integers(1, n)), data.draw(st.integers(1, n))
    seen = []

    def predict(pool):
        seen.extend(pool[i][1] for i in range(len(pool)))
        return known_scores(pool)

    dataset = ActiveLearningDataset(Known(scores), labelled=labelled, random_state=1)
    pool = set(np.flatnonzero(~dataset.labelled))
    loop = ActiveLearningLoop(
        dataset, predict, Precomputed(reverse=True), query_size=query_size, max_sample=max_sample
    )
    stepped = loop.step()
    assert stepped is bool(pool)
    assert len(seen) == min(max_sample, len(pool))
    best = sorted(seen, key=lambda item: -scores[item])[:query_size]
    assert set(np.flatnonzero(dataset.labelled)) == set(range(n)) - pool | set(best)


def test_the_random_subset_follows_the_dataset_s_seed_and_changes():
    def subsets(seed):
        dataset = ActiveLearningDataset(Known(list(range(100))), random_state=seed)
        seen = []

        def predict(pool):
            seen.append([pool[i][1] for i in range(len(pool))])
            return known_scores(pool)

        loop = ActiveLearningLoop(dataset, predict, Precomputed(), max_sample=5)
        loop.query()
        loop.query()
        return seen

    assert subsets(3) == subsets(3)
    assert subsets(3) != subsets(4)
    assert subsets(3)[0] != subsets(3)[1]


def test_a_custom_pool_is_mapped_back():
    dataset, loop = make([0.9, 0.8, 0.1, 0.7, 0.6], labelled=[1, 0, 0, 0, 0])
    assert loop.step(Subset(dataset.pool, [1, 3])) is True  # dataset indices 2 and 4
    assert np.flatnonzero(dataset.labelled).tolist() == [0, 4]


def test_a_custom_pool_with_max_sample_and_nested_subsets():
    dataset, loop = make([0.9, 0.8, 0.1, 0.7, 0.6], max_sample=1)
    pool = Subset(Subset(dataset.pool, [4, 3, 2]), [0, 2])  # dataset indices 4 and 2
    for _ in range(5):
        assert loop.query(pool).dataset_indices[0] in {2, 4}


def test_a_custom_pool_that_cannot_be_mapped_is_refused():
    dataset, loop = make([0.9, 0.8, 0.1])
    with pytest.raises(InvalidArgumentError, match="Expected `pool` to be the pool"):
        loop.step(Known([0.3]))
    stale = Subset(dataset.pool, [0, 1])
    loop.step()
    with pytest.raises(InvalidIndexError):
        loop.step(stale)
    assert dataset.n_labelled == 1


def test_an_empty_custom_pool_labels_nothing():
    dataset, loop = make([0.9, 0.8])
    assert loop.step(Subset(dataset.pool, [])) is False


def test_query_size_zero_does_nothing():
    dataset, loop = make([0.9, 0.8], query_size=0)
    assert loop.step() is False
    assert len(loop.query()) == 0
    assert dataset.n_labelled == 0


def test_a_query_larger_than_the_pool_takes_it_all_and_then_stops():
    dataset, loop = make([0.9, 0.8, 0.7], query_size=10)
    assert loop.step() is True
    assert dataset.n_unlabelled == 0
    assert loop.step() is False


@pytest.mark.parametrize("nothing", [None, [], np.zeros((0, 2)), iter(())])
def test_no_predictions_label_nothing(nothing):
    dataset = ActiveLearningDataset(Known([0.1, 0.2]))
    assert ActiveLearningLoop(dataset, lambda _: nothing, BALD()).step() is False
    assert dataset.n_labelled == 0


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_predictions_is_an_error(count):
    dataset = ActiveLearningDataset(Known([0.1, 0.2]))
    loop = ActiveLearningLoop(dataset, lambda _: np.zeros(count), Precomputed())
    with pytest.raises(InvalidArgumentError, match=f"the 2 items of its pool.*but got {count}"):
        loop.step()
    assert dataset.n_labelled == 0


def test_generators_arrays_and_arguments():
    """What the predictor gets and may give; BALD is ln 2 for the item in dispute."""
    probabilities = np.full((5, 2, 2), 0.5)
    probabilities[3] = [[1, 0], [0, 1]]
    dataset = ActiveLearningDataset(TensorDataset(torch.zeros(5, 1), torch.zeros(5)))

    def predict(pool, iterations, way):
        assert iterations == 20
        return probabilities if way == "array" else (probabilities[i : i + 2] for i in (0, 2, 4))

    for way in ("array", "generator"):
        loop = ActiveLearningLoop(dataset, predict, BALD(), iterations=20, way=way)
        proposal = loop.query()
        assert proposal.dataset_indices.tolist() == [3]
        assert proposal.scores[0] == pytest.approx(np.log(2))


def test_heuristics_without_needs_are_not_given_predictions():
    def never(_):
        raise AssertionError("called in vain")

    dataset = ActiveLearningDataset(Known(list(range(50))), random_state=0)
    assert ActiveLearningLoop(dataset, never, Random(seed=1), query_size=7).step() is True
    assert dataset.n_labelled == 7
    assert isinstance(ActiveLearningLoop(dataset, never).heuristic, Random)


def test_a_low_score_wins_where_low_is_uncertain():
    x = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    dataset = ActiveNumpyArray((x, np.arange(3)))
    loop = ActiveLearningLoop(dataset, lambda pool: pool[0], Certainty())
    assert loop.query().dataset_indices.tolist() == [1]


def test_arrays_are_subsampled_too():
    x = np.arange(10.0)[:, None]
    dataset = ActiveNumpyArray((x, np.arange(10)), random_state=3)
    sizes = []

    def predict(pool):
        sizes.append([len(part) for part in pool])
        return pool[0][:, 0]

    ActiveLearningLoop(dataset, predict, Precomputed(reverse=True), max_sample=4).step()
    assert sizes == [[4, 4]]
    assert dataset.n_labelled == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"query_size": -1}, InvalidArgumentError, "`query_size` to be 0 or more, but got -1"),
        ({"query_size": 1.5}, InvalidTypeError, "`query_size` to be an int, but got 1.5"),
        ({"query_size": True}, InvalidTypeError, "`query_size` to be an int, but got True"),
        ({"max_sample": 0}, InvalidArgumentError, "`max_sample` to be -1 .* but got 0"),
        ({"max_sample": -2}, InvalidArgumentError, "`max_sample` to be -1 .* but got -2"),
        ({"max_sample": "3"}, InvalidTypeError, "`max_sample` to be an int, but got '3'"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        make([0.1], **arguments)


def test_the_deprecated_name_of_query_size():
    with pytest.warns(DeprecationWarning, match="use `query_size`") as caught:
        _, loop = make([0.1, 0.2, 0.3], ndata_to_label=2)
    assert len(caught) == 1
    assert len(loop.query()) == 2


def test_no_uncertainties_are_written_where_labelling_fails(tmp_path, monkeypatch):
    dataset, loop = make([0.1, 0.9], uncertainty_folder=tmp_path)

    def fail(index):
        raise OSError

    monkeypatch.setattr(dataset, "label_dataset_indices", fail)
    with pytest.raises(OSError):
        loop.step()
    assert list(tmp_path.iterdir()) == []


def test_written_uncertainties_are_those_before_labelling(tmp_path):
    folder = tmp_path / "deep" / "folder"
    dataset, loop = make([0.1, 0.9, 0.5], labelled=[1, 0, 0], uncertainty_folder=str(folder))
    before = dataset.state_dict()
    loop.query()
    assert not folder.exists()
    loop.step()
    (path,) = folder.iterdir()
    assert path.name == "uncertainty_pool=2_labelled=1.pkl"
    content = pickle.loads(path.read_bytes())
    assert content["indices"] is None
    assert content["uncertainty"].tolist() == [0.9, 0.5]
    assert content["dataset"]["labelled"].tolist() == before["labelled"].tolist() == [1, 0, 0]


def test_written_uncertainties_of_a_subset_come_with_its_pool_indices(tmp_path):
    scores = np.random.default_rng(0).random(30)
    _, loop = make(scores, max_sample=6, uncertainty_folder=tmp_path)
    loop.step()
    content = pickle.loads(next(tmp_path.iterdir()).read_bytes())
    np.testing.assert_array_equal(content["uncertainty"], scores[content["indices"]])


def test_a_heuristic_of_ones_own():
    class Last(AbstractHeuristic):
        def compute_score(self, predictions):
            return -np.arange(len(predictions), dtype=float)

    dataset = ActiveLearningDataset(Known([0.3] * 4))
    loop = ActiveLearningLoop(dataset, known_scores, Last())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loop.query().dataset_indices.tolist() == [3]


def test_nan_never_wins():
    dataset, loop = make([np.nan, 0.1, 0.2, -np.inf], query_size=3)
    with pytest.warns(RuntimeWarning, match="finite"):
        proposal = loop.query()
    assert proposal.dataset_indices.tolist() == [2, 1]
    assert proposal.scores.tolist() == [0.2, 0.1]
    with pytest.warns(RuntimeWarning, match="finite"):
        assert loop.step() is True
    assert np.flatnonzero(dataset.labelled).tolist() == [1, 2]


def test_without_a_finite_score_nothing_is_proposed():
    dataset, loop = make([np.nan, np.inf])
    with (
        pytest.warns(RuntimeWarning, match="got 2 of 2"),
        pytest.raises(StateError, match=r"Expected at least one finite score .* the 2 items"),
    ):
        loop.step()
    assert dataset.n_labelled == 0


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("max_sample", [-1, 3])
def test_a_label_given_while_predicting_shifts_nothing(arrays, max_sample):
    scores = np.array([0.1, 0.2, 0.9, 0.8])
    labelled = [False, True, False, False]
    if arrays:
        dataset = ActiveNumpyArray((scores, np.arange(4)), labelled=labelled)
    else:
        dataset = ActiveLearningDataset(Known(list(scores)), labelled=labelled)

    def predict(pool):
        dataset.label_dataset_indices(0)
        return pool[0] if arrays else known_scores(pool)

    loop = ActiveLearningLoop(
        dataset, predict, Precomputed(reverse=True), query_size=2, max_sample=max_sample
    )
    assert loop.step() is True
    assert dataset.labelled_map.tolist() == [2, 1, 3, 3]


class Answers(Known):
    """Items that store the answers they are given."""

    def __init__(self, scores):
        super().__init__(scores)
        self.answers = {}

    def label(self, index, value):
        self.answers[index] = value


def test_step_refuses_labels_that_somebody_must_give_before_predicting():
    def never(_):
        raise AssertionError("called in vain")

    dataset = ActiveLearningDataset(Answers([0.1, 0.2]))
    with pytest.raises(StateError, match=r"`ask\(\)`.*dataset\.answer"):
        ActiveLearningLoop(dataset, never, BALD()).step()
    dataset.can_label = False
    assert ActiveLearningLoop(dataset, known_scores, Precomputed()).step() is True


def test_answers_may_come_one_at_a_time():
    source = Answers([0.1, 0.9, 0.5, 0.7])
    dataset = ActiveLearningDataset(source)
    loop = ActiveLearningLoop(dataset, known_scores, Precomputed(reverse=True), query_size=3)
    proposal = loop.query()
    for index in proposal.dataset_indices:
        dataset.label_dataset_indices(index, f"answer {index}")
    assert source.answers == {1: "answer 1", 3: "answer 3", 2: "answer 2"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], len, Random()), "`dataset` to be an active dataset.*but got list"),
        (("dataset", None, Random()), "`get_probabilities` to be callable.*but got NoneType"),
        (("dataset", len, BALD), r"`heuristic`.*get_heuristic\('bald'\).*but got <class"),
        (("dataset", len, "bald"), r"`heuristic`.*get_heuristic\('bald'\).*but got 'bald'"),
    ],
)
def test_wrong_parts_are_refused_at_once(arguments, message):
    dataset, *others = arguments
    if dataset == "dataset":
        dataset = ActiveLearningDataset(Known([0.1]))
    with pytest.raises(InvalidTypeError, match=message):
        ActiveLearningLoop(dataset, *others)


def test_until_the_pool_is_dry_every_item_is_labelled_once():
    dataset, loop = make(np.random.default_rng(1).random(23), query_size=5, max_sample=9)
    order = []
    while True:
        proposal = loop.query()
        if len(proposal) == 0:
            break
        dataset.label_dataset_indices(proposal.dataset_indices)
        order.extend(proposal.dataset_indices)
    assert sorted(order) == list(range(23))


def test_proposals_compare_by_identity():
    empty = np.zeros(0, dtype=np.int64)
    proposal = Proposal(empty, empty, np.zeros(0))
    assert proposal == proposal
    assert proposal != Proposal(empty, empty, np.zeros(0))


class NeedsJoint(Precomputed):
    needs_joint_samples = True


@pytest.mark.parametrize("joint", [True, None, False])
def test_a_heuristic_that_needs_joint_samples_warns_once_of_others(joint):
    class Predictor:
        samples_are_joint = joint

        def predict(self, pool):
            return known_scores(pool)

    dataset = ActiveLearningDataset(Known([0.1, 0.9, 0.5]))
    for heuristic in (Precomputed(reverse=True), NeedsJoint(reverse=True)):
        loop = ActiveLearningLoop(dataset, Predictor().predict, heuristic)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loop.query()
            loop.query()
        expected = joint is False and isinstance(heuristic, NeedsJoint)
        assert len(caught) == expected
        assert all("NeedsJoint is only defined on joint samples" in str(w.message) for w in caught)
        assert all(w.filename == __file__ for w in caught)


@pytest.mark.parametrize("as_batches", [False, True])
def test_a_target_dataset_is_predicted_for_heuristics_that_ask_for_it(as_batches):
    rng = np.random.default_rng(0)
    samples = rng.dirichlet(np.ones(3), size=(12, 8)).transpose(0, 2, 1)  # [12, C, K]
    asked = []

    def predict(items, factor):
        asked.append(len(items))
        found = np.stack([samples[items[i][1]] for i in range(len(items))]) * factor
        return iter(np.array_split(found, 3)) if as_batches else found

    dataset = ActiveLearningDataset(Known(list(range(12))), labelled=[0] * 8 + [1] * 4)
    targets = Subset(dataset._dataset, [8, 9, 10])
    loop = ActiveLearningLoop(dataset, predict, EPIG(), 8, target_dataset=targets, factor=1.0)
    proposal = loop.query()
    ranks, scores = EPIG().get_ranks(samples[:8], target_predictions=samples[8:11])
    assert asked == [8, 3]
    assert proposal.dataset_indices.tolist() == ranks.tolist()
    np.testing.assert_allclose(proposal.scores, scores[ranks])
    other = ActiveLearningLoop(dataset, predict, BALD(), target_dataset=targets, factor=1.0)
    other.query()
    assert asked == [8, 3, 8]


def test_what_was_asked_for_is_not_asked_for_again():
    dataset, loop = make([0.1, 0.9, 0.5, 0.7, 0.3], query_size=2)
    first = loop.ask()
    assert first.dataset_indices.tolist() == [1, 3]
    assert dataset.pending_indices.tolist() == [1, 3]
    assert dataset.pending_scores.tolist() == [0.9, 0.7]
    assert dataset.n_labelled == 0
    assert loop.query().dataset_indices.tolist() == [2, 4]  # a query sets nothing down
    dataset.cannot_label(2)
    assert loop.ask().dataset_indices.tolist() == [4, 0]
    assert len(loop.ask()) == 0
    assert dataset.pending_indices.tolist() == [0, 1, 3, 4]
    dataset.withdraw([2, 3])
    again = loop.query()
    assert again.dataset_indices.tolist() == [3, 2]
    assert again.pool_indices.tolist() == [3, 2]
    dataset.label_dataset_indices(1)
    assert loop.query().pool_indices.tolist() == [2, 1]  # indices of the pool, as ever


def test_a_part_of_the_pool_without_what_was_asked_for():
    dataset, loop = make([0.1, 0.9, 0.5, 0.7, 0.3], labelled=[1, 0, 0, 0, 0], query_size=9)
    dataset.propose(1)
    part = Subset(dataset.pool, [3, 0, 1])  # dataset indices 4, 1, 2
    assert loop.query(part).dataset_indices.tolist() == [2, 4]
    dataset.propose([2, 4])
    assert len(loop.query(part)) == 0


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_asking_until_nothing_is_left_asks_for_each_item_once(data):
    n = data.draw(st.integers(1, 12))
    dataset, loop = make(
        data.draw(st.permutations(range(n))),
        query_size=data.draw(st.integers(1, 4)),
        max_sample=data.draw(st.sampled_from([-1, 3])),
    )
    asked = []
    while len(proposal := loop.ask()):
        asked += proposal.dataset_indices.tolist()
        if data.draw(st.booleans()):
            dataset.label_dataset_indices(proposal.dataset_indices)
    assert sorted(asked) == list(range(n))


class SeesPending(Precomputed):
    takes_pending = True

    def get_ranks(self, predictions, target_predictions=None, pending_predictions=None):
        self.seen = pending_predictions
        return super().get_ranks(predictions)


def test_a_batch_heuristic_is_told_what_was_asked_for():
    dataset, loop = make([0.1, 0.9, 0.5, 0.7], labelled=[1, 0, 0, 0], heuristic=SeesPending())
    loop.query()
    assert loop.heuristic.seen is None
    dataset.propose([3, 1])
    loop.query()
    assert loop.heuristic.seen.tolist() == [0.9, 0.7]


def test_batch_bald_asks_for_what_pending_items_do_not_tell():
    # Three posterior samples: one item tells the first from the others, another the last two apart.
    one, other = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]]
    samples = np.array([one, one, other])
    dataset = ActiveLearningDataset([0, 1, 2])
    loop = ActiveLearningLoop(
        dataset, lambda pool: samples[[pool[i] for i in range(len(pool))]], BatchBALD(1)
    )
    assert loop.ask().dataset_indices.tolist() == [0]
    # By itself the copy of item 0 is the best; once item 0 is answered it tells nothing.
    assert BALD().get_ranks(samples[1:])[0].tolist() == [0, 1]
    proposal = loop.query()
    assert proposal.dataset_indices.tolist() == [2]
    assert proposal.scores == pytest.approx(2 / 3 * np.log(2), abs=1e-6)


def test_what_others_took_while_the_pool_was_scored_is_not_asked_for(tmp_path):
    """Two processes with one store: the work of hours is not thrown away for one item of it."""
    scores = np.linspace(0, 1, 8)  # the lowest wins

    def dataset():
        return ActiveLearningDataset(range(8), store=LabelStore(tmp_path / "labels.db"))

    ours, theirs = dataset(), dataset()

    def predict(pool):
        theirs.label_dataset_indices(0)
        theirs.propose(1)
        theirs.cannot_label(3)
        return scores

    proposal = ActiveLearningLoop(ours, predict, Precomputed(), 5).ask()
    assert proposal.dataset_indices.tolist() == [2, 4]
    assert proposal.pool_indices.tolist() == [2, 4]
    assert proposal.scores.tolist() == scores[[2, 4]].tolist()
    assert dataset().pending_indices.tolist() == [1, 2, 4]


def with_batches_of(heuristic, query_size):
    dataset = ActiveNumpyArray((np.eye(9), np.zeros(9)), random_state=0)
    return ActiveLearningLoop(
        dataset, lambda _: None, heuristic, query_size, get_embeddings=lambda items: items[0]
    )


def test_fewer_items_planned_than_taken():
    with pytest.warns(UserWarning, match="of CoreSet to be the 3 items .* but got 1:") as caught:
        loop = with_batches_of(CoreSet(1), 3)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert len(loop.query()) == 3  # and no further warning


@pytest.mark.parametrize("heuristic", [CoreSet(3), CoreSet(10), BatchBALD(1), PowerBALD(1), BALD()])
def test_as_many_planned_as_taken_or_nothing_planned(heuristic):
    with_batches_of(heuristic, 3)
