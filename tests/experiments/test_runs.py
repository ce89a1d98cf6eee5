"""One run of a comparison, and what runs leave in their folders."""

import json
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import EPIG, Random, available_heuristics
from baal.active.stopping_criteria import LabelCountsStoppingCriterion
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.compare import Setup
from baal.experiments.runs import Run, execute, named_heuristic, read_runs, run_folder
from baal.utils.random_states import RandomStates
from tests.experiments.small_comparison import N, blobs, make, without_seconds

OPTIONS = {"query_size": 5, "iterations": 3}
RUN = Run("mine", 3, make, Random, initial_labels=30, options=OPTIONS)


def changed(**changes):
    return Run(**{**vars(RUN), **changes})


def test_records_have_heuristic_and_seed_before_all_else():
    rows = execute(RUN)
    assert [list(row)[:2] for row in rows] == [["heuristic", "seed"]] * 3
    assert [(row["heuristic"], row["seed"]) for row in rows] == [("mine", 3)] * 3
    assert [row["n_labelled"] for row in rows] == [30, 35, N]


def test_initial_labels_hang_on_the_seed_and_the_size_of_the_pool_alone():
    rows = execute(RUN)
    initial = np.random.default_rng(3).choice(N, 30, replace=False).tolist()
    assert sorted(initial + rows[0]["chosen"] + rows[1]["chosen"]) == list(range(N))


def test_initial_labels_are_added_to_those_that_are_there():
    def make_with_labels(seed):
        setup = make(seed)
        setup.al_dataset.label([0, 1, 2])
        return setup

    rows = execute(changed(make=make_with_labels))
    assert [row["n_labelled"] for row in rows] == [33, 38, N]
    rows = execute(changed(make=make_with_labels, initial_labels=0))
    assert rows[0]["n_labelled"] == 3


def test_all_random_states_are_seeded_before_anything_is_made_and_put_back_in_the_end():
    drawn = []

    def draw(seed):
        drawn.append((torch.rand(1).item(), np.random.rand(), random.random(), seed))
        return make(seed)

    torch.manual_seed(9), np.random.seed(9), random.seed(9)
    before = RandomStates.current()
    execute(changed(make=draw))
    assert not before.torch_changed()
    assert not before.host_changed()
    torch.manual_seed(3)
    expected = torch.rand(1).item(), np.random.RandomState(3).rand(), random.Random(3).random(), 3
    assert drawn == [expected]


def test_random_states_are_put_back_after_an_error():
    def fail(seed):
        torch.rand(1), np.random.rand(), random.random()
        raise ZeroDivisionError(seed)

    before = RandomStates.current()
    with pytest.raises(ZeroDivisionError):
        execute(changed(make=fail))
    assert not before.torch_changed()
    assert not before.host_changed()


def test_settings_of_ones_own_come_beside_those_of_the_run(tmp_path):
    options = {**OPTIONS, "settings": {"device": "abacus"}}
    execute(changed(folder=tmp_path, options=options))
    configuration = json.loads((tmp_path / "experiment.json").read_text())["configuration"]
    assert configuration["settings"] == {"seed": 3, "initial_labels": 30, "device": "abacus"}
    assert options["settings"] == {"device": "abacus"}  # what was given is left as it was


def test_other_initial_labels_are_another_configuration(tmp_path):
    execute(changed(folder=tmp_path))
    with pytest.raises(StateError, match="initial_labels: 30 before, 29 now"):
        execute(changed(folder=tmp_path, initial_labels=29))


def test_the_target_dataset_reaches_the_heuristic(tmp_path):
    def make_with_target(seed):
        setup = make(seed)
        return Setup(setup.trainer, setup.al_dataset, setup.eval_dataset, blobs(7, seed=1))

    with pytest.warns(UserWarning, match="joint"):
        execute(changed(make=make_with_target, heuristic=partial(EPIG, mode="logits"),
                        folder=tmp_path))  # fmt: skip
    assert json.loads((tmp_path / "experiment.json").read_text())["configuration"][
        "target_dataset"
    ] == 7  # fmt: skip


