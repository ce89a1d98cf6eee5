import json
import logging
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.active.heuristics import (
    BALD,
    EPIG,
    BatchBALD,
    CoreSet,
    Entropy,
    MultiLabelBALD,
    Precomputed,
    Random,
    available_heuristics,
    get_heuristic,
)
from baal.active.label_store import LabelStore
from baal.active.stopping_criteria import (
    LabellingBudgetStoppingCriterion,
    LowAverageUncertaintyStoppingCriterion,
    StoppingCriterion,
)
from baal.bayesian import consistent_dropout
from baal.bayesian.dropout import patch_module
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.base import ActiveLearningExperiment, FrameworkAdapter
from baal.modelwrapper import ModelWrapper, TrainingArgs


class Known(Dataset):
    def __init__(self, scores):
        self.scores = list(scores)

    def __len__(self):
        return len(self.scores)

    def __getitem__(self, index):
        return self.scores[index], index


class KnownScores(FrameworkAdapter):
    """Returns the items' own scores; remembers what it was asked."""

    def __init__(self, predict=None):
        super().__init__(trainer="none")
        self.state, self.trained_from, self.predicted = 0, [], []
        self.make = predict or (lambda dataset, k: np.array([item[0] for item in _all(dataset)]))

    def train(self, dataset):
        self.trained_from.append(self.state)
        self.state += 1
        return {"train_loss": 1 / len(dataset)}

    def evaluate(self, dataset, average_predictions):
        return {"test_loss": np.float32(0.5), "test_k": average_predictions}

    def predict(self, dataset, iterations):
        self.predicted.append([item[1] for item in _all(dataset)])
        return self.make(dataset, iterations)

    def state_dict(self):
        return {"state": self.state}

    def load_state_dict(self, state_dict):
        self.state = state_dict["state"]


def _all(dataset):
    return [dataset[i] for i in range(len(dataset))]


def make(scores, n_labelled=1, predict=None, **kwargs):
    dataset = ActiveLearningDataset(Known(scores), random_state=1)
    dataset.label(list(range(n_labelled)))
    adapter = KnownScores(predict)
    kwargs = {"heuristic": Precomputed(reverse=True), "query_size": 2, "verbose": False} | kwargs
    experiment = ActiveLearningExperiment(adapter, dataset, Known([0.0]), **kwargs)
    adapter.predicted.clear()  # what was tried when it was built
    return experiment, dataset, adapter


def test_the_best_are_labelled_until_the_pool_is_dry():
    experiment, dataset, _ = make([0, 3, 1, 5, 4, 2])
    records = experiment.start()
    assert [row["chosen"] for row in records] == [[3, 4], [1, 5], [2], []]
    assert [row["n_labelled"] for row in records] == [1, 3, 5, 6]
    assert [row["round"] for row in records] == [0, 1, 2, 3]
    assert dataset.n_unlabelled == 0
    assert records[1]["train_loss"] == 1 / 3
    assert records[1]["test_loss"] == 0.5
    assert records[1]["test_k"] == 20
    assert set(records[1]["seconds"]) == {"train", "evaluate", "score"}
    assert experiment.start() == records  # finished


@pytest.mark.parametrize("pool_size", [1, 2, 5, 17, 100])
def test_a_subsampled_pool_labels_what_scored_highest_in_it(pool_size):
    scores = np.random.default_rng(0).permutation(30)
    experiment, _, adapter = make(scores, n_labelled=3, pool_size=pool_size, query_size=4)
    records = experiment.start()
    for seen, row in zip(adapter.predicted, records, strict=False):
        best = sorted(seen, key=lambda item: -scores[item])[:4]
        assert row["chosen"] == best
        assert len(seen) == min(pool_size, 30 - row["n_labelled"])
    assert sorted(item for row in records for item in row["chosen"]) == list(range(3, 30))


