"""Heuristics side by side from the same start, kept in one folder that can grow."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from baal.active.heuristics import BALD, PowerBALD, Random
from baal.active.stopping_criteria import LabelCountsStoppingCriterion
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.compare import compare
from baal.experiments.runs import read_runs
from baal.modelwrapper import ModelWrapper
from baal.utils.random_states import RandomStates
from tests.experiments.small_comparison import (
    LABELS,
    SETTINGS,
    N,
    compare_small,
    make,
    without_seconds,
)


class Watched(ModelWrapper):
    """Remembers what each training starts from."""

    def __init__(self, model, args):
        super().__init__(model, args)
        self.starts = []

    def train_on_dataset(self, dataset):
        weights = torch.nn.utils.parameters_to_vector(self.model.parameters()).tolist()
        self.starts.append((np.flatnonzero(dataset.labelled).tolist(), weights))
        return super().train_on_dataset(dataset)


class Watching:
    """A factory that remembers the wrappers it has made, with their seeds."""

    def __init__(self):
        self.made = []

    def __call__(self, seed):
        setup = make(seed, Watched)
        self.made.append((seed, setup.trainer))
        return setup

    def trained(self):
        """Seeds of the runs in which something was trained, in order."""
        return [seed for seed, wrapper in self.made if wrapper.starts]


def runs_of(records):
    """Records without their seconds, by heuristic and seed."""
    runs = {}
    for row in without_seconds(records):
        runs.setdefault((row["heuristic"], row["seed"]), []).append(row)
    return runs


def test_all_heuristics_of_a_seed_start_from_the_same_labels_and_weights():
    factory = Watching()
    compare_small(factory, seeds=[0, 1])
    assert [seed for seed, _ in factory.made] == [0, 0, 0, 1, 1, 1]
    starts = [wrapper.starts[0] for _, wrapper in factory.made]
    assert starts[0] == starts[1] == starts[2]
    assert starts[3] == starts[4] == starts[5]
    assert starts[0][0] != starts[3][0]
    assert starts[0][1] != starts[3][1]
    for seed, wrapper in factory.made:
        labels = np.random.default_rng(seed).choice(N, 8, replace=False)
        assert wrapper.starts[0][0] == sorted(labels)
        # Each round starts from the same weights, with more labels.
        assert {tuple(weights) for _, weights in wrapper.starts} == {tuple(wrapper.starts[0][1])}
        assert [len(labelled) for labelled, _ in wrapper.starts] == LABELS


def test_records_come_seed_by_seed_in_the_order_of_the_heuristics():
    rows = compare_small(seeds=[3, 1]).records
    assert list(runs_of(rows)) == [
        (name, seed) for seed in (3, 1) for name in ("bald", "power_bald", "random")
    ]
    assert [row["n_labelled"] for row in rows] == LABELS * 6
    assert [row["round"] for row in rows] == [0, 1, 2, 3] * 6


def test_results_depend_neither_on_the_order_nor_on_what_else_is_compared():
    one = runs_of(compare_small(heuristics=["entropy", "power_bald"], seeds=[0, 1]).records)
    two = runs_of(compare_small(heuristics=["random", "power_bald", "entropy"], seeds=[1]).records)
    assert two == {run: one[run] for run in two}
    assert list(two) == [("random", 1), ("power_bald", 1), ("entropy", 1)]


def test_heuristics_choose_differently_and_seeds_too():
    runs = runs_of(compare_small().records)
    chosen = {tuple(rows[0]["chosen"]) for rows in runs.values()}
    assert len(chosen) == len(runs) == 6


def test_functions_in_place_of_names():
    by_name = compare_small(heuristics=["power_bald"]).records
    functions = {
        "power_bald": partial(PowerBALD, 5, mode="logits"),
        "random": partial(Random, mode="logits"),
    }
    assert without_seconds(compare_small(heuristics=functions).records) == without_seconds(by_name)


def test_global_random_states_are_as_before():
    torch.manual_seed(11), np.random.seed(12)
    before = RandomStates.current()
    compare_small(seeds=[0])
    assert not before.torch_changed()
    assert not before.host_changed()


@pytest.mark.parametrize(
    ("heuristics", "baseline", "expected"),
    [
        (["entropy"], "random", ["entropy", "random"]),
        (["random", "entropy"], "random", ["random", "entropy"]),
        (["entropy"], None, ["entropy"]),
        (["entropy"], "margin", ["entropy", "margin"]),
        ({"random": lambda seed: BALD()}, "random", ["random"]),
    ],
)
def test_the_baseline_takes_part_unless_it_is_switched_off(heuristics, baseline, expected):
    comparison = compare_small(
        heuristics=heuristics, baseline=baseline, seeds=[0], labelling_budget=5
    )
    assert [curve.heuristic for curve in comparison.curves("test_loss")] == expected
    assert comparison.baseline == baseline
    compared = [row.gain is not None for row in comparison.summary("test_loss").rows]
    assert compared == [baseline is not None and name != baseline for name in expected]


@pytest.mark.parametrize(
    ("counts", "query_size", "expected"),
    [
        ([14, 21], 5, [8, 13, 14, 19, 21]),
        ([14, 21], 4, [8, 12, 14, 18, 21]),
        ([14, 21], 30, [8, 14, 21]),
        ([8], 3, [8]),
        ([3], 3, [8]),
        ([100], 30, [8, 38, N]),
    ],
)
def test_numbers_of_labels_are_met_exactly(counts, query_size, expected):
    rows = compare_small(
        heuristics=["random"], seeds=[0], query_size=query_size, labelling_budget=None,
        criterion=partial(LabelCountsStoppingCriterion, label_counts=counts),
    ).records  # fmt: skip
    assert [row["n_labelled"] for row in rows] == expected
    sizes = np.diff([*expected, expected[-1]]).tolist()
    assert [len(row["chosen"]) for row in rows] == sizes


def test_without_a_budget_the_pool_is_emptied():
    rows = compare_small(
        heuristics=["random"], seeds=[0], query_size=15, labelling_budget=None
    ).records
    assert [row["n_labelled"] for row in rows] == [8, 23, 38, N]


def test_further_options_reach_the_experiment():
    seen = []
    rows = compare_small(
        heuristics=["random"], seeds=[0], ece=True, pool_size=6, callbacks=[seen.append]
    ).records
    assert [row["test_ece"] for row in seen] == [row["test_ece"] for row in rows]
    assert len(seen) == len(LABELS)


def test_a_folder_has_the_records_that_are_returned(tmp_path):
    folder = tmp_path / "new" / "folder"
    comparison = compare_small(Watching(), folder=str(folder))
    lines = (folder / "results.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == comparison.records
    assert sorted(path.name for path in (folder / "runs").iterdir()) == [
        "bald-0", "bald-1", "power_bald-0", "power_bald-1", "random-0", "random-1",
    ]  # fmt: skip
    factory = Watching()
    assert compare_small(factory, folder=folder).records == comparison.records  # and seconds
    assert factory.trained() == []


def test_seeds_and_heuristics_are_added_later(tmp_path):
    alone = compare_small(heuristics=["bald", "entropy"], seeds=[0, 1]).records
    first = compare_small(Watching(), heuristics=["bald"], seeds=[0], folder=tmp_path).records
    factory = Watching()
    more = compare_small(factory, heuristics=["bald", "entropy"], seeds=[0, 1], folder=tmp_path)
    assert factory.trained() == [0, 1, 1, 1]  # entropy on 0, and all on 1
    assert without_seconds(more.records) == without_seconds(alone)
    assert [row for row in more.records if row in first] == first  # with their seconds
    factory = Watching()
    fewer = compare_small(factory, heuristics=["entropy"], seeds=[1], folder=tmp_path).records
    assert factory.trained() == []
    assert list(runs_of(fewer)) == [("entropy", 1), ("random", 1)]
    assert len(read_runs(tmp_path / "runs")) == len(alone)  # nothing is lost


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_size": 6}, "query_size: 5 before, 6 now"),
        ({"initial_labels": 9}, r"settings\.initial_labels: 8 before, 9 now"),
        ({"labelling_budget": 13}, "labelling_budget: 12 before, 13 now"),
        ({"mode": "auto"}, r"heuristic\.mode: .*logits.* before, .*auto.* now"),
        ({"settings": {"data": "new"}}, r'settings\.data: nothing before, "new" now'),
        ({"heuristics": {"bald": partial(PowerBALD, 5)}}, r"heuristic\.class: .*"),
    ],
)
def test_another_configuration_is_refused(tmp_path, change, message):
    settings = {"heuristics": ["bald"], "seeds": [0], "labelling_budget": 12}
    compare_small(folder=tmp_path, **settings)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StateError, match=message):
        compare_small(folder=tmp_path, **{**settings, **change})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def made_too_early(seed):
    raise AssertionError


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"make": "make"}, InvalidTypeError, "`make` to be a function, but got 'make'"),
        ({"heuristics": []}, InvalidArgumentError, "`heuristics` to hold at least one"),
        ({"heuristics": {}}, InvalidArgumentError, "`heuristics` to hold at least one"),
        ({"heuristics": "bald"}, InvalidTypeError, "`heuristics` to be a list, but got 'bald'"),
        ({"heuristics": ["bald", "bald"]}, InvalidArgumentError, "each heuristic once"),
        ({"heuristics": ["bald", "BALD"]}, InvalidArgumentError, "each heuristic once"),
        ({"heuristics": ["bold"]}, InvalidArgumentError, r"one of \['ba.* but got 'bold'"),
        ({"heuristics": [BALD()]}, InvalidTypeError, "functions by their names, but got BALD"),
        ({"heuristics": {"b": BALD()}}, InvalidTypeError, "functions that make .* for 'b'"),
        ({"heuristics": {"a/b": BALD}}, InvalidArgumentError, "a folder can have, but got 'a/b'"),
        ({"heuristics": {"": BALD}}, InvalidArgumentError, "a folder can have, but got ''"),
        ({"baseline": "rendom"}, InvalidArgumentError, "but got 'rendom'"),
        ({"heuristics": ["Random"]}, InvalidArgumentError, r"once, but got \['Random', 'random'\]"),
        ({"mode": "odds"}, InvalidArgumentError, "`mode`"),
        ({"seeds": []}, InvalidArgumentError, "`seeds` to hold at least one"),
        ({"seeds": [1, 1]}, InvalidArgumentError, r"each seed once, but got \[1, 1\]"),
        ({"seeds": [-1]}, InvalidArgumentError, "`seeds` to be 0 or more, but got -1"),
        ({"seeds": [2**32]}, InvalidArgumentError, "`seeds` to be 4294967295 or less"),
        ({"seeds": [0.5]}, InvalidTypeError, "`seeds` to be an int, but got 0.5"),
        ({"seeds": 3}, InvalidTypeError, "`seeds` to be a list, but got 3"),
        ({"initial_labels": -1}, InvalidArgumentError, "`initial_labels` to be 0 or more"),
        ({"labelling_budget": -1}, InvalidArgumentError, "`labelling_budget` to be 0 or more"),
        ({"labelling_budget": 1.5}, InvalidTypeError, "`labelling_budget` to be an int"),
        ({"query_size": 0}, InvalidArgumentError, "`query_size` to be 1 or more"),
        ({"iterations": 0}, InvalidArgumentError, "`iterations` to be at least 1"),
        ({"pool_size": 0}, InvalidArgumentError, "`pool_size` to be 1 or more"),
        ({"jobs": 0}, InvalidArgumentError, "`jobs` to be 1 or more, but got 0"),
        ({"jobs": 2.0}, InvalidTypeError, "`jobs` to be an int, but got 2.0"),
        ({"criterion": made_too_early}, InvalidArgumentError, "but got both of them"),
        ({"criterion": 5, "labelling_budget": None}, InvalidTypeError, "`criterion` to be a func"),
        ({"warm": True}, InvalidArgumentError,
         r"among \['callbacks', 'ece', 'settings', 'warm_start'\], but got \['warm'\]"),
        ({"name": "x"}, InvalidArgumentError, "further options to be among"),
        ({"jobs": 2, "heuristics": {"x": lambda seed: 0}}, InvalidArgumentError, "choose jobs=1"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_before_anything_is_made(tmp_path, change, error, message):
    settings = {"make": made_too_early, **SETTINGS, "folder": tmp_path / "new", **change}
    with pytest.raises(error, match=message):
        compare(**settings)
    assert not (tmp_path / "new").exists()
