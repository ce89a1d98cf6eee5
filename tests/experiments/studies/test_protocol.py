import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from baal.experiments.datasets import targets_of
from baal.experiments.runs import execute
from baal.experiments.studies.protocol import (
    make_setup,
    protocol_for,
    runs_of,
    settings_of,
    task_of,
)


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "miotcd"])
def test_the_defaults_are_those_of_the_paper(dataset):
    protocol = protocol_for(dataset)
    assert protocol.initial_labels == 500
    assert protocol.iterations == 20
    assert protocol.query_size == 100
    assert protocol.label_counts == (5_000, 10_000, 20_000)
    assert protocol.pool_size is None
    assert protocol.pretrained
    assert protocol.annotation_errors == protocol.rare_classes == 0


def test_fashion_mnist_has_the_label_counts_of_the_paper():
    protocol = protocol_for("fashion-mnist")
    assert protocol.initial_labels == 500
    assert protocol.iterations == 20
    assert protocol.label_counts == (5_000, 10_000, 20_000)


def test_changes_win_over_defaults_and_none_changes_nothing():
    assert protocol_for("mnist5k", epochs=None) == protocol_for("mnist5k")
    changed = protocol_for("mnist5k", epochs=3, pretrained=False)
    assert changed == replace(protocol_for("mnist5k"), epochs=3, pretrained=False)


pytestmark = pytest.mark.usefixtures("clouds_as_digits")


def test_wrong_labels_are_in_the_pool_and_never_in_the_test_set():
    clean, wrong = (task_of(protocol_for("mnist5k", annotation_errors=e), 3) for e in (0, 0.25))
    differ = targets_of(clean.pool) != targets_of(wrong.pool)
    assert differ.sum() == 30
    assert targets_of(wrong.test).tolist() == targets_of(clean.test).tolist()
    other = task_of(protocol_for("mnist5k", annotation_errors=0.25), 4)
    assert targets_of(other.pool).tolist() != targets_of(wrong.pool).tolist()


def test_wrong_labels_are_those_that_are_trained_on():
    protocol = protocol_for("mnist5k", annotation_errors=0.25)
    setup = make_setup(protocol, 3)
    setup.al_dataset.label_dataset_indices(np.arange(120))
    shown = [int(label) for _, label in setup.al_dataset]
    assert shown == targets_of(task_of(protocol, 3).pool).tolist()
    clean = targets_of(task_of(protocol_for("mnist5k"), 3).pool)
    assert (np.array(shown) != clean).sum() == 30
    assert [int(label) for _, label in setup.eval_dataset] == [i % 3 for i in range(30)]


def test_rare_classes_are_the_same_for_all_seeds():
    protocol = protocol_for("mnist5k", rare_classes=2)
    pools = [task_of(protocol, seed).pool for seed in (0, 1)]
    counts = [np.bincount(targets_of(pool)).tolist() for pool in pools]
    assert sorted(counts[0]) == [10, 10, 40]
    assert counts[0] == counts[1]
    points = [torch.stack([x for x, _ in pool]) for pool in pools]
    assert torch.equal(*points)
    assert np.bincount(targets_of(task_of(protocol).test)).tolist() == [10, 10, 10]


@pytest.mark.parametrize("joint", [False, True])
def test_joint_samples(joint):
    setup = make_setup(protocol_for("mnist5k", joint=joint), 0)
    setup.trainer.predict_on_dataset(setup.eval_dataset, iterations=4)
    assert setup.trainer.samples_are_joint is joint


def weights(protocol, seed):
    torch.manual_seed(seed)
    return nn.utils.parameters_to_vector(make_setup(protocol, seed).trainer.model.parameters())


def test_the_initial_weights_hang_on_the_seed_alone():
    plain = protocol_for("mnist5k")
    first = weights(plain, 5)
    changes = [
        {"annotation_errors": 0.1}, {"rare_classes": 1}, {"joint": True}, {"epochs": 9},
        {"query_size": 3}, {"pool_size": 50},
    ]  # fmt: skip
    for change in changes:
        assert torch.equal(first, weights(replace(plain, **change), 5)), change
    assert not torch.equal(first, weights(plain, 6))


def test_arguments_of_training():
    protocol = protocol_for("mnist5k", epochs=4, batch_size=7, learning_rate=0.125, workers=2)
    args = make_setup(protocol, 0).trainer.args
    assert (args.epoch, args.batch_size, args.workers) == (4, 7, 2)
    assert [group["lr"] for group in args.optimizer.param_groups] == [0.125]


def test_settings_are_all_that_decides_on_results():
    protocol = protocol_for("mnist5k", data="/here")
    settings = settings_of(protocol)
    assert "data" not in settings  # the folder may move
    assert settings == settings_of(replace(protocol, data="/there"))
    for change in ({"epochs": 3}, {"annotation_errors": 0.1}, {"rare_classes": 1}, {"joint": True}):
        assert settings_of(replace(protocol, **change)) != settings


def test_one_run_for_each_heuristic_and_seed():
    runs = runs_of(protocol_for("mnist5k"), ("bald", "random"), (0, 4), Path("runs"), "x=1")
    assert [(run.heuristic_name, run.seed) for run in runs] == [
        ("bald", 0), ("random", 0), ("bald", 4), ("random", 4),
    ]  # fmt: skip
    assert runs[2].folder == Path("runs/bald-4")
    assert runs[2].title == "x=1, bald, seed 4"
    pickle.dumps(runs)  # they go to processes of their own


def test_a_run_meets_the_label_counts_and_starts_as_the_others_do():
    def without_folders(*heuristics):
        found = runs_of(protocol_for("mnist5k"), heuristics, (0,), Path("runs"), "x")
        return [execute(replace(run, folder=None)) for run in found]

    bald, random = without_folders("bald", "random")
    assert [row["n_labelled"] for row in bald] == [10, 20, 30, 35]
    assert {bald[0][name] == random[0][name] for name in ("test_loss", "test_error")} == {True}
    assert bald[0]["chosen"] != random[0]["chosen"]
    assert len(bald[0]["test_f1"]) == 3