def test_a_pool_that_is_empty_from_the_start():
    experiment, _, adapter = make([1, 2], n_labelled=2)
    assert [row["chosen"] for row in experiment.start()] == [[]]
    assert adapter.predicted == []


@pytest.mark.parametrize(("budget", "sizes"), [(5, [1, 3, 5, 6]), (4, [1, 3, 5]), (0, [1])])
def test_the_last_query_is_cut_to_the_budget(budget, sizes):
    def make_with(criterion=None):
        dataset = ActiveLearningDataset(Known(range(20)), random_state=1)
        dataset.label(0)
        criterion = LabellingBudgetStoppingCriterion(dataset, budget)
        return dataset, ActiveLearningExperiment(
            KnownScores(), dataset, Known([0]), Precomputed(reverse=True), 2, 3,
            criterion=criterion, verbose=False,
        )  # fmt: skip

    dataset, experiment = make_with()
    assert [row["n_labelled"] for row in experiment.start()] == sizes
    assert dataset.n_labelled == 1 + budget


class Spy(StoppingCriterion):
    def __init__(self, dataset, needs_uncertainty, stop_at=99):
        super().__init__(dataset)
        self.needs_uncertainty, self.stop_at, self.seen = needs_uncertainty, stop_at, []

    def see_model(self, predict):
        assert predict(Known([7.0])).tolist() == [7.0]

    def should_stop(self, metrics, uncertainty=()):
        self.seen.append((dict(metrics), np.asarray(uncertainty).tolist()))
        return len(self.seen) >= self.stop_at


@pytest.mark.parametrize("needs", [True, False])
def test_criteria_see_metrics_and_scores_and_stop_before_labelling(needs):
    experiment, dataset, adapter = make([0, 3, 1, 5, 4, 2])
    experiment.criterion = spy = Spy(dataset, needs, stop_at=2)
    experiment._never_stops = False
    records = experiment.start()
    assert [row["chosen"] for row in records] == [[3, 4], []]
    assert [metrics["train_loss"] for metrics, _ in spy.seen] == [1, 1 / 3]
    assert [scores for _, scores in spy.seen] == (
        [[3, 1, 5, 4, 2], [3, 1, 2]] if needs else [[], []]
    )
    assert len([seen for seen in adapter.predicted if len(seen) > 1]) == (2 if needs else 1)


def test_a_low_uncertainty_stops():
    dataset = ActiveLearningDataset(Known([0, 9, 8, 1, 1]), random_state=1)
    dataset.label(0)
    experiment = ActiveLearningExperiment(
        KnownScores(), dataset, Known([0]), Precomputed(reverse=True), query_size=2, verbose=False,
        criterion=LowAverageUncertaintyStoppingCriterion(dataset, 2.0),
    )  # fmt: skip
    assert [row["chosen"] for row in experiment.start()] == [[1, 2], []]


@pytest.mark.parametrize(("warm", "expected"), [(False, [0, 0, 0]), (True, [0, 1, 2])])
def test_rounds_start_anew_or_warm(warm, expected):
    experiment, _, adapter = make(range(5), warm_start=warm)
    experiment.start()
    assert adapter.trained_from == expected


def test_callbacks_get_each_record_and_cannot_change_it():
    seen = []

    def callback(record):
        seen.append(dict(record))
        record.clear()

    experiment, _, _ = make(range(5), callbacks=[callback])
    assert experiment.start() == seen


def test_an_error_in_a_callback_repeats_the_round():
    failing = [True]

    def callback(record):
        if record["round"] == 1 and failing.pop():
            failing.append(False)
            raise RuntimeError("no")

    experiment, dataset, _ = make(range(6), callbacks=[callback])
    with pytest.raises(RuntimeError, match="no"):
        experiment.start()
    assert dataset.n_labelled == 3
    failing[:] = [False, False]
    assert [row["n_labelled"] for row in experiment.start()] == [1, 3, 5, 6]