def test_the_criterion_is_made_for_the_dataset_with_its_initial_labels():
    seen = []

    def criterion(dataset):
        seen.append(dataset.n_labelled)
        return LabelCountsStoppingCriterion(dataset, [31, 37])

    rows = execute(changed(criterion=criterion))
    assert seen == [30]
    assert [row["n_labelled"] for row in rows] == [30, 31, 36, 37]


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        (N + 1, f"`initial_labels` to be at most {N}, the size of the pool, but got {N + 1}"),
        (0, "`initial_labels` to be 1 or more, since `make` gives a dataset without labels"),
    ],
)
def test_initial_labels_that_cannot_be(tmp_path, initial, message):
    with pytest.raises(InvalidArgumentError, match=message):
        execute(changed(initial_labels=initial, folder=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_titles():
    assert RUN.title == "mine, seed 3"
    assert changed(name="errors 5 %").title == "errors 5 %, mine, seed 3"


def test_the_records_of_all_runs_by_seed_and_name(tmp_path):
    expected = []
    for seed in (2, 10):
        for name in ("a", "b-c"):
            run = changed(heuristic_name=name, seed=seed, folder=run_folder(tmp_path, name, seed))
            expected += execute(run)
    assert read_runs(tmp_path) == expected


def test_records_that_are_half_written_and_folders_of_others(tmp_path):
    for name, content in {
        "bald-0": '{"round": 0}\n{"round": 1}\n{"rou',
        "bald-1": '{"rou',
        "bald-07": '{"round": 2}\n',
        "old-runs": "not JSON\n",
        "notes": "not JSON\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "records.jsonl").write_text(content)
    (tmp_path / "random-0").mkdir()  # built, and killed before its first round
    assert read_runs(tmp_path) == [
        {"heuristic": "bald", "seed": 0, "round": 0},
        {"heuristic": "bald", "seed": 0, "round": 1},
        {"heuristic": "bald", "seed": 7, "round": 2},
    ]
    assert read_runs(tmp_path / "nowhere") == []


def test_a_letter_cut_in_half_is_half_a_line(tmp_path):
    (tmp_path / "bald-0").mkdir()
    content = '{"a": "é"}\n'.encode() + '{"a": "é'.encode()[:-1]
    (tmp_path / "bald-0" / "records.jsonl").write_bytes(content)
    assert read_runs(tmp_path) == [{"heuristic": "bald", "seed": 0, "a": "é"}]


def test_a_run_that_has_ended_is_read_and_not_carried_out_again(tmp_path):
    first = execute(changed(folder=tmp_path))

    def make_without_training(seed):
        setup = make(seed)
        setup.trainer.train_on_dataset = None
        return setup

    assert execute(changed(folder=tmp_path, make=make_without_training)) == first


def test_two_runs_are_the_same_but_for_seconds():
    assert without_seconds(execute(RUN)) == without_seconds(execute(RUN))


@pytest.mark.parametrize("name", available_heuristics())
def test_heuristics_by_name_know_mode_and_size_of_batch(name):
    heuristic = named_heuristic(name, 17, "logits", seed=4)
    assert type(heuristic).__name__.lower() == name.replace("_", "")
    assert heuristic.mode == "logits"
    sizes = [getattr(heuristic, key) for key in ("num_samples", "query_size")
             if hasattr(heuristic, key)]  # fmt: skip
    batches = {"batch_bald", "gibbs_sampling", "power_bald", "power_entropy", "power_sampling",
               "rank_based_sampling", "core_set", "bait", "lcmd", "max_det",
               "greedy_sampling", "badge", "prob_cover", "ranked_batch", "typiclust"}  # fmt: skip
    assert sizes == ([17] if name in batches else [])


def test_random_heuristics_by_name_are_seeded():
    def ranks(seed):
        heuristic = named_heuristic("random", 1, "auto", seed=seed)
        return heuristic.get_ranks(np.zeros((30, 2, 2)))[0].tolist()

    assert ranks(1) == ranks(1)
    assert ranks(1) != ranks(2)


def test_folders_of_runs():
    assert run_folder(Path("a"), "batch_bald", 12) == Path("a", "batch_bald-12")


def test_a_setup_has_no_target_unless_it_is_given():
    assert Setup("trainer", ActiveLearningDataset([1]), [2]).target_dataset is None