def test_metrics_that_are_not_finite_are_none_on_the_record(tmp_path):
    experiment, _, adapter = make(range(3), folder=tmp_path / "run")
    adapter.evaluate = lambda dataset, k: {"test_loss": float("nan")}
    records = experiment.start()
    assert records[0]["test_loss"] is None
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records


# What is refused when it is built.


def network(p=0.5, outputs=3):
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, outputs))


def blobs(n=20):
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, torch.arange(n) % 3)


def wrapper_for(model, epoch=1, criterion=None):
    criterion = criterion or nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return ModelWrapper(
        model,
        TrainingArgs(
            optimizer, epoch=epoch, batch_size=8, workers=0, use_cuda=False, criterion=criterion
        ),
    )


def build(heuristic, trainer=None, **kwargs):
    dataset = ActiveLearningDataset(blobs(), random_state=1)
    dataset.label_randomly(5)
    trainer = trainer or wrapper_for(patch_module(network()))
    kwargs = {"query_size": 6, "iterations": 4, "verbose": False} | kwargs
    return ActiveLearningExperiment(trainer, dataset, blobs(), heuristic, **kwargs)


def test_an_unknown_trainer_is_a_value_error():
    for trainer in (nn.Linear(1, 1), "trainer", None):
        with pytest.raises(
            ValueError, match="`trainer` to be a ModelWrapper or a FrameworkAdapter"
        ):
            ActiveLearningExperiment(trainer, ActiveLearningDataset([1]), [1], Random())


def test_nothing_labelled_names_label_randomly(tmp_path):
    dataset = ActiveLearningDataset(blobs(), random_state=1)
    for folder in (None, tmp_path / "run"):
        experiment = ActiveLearningExperiment(
            wrapper_for(patch_module(network())), dataset, blobs(), Random(), folder=folder,
            verbose=False,
        )  # fmt: skip
        with pytest.raises(ValueError, match="label_randomly"):
            experiment.start()
    dataset.label_randomly(15)
    assert [row["n_labelled"] for row in experiment.start()] == [15, 20]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"query_size": 0}, InvalidArgumentError, "`query_size` to be 1 or more"),
        ({"query_size": 1.5}, InvalidTypeError, "`query_size` to be an int"),
        ({"pool_size": 0}, InvalidArgumentError, "`pool_size` to be 1 or more"),
        ({"iterations": 0}, InvalidArgumentError, "`iterations` to be at least 1"),
        ({"criterion": "budget"}, InvalidTypeError, "`criterion` to be a stopping criterion"),
        ({"target_dataset": []}, InvalidArgumentError, "`target_dataset` to have items"),
        ({"heuristic": "bald"}, InvalidTypeError, "`heuristic` to be a heuristic"),
    ],
)
def test_bad_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        build(**{"heuristic": Random(), **kwargs})


def test_more_that_is_refused_before_anything_is_trained():
    with pytest.raises(InvalidArgumentError, match="`eval_dataset` to have items"):
        ActiveLearningExperiment(wrapper_for(network()), ActiveLearningDataset([1]), [], Random())
    with pytest.raises(StateError, match=r"`TrainingArgs.optimizer` to be set"):
        build(Random(), ModelWrapper(network(), TrainingArgs()))
    with pytest.raises(InvalidTypeError, match="to be an active dataset"):
        ActiveLearningExperiment(wrapper_for(network()), blobs(), blobs(), Random())
    with pytest.raises(InvalidArgumentError, match="mode"):
        build(MultiLabelBALD(mode="auto"))
    with pytest.raises(InvalidArgumentError, match="prediction for each item, but got 3 for 4"):
        make(range(9), predict=lambda dataset, k: np.zeros(3))


class Storing(Known):
    def label(self, index, value):
        raise AssertionError


def test_a_dataset_that_stores_labels_is_refused():
    with pytest.raises(StateError, match="items with labels already"):
        ActiveLearningExperiment(
            KnownScores(), ActiveLearningDataset(Storing([1, 2])), Known([0]), Random()
        )


@pytest.mark.parametrize("heuristic", [BatchBALD(num_samples=4), EPIG()])
def test_samples_that_are_not_joint_warn_when_it_is_built(heuristic, recwarn):
    with pytest.warns(UserWarning, match="only defined on joint samples"):
        experiment = build(heuristic)
    recwarn.clear()
    experiment.start()
    assert not [w for w in recwarn if "joint" in str(w.message)]  # said once
    build(heuristic, wrapper_for(consistent_dropout.patch_module(network(), seed=0)))


def test_what_is_tried_when_it_is_built_changes_nothing():
    np.random.seed(0), torch.manual_seed(0)
    heuristic, trainer = Random(seed=3), wrapper_for(patch_module(network()))
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    build(heuristic, trainer)
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert heuristic.rng.random() == np.random.default_rng(3).random()


def test_targets_are_predicted_on_as_they_are_given():
    targets = Known(np.arange(100, 107.0))
    targets.__class__ = type("Targets", (Known,), {"__getitem__": lambda s, i: (0.0, 100 + i)})

    def predict(dataset, k):
        return np.full((len(dataset), 2, k), 0.5) + 0.01 * np.arange(k) * [[[1], [-1]]]

    experiment, _, adapter = make(
        range(7), predict=predict, heuristic=EPIG(), target_dataset=targets, query_size=3
    )
    experiment.start()
    assert adapter.predicted[1] == list(range(100, 107))
    assert adapter.predicted[0] == [1, 2, 3, 4, 5, 6]


# All heuristics.

GAUSSIAN = {"gaussian_bald", "gaussian_epig", "predictive_variance"}


class GaussianLoss(nn.Module):
    def forward(self, output, target):
        return nn.functional.gaussian_nll_loss(output[:, 0], target.float(), output[:, 1] ** 2 + 1)


class SquaredLoss(nn.Module):
    def forward(self, output, target):
        return nn.functional.mse_loss(output[:, 0], target.float())


@pytest.mark.parametrize("name", available_heuristics())
def test_every_heuristic_runs_until_the_pool_is_dry(name):
    torch.manual_seed(0)
    if name == "precomputed":
        experiment, dataset, _ = make(range(9))
        sizes = [1, 3, 5, 7, 9]
    else:
        gaussian = name in GAUSSIAN
        outputs = nn.Sequential(network(outputs=2), nn.Softplus()) if gaussian else network()
        model = consistent_dropout.patch_module(outputs, seed=0)
        mode = {} if gaussian else {"mode": "logits"}
        criterion = GaussianLoss() if gaussian else None
        if get_heuristic(name).takes_labelled_targets:  # of numbers, not of classes
            model, criterion = patch_module(network(outputs=1)), SquaredLoss()
        trainer = wrapper_for(model, criterion=criterion)
        experiment = build(get_heuristic(name, **mode), trainer)
        dataset, sizes = experiment.al_dataset, [5, 11, 17, 20]
    records = experiment.start()
    assert [row["n_labelled"] for row in records] == sizes
    assert dataset.n_unlabelled == 0
    chosen = [item for row in records for item in row["chosen"]]
    assert len(set(chosen)) == len(chosen) == sizes[-1] - sizes[0]


# Watching.


def test_a_collapsed_posterior_is_reported(caplog):
    caplog.set_level(logging.INFO, logger="baal")
    trainer = wrapper_for(patch_module(network(p=0.0)))
    with pytest.warns(UserWarning, match="samples of"):
        records = build(BALD(), trainer).start()
    assert [row["collapsed"] for row in records] == [True, True, True, None]
    assert "posterior collapsed iterations=4" in caplog.text
    assert "round finished" in caplog.text
    assert "experiment finished reason='the pool is empty' rounds=4" in caplog.text
    fine = build(Entropy()).start()
    assert [row["collapsed"] for row in fine] == [False, False, False, None]


def test_ece_when_asked_for():
    records = build(Entropy(), ece=True).start()
    assert all(0 < row["test_ece"] < 1 for row in records)
    assert "test_ece" not in build(Entropy()).start()[0]


def test_progress(capsys):
    build(Random(seed=1), verbose=True).start()
    err = capsys.readouterr().err
    assert "active learning: 100%" in err
    assert "4/4" in err
    assert "test_loss=" in err


# A folder.


def test_another_configuration_is_refused_with_the_difference(tmp_path):
    build(Random(seed=1), folder=tmp_path / "run", settings={"seed": 1}).start()
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(StateError, match="query_size: 6 before, 7 now"):
        build(Random(seed=1), folder=tmp_path / "run", settings={"seed": 1}, query_size=7)
    with pytest.raises(StateError, match=r"settings\.seed: 1 before, 2 now"):
        build(Random(seed=1), folder=tmp_path / "run", settings={"seed": 2})
    with pytest.raises(StateError, match=r'heuristic\.class: "Random" before, "BALD" now'):
        build(BALD(), folder=tmp_path / "run", settings={"seed": 1})
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_a_finished_run_is_read_back(tmp_path):
    torch.manual_seed(0)
    first = build(Random(seed=1), folder=tmp_path / "run")
    records = first.start()
    torch.manual_seed(0)
    second = build(Random(seed=1), folder=tmp_path / "run")
    assert second.start() == records  # to the second
    assert second.al_dataset.n_unlabelled == 0
    for a, b in zip(first.adapter.wrapper.get_params(), second.adapter.wrapper.get_params(),
                    strict=True):  # fmt: skip
        assert torch.equal(a, b)


def test_another_start_in_the_same_folder_warns(tmp_path):
    torch.manual_seed(0)
    records = build(Random(seed=1), folder=tmp_path / "run").start()
    torch.manual_seed(1)
    with pytest.warns(UserWarning, match="initial weights or labels are not those"):
        assert build(Random(seed=1), folder=tmp_path / "run").start() == records


def test_an_interrupted_run_goes_on_in_the_same_process(tmp_path):
    torch.manual_seed(0)
    expected = build(Random(seed=1)).start()
    torch.manual_seed(0)
    experiment = build(Random(seed=1), folder=tmp_path / "run")
    train, calls = experiment.adapter.train, []

    def interrupted(dataset):
        calls.append(1)
        metrics = train(dataset)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return metrics

    experiment.adapter.train = interrupted
    with pytest.raises(KeyboardInterrupt):
        experiment.start()
    records = experiment.start()
    for row in expected + records:
        del row["seconds"]
    assert records == expected


def test_a_budget_that_is_spent_ends_a_run_whatever_the_criterion_says():
    class Endless(StoppingCriterion):
        def should_stop(self, metrics, uncertainty=()):
            return False

        def labels_left(self):
            return max(0, 3 - self.active_dataset.n_labelled)

    experiment, dataset, _ = make(range(9))
    experiment.criterion, experiment._never_stops = Endless(dataset), False
    assert [row["n_labelled"] for row in experiment.start()] == [1, 3]


@pytest.mark.parametrize("at", [0, 2])  # the last round is 2
def test_a_round_that_could_not_be_written_down_is_repeated(tmp_path, at):
    torch.manual_seed(0)
    expected = build(Random(seed=1)).start()
    torch.manual_seed(0)
    experiment = build(Random(seed=1), folder=tmp_path / "run")
    append = experiment._folder.append

    def full(record, state):
        if record["round"] == at and not failed:
            failed.append(at)
            raise OSError("No space left on device")
        append(record, state)

    failed = []
    experiment._folder.append = full
    with pytest.raises(OSError, match="No space left"):
        experiment.start()
    records = experiment.start()
    for row in expected + records:
        del row["seconds"]
    assert records == expected


def test_one_process_and_one_thread_at_a_time(tmp_path):
    other = build(Random(seed=1), folder=tmp_path / "run")  # harmless

    def callback(record):
        with pytest.raises(StateError, match="that this process holds"):
            other.start()
        seen.append(record["round"])

    seen = []
    experiment = build(Random(seed=1), folder=tmp_path / "run", callbacks=[callback])
    experiment.start()
    assert seen == [0, 1, 2, 3]
    experiment.callbacks.clear()
    with pytest.warns(UserWarning, match="initial weights or labels are not those"):
        assert other.start() == experiment.start()


class Jittered(Known):
    """Draws from generators of its own."""

    def __init__(self, scores):
        super().__init__(scores)
        self.rng, self.python, self.by = np.random.default_rng(5), random.Random(6), 9

    def __getitem__(self, index):
        score, index = super().__getitem__(index)
        return score + self.by * (self.rng.random() + self.python.random()), index


class Drawing(KnownScores):
    def __init__(self):
        super().__init__()
        self.rng = torch.Generator().manual_seed(7)

    def train(self, dataset):
        torch.manual_seed(3)  # as careless trainers do
        return {"draw": float(torch.rand(1, generator=self.rng)), "item": dataset[0][0]}


def test_generators_of_datasets_and_trainers_go_on_after_a_kill(tmp_path):
    def jittered(**kwargs):
        dataset = ActiveLearningDataset(
            Jittered(range(20)), random_state=1, pool_specifics={"by": 0}
        )
        dataset.label([0])
        return ActiveLearningExperiment(
            Drawing(), dataset, Known([0]), Precomputed(reverse=True), 3, 2, pool_size=12,
            verbose=False, **kwargs,
        )  # fmt: skip

    expected = jittered().start()
    for key in ("draw", "item"):
        assert len({row[key] for row in expected}) == len(expected)
    own = np.random.default_rng(5), random.Random(6)
    assert expected[0]["item"] == 9 * (own[0].random() + own[1].random())  # none was drawn before
    for stop in (1, 3):
        experiment = jittered(folder=tmp_path / "run", callbacks=[_stop_at(stop)])
        with pytest.raises(KeyboardInterrupt):
            experiment.start()
    records = jittered(folder=tmp_path / "run").start()
    for row in expected + records:
        del row["seconds"]
    assert records == expected


def _stop_at(number):
    def callback(record):
        if record["round"] == number:
            raise KeyboardInterrupt

    return callback


def test_a_label_store_beside_a_folder_is_refused(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        x = np.arange(8.0)
        dataset = ActiveNumpyArray((x, x), store=store)
        dataset.label([0])
        adapter = KnownScores(lambda dataset, k: dataset[0])
        with pytest.raises(StateError, match=r"no label store where there is a `folder`"):
            ActiveLearningExperiment(
                adapter, dataset, Known([0]), Random(), folder=tmp_path / "run", verbose=False
            )
        assert not (tmp_path / "run").exists()


def test_another_loss_is_another_configuration(tmp_path):
    def start(loss):
        return build(
            Random(seed=1),
            wrapper_for(patch_module(network()), criterion=loss),
            folder=tmp_path / "run",
        )

    start(nn.CrossEntropyLoss(torch.ones(3))).start()
    with pytest.raises(StateError, match=r"trainer\.criterion\.weight"):
        start(nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 1.0])))
    with pytest.raises(StateError, match=r"args\.criterion\.settings\.label_smoothing: 0\.0"):
        start(nn.CrossEntropyLoss(torch.ones(3), label_smoothing=0.1))


def test_an_experiment_that_takes_more_than_is_planned_warns_when_it_is_built(monkeypatch):
    def embed(_, dataset):
        return np.array([[item[0]] for item in _all(dataset)])

    monkeypatch.setattr(KnownScores, "embed", embed)
    with pytest.warns(UserWarning, match="of CoreSet to be the 3 items .* but got 2:") as caught:
        make([0.1, 0.2, 0.3, 0.4], heuristic=CoreSet(2), query_size=3)
    assert [warning.filename for warning in caught] == [__file__]
