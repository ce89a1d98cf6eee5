"""The studies of the paper as a person runs them: output, files, refusals, a kill in between."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "experiments"
SMALL = "--dataset mnist5k --label-counts 60 80 --initial-labels 40 --epochs 1 --iterations 2"
STUDIES = {
    "annotation_error": "--heuristics bald --errors 0 0.1 --query-size 20 --seeds 0",
    "convergence": "--numbers-of-epochs 1 2 --query-size 20 --seeds 0",
    "query_size": "--query-sizes 10 20 --heuristics random entropy --seeds 0",
    "pool_size": "--shares 0.05 1 --query-size 20 --seeds 0",
    "imbalance": "--heuristics entropy --query-size 20 --seeds 0",
    "miotcd": "--heuristics entropy --query-size 20 --seeds 0",
    "compare_heuristics": "--heuristics epig --query-size 20 --seeds 0 1",
    "cold_start": "--heuristics core_set --query-size 20 --batch 30 --rare-classes 0 2 --seeds 0",
    "vgg_mcdropout_cifar10": "--heuristics bald --query-size 20 --seeds 0",
}


def options(name, folder):
    small = SMALL.replace("--epochs 1", "") if name == "convergence" else SMALL
    return ["--out", str(folder), *small.split(), *STUDIES[name].split()]


def run(name, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPTS / f"{name}.py"), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def script(name):
    """The module, without a process of its own: importing torch and the digits takes seconds."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def records(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def tables(text):
    """Tables by their first two columns' header: rows of cells."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            lines = [
                [cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()
            ]
            found.append((lines[0], lines[2:]))
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotation_error") / "first"
    return folder, run("annotation_error", *options("annotation_error", folder))


def test_annotation_error_as_a_process(finished):
    folder, done = finished
    assert done.returncode == 0, done.stderr
    assert "mean ± standard deviation over seeds" in done.stdout
    (header, body), (gain_header, gains) = tables(done.stdout)
    assert header == [
        "variant", "heuristic", "loss at 60", "loss at 80", "error % at 60", "error % at 80",
    ]  # fmt: skip
    assert [row[:2] for row in body] == [
        [f"errors={share}", name] for share in ("0", "0.1") for name in ("bald", "random")
    ]
    at = {(r["variant"], r["heuristic"], r["n_labelled"]): r for r in records(folder)}
    assert body[3][2:] == [
        f"{at['errors=0.1', 'random', n]['test_loss']:.3f}" for n in (60, 80)
    ] + [f"{100 * at['errors=0.1', 'random', n]['test_error']:.1f}" for n in (60, 80)]
    assert gain_header[2] == "gain in error % at 60"
    random, bald = (at["errors=0", name, 80]["test_error"] for name in ("random", "bald"))
    assert gains[0] == ["errors=0", "bald", gains[0][2], f"{100 * (random - bald):.1f}"]
    assert f"Tables and figures: {folder}" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [
        "annotation_error.png", "report.md", "results.jsonl", "runs",
    ]  # fmt: skip
    assert "errors=0.1, bald, seed 0" in done.stderr  # the progress bar


def test_killed_and_started_again_it_ends_the_same(finished, tmp_path):
    command = [sys.executable, str(SCRIPTS / "annotation_error.py")]
    process = subprocess.Popen(
        [*command, *options("annotation_error", tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    middle = tmp_path / "runs" / "errors=0.1" / "bald-0" / "records.jsonl"
    deadline = time.monotonic() + 300
    while process.poll() is None and not middle.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert middle.exists()
    assert not (tmp_path / "results.jsonl").exists()
    assert script("annotation_error").main(options("annotation_error", tmp_path)) == 0
    again, before = records(tmp_path), records(finished[0])
    for row in again + before:
        del row["seconds"]
    assert again == before


FIGURES = {
    "convergence": ["convergence.png"],
    "query_size": ["query_size.png"],
    "pool_size": ["pool_size.png"],
    "imbalance": ["imbalance.png"],
    "cold_start": ["cold_start.png"],
    "miotcd": ["f1.png"],
    "compare_heuristics": ["gains.png", "learning_curves.png"],
    "vgg_mcdropout_cifar10": ["gains.png", "learning_curves.png"],
}


@pytest.fixture
def shown(request, tmp_path, capsys):
    """What a study has printed."""
    name = request.param
    assert script(name).main(options(name, tmp_path)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*FIGURES[name], "report.md", "results.jsonl", "runs"]
    )
    for figure in FIGURES[name]:
        assert (tmp_path / figure).read_bytes()[:4] == b"\x89PNG"
    text = capsys.readouterr().out
    assert "±" in text  # it says what that is
    assert text.startswith((tmp_path / "report.md").read_text())
    return text, records(tmp_path)


def variants(table):
    return [row[:2] for row in table[1]]


@pytest.mark.parametrize("shown", ["convergence"], indirect=True)
def test_convergence(shown):
    text, rows = shown
    outcome, gain = tables(text)
    assert variants(outcome) == [
        [f"epochs={n}", name] for n in (1, 2) for name in ("bald", "random")
    ]
    assert variants(gain) == [["epochs=1", "bald"], ["epochs=2", "bald"]]
    first = {r["variant"]: r["test_loss"] for r in rows if r["n_labelled"] == 40}
    assert first["epochs=1"] != first["epochs=2"]


@pytest.mark.parametrize("shown", ["query_size"], indirect=True)
def test_query_size(shown):
    text, rows = shown
    outcome, gain = tables(text)
    assert variants(outcome) == [
        ["query=20", "entropy"], ["query=10", "entropy"], ["baseline", "random"],
    ]  # fmt: skip
    assert variants(gain) == [["query=20", "entropy"], ["query=10", "entropy"]]
    labels = {
        variant: [r["n_labelled"] for r in rows if r["variant"] == variant]
        for variant in ("query=20", "query=10", "baseline")
    }
    assert labels == {
        "query=20": [40, 60, 80], "query=10": [40, 50, 60, 70, 80], "baseline": [40, 60, 80],
    }  # fmt: skip


@pytest.mark.parametrize("shown", ["pool_size"], indirect=True)
def test_pool_size(shown):
    text, rows = shown
    outcome, gain, seconds = tables(text)
    assert variants(outcome) == [
        ["scored=0.05", "bald"], ["scored=1", "bald"], ["baseline", "random"],
    ]  # fmt: skip
    assert [row[0] for row in gain[1]] == ["scored=0.05", "scored=1"]
    assert seconds[0] == ["variant", "seconds to score", "times faster"]
    spent = {
        variant: [r["seconds"]["score"] for r in rows if r["variant"] == variant][:2]
        for variant in ("scored=0.05", "scored=1")
    }
    for name, median, _ in seconds[1]:  # of two steps: their mean
        assert median == f"{sum(spent[name]) / 2:.2f}"
    slowest = max(sum(steps) for steps in spent.values())
    assert [row[2] for row in seconds[1]] == [f"{slowest / sum(s):.1f}" for s in spent.values()]


@pytest.mark.parametrize("shown", ["imbalance"], indirect=True)
def test_imbalance(shown):
    outcome, gain = tables(shown[0])
    assert variants(outcome) == [
        [f"rare={n}", name] for n in (0, 2, 5) for name in ("entropy", "random")
    ]
    assert variants(gain) == [[f"rare={n}", "entropy"] for n in (0, 2, 5)]


@pytest.mark.parametrize("shown", ["miotcd"], indirect=True)
def test_miotcd(shown):
    text, rows = shown
    from baal.experiments.datasets import targets_of
    from baal.experiments.studies.protocol import protocol_for, task_of

    pool = targets_of(task_of(protocol_for("mnist5k", rare_classes=5)).pool).tolist()
    counts = [pool.count(digit) for digit in range(10)]
    headers = [header[2] for header, _ in tables(text)]
    assert headers[:2] == ["error % at 60", "gain in error % at 60"]
    shown_digits = [int(header.split()[2]) for header in headers[2::2]]
    assert [counts[digit] for digit in shown_digits] == [100, 100, 400]
    digit = shown_digits[2]
    value = next(r for r in rows if r["n_labelled"] == 80 and r["heuristic"] == "random")
    row = tables(text)[6][1][1]
    assert row == ["mnist5k", "random", row[2], f"{100 * value['test_f1'][digit]:.1f}"]


@pytest.mark.parametrize("shown", ["compare_heuristics"], indirect=True)
def test_compare_heuristics(shown):
    text, rows = shown
    _outcome, _gain, by_labels, summary = tables(text)
    assert by_labels[0][:3] == ["labels", "epig error %", "random error %"]
    assert [row[0] for row in by_labels[1]] == ["40", "60", "80"]
    assert [row[:2] for row in summary[1]] == [["epig", "2"], ["random", "2"]]
    assert {(r["heuristic"], r["seed"]) for r in rows} == {
        (name, seed) for name in ("epig", "random") for seed in (0, 1)
    }


@pytest.mark.parametrize("shown", ["cold_start"], indirect=True)
def test_cold_start(shown):
    text, rows = shown
    small, _, large, _ = tables(text)
    assert small[0][2:4] == ["loss at 60", "loss at 80"]
    assert large[0][2:5] == ["loss at 70", "loss at 100", "loss at 190"]
    for found, size in ((small, 20), (large, 30)):
        assert variants(found) == [
            [f"rare={n} query={size}", name] for n in (0, 2) for name in ("core_set", "random")
        ]
    labels = [
        r["n_labelled"]
        for r in rows
        if (r["variant"], r["heuristic"]) == ("rare=2 query=30", "core_set")
    ]
    assert labels == [40, 70, 100, 130, 160, 190]


@pytest.mark.parametrize("shown", ["vgg_mcdropout_cifar10"], indirect=True)
def test_the_plain_run(shown):
    _outcome, _gain, by_labels, _summary = tables(shown[0])
    assert by_labels[0][:3] == ["labels", "bald error %", "random error %"]


OPTIONS = ("dataset", "data", "heuristics", "seeds", "label-counts", "out", "jobs", "report",
           "overwrite", "device", "workers", "from-scratch")  # fmt: skip
OWN = {
    "annotation_error": "--errors",
    "convergence": "--numbers-of-epochs",
    "query_size": "--query-sizes",
    "pool_size": "--shares",
    "imbalance": "--rare-classes",
    "cold_start": "--batch",
    "miotcd": "--classes",
    "compare_heuristics": "mnist5k-imbalanced)",
    "vgg_mcdropout_cifar10": "VGG-16 pretrained on ImageNet, 500 labels to begin with",
}


@pytest.mark.parametrize("name", OWN)
def test_help_shows_options_and_defaults(name, capsys):
    with pytest.raises(SystemExit) as ended:
        script(name).main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in OPTIONS:
        assert f"--{option}" in text
    assert OWN[name] in text
    assert f"(default: runs/{name})" in " ".join(text.split())
    assert "defaults by data set:" in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("annotation_error", ["--errors", "1.5"], "expected a number from 0 to 1, but got '1.5'"),
        ("annotation_error", ["--errors", "0.1", "0.1"], "each once, but got 0.1 twice"),
        ("annotation_error", ["--label-counts", "4001"], "<= 4000, the size of the pool"),
        ("annotation_error", ["--label-counts", "30"], "--label-counts <= 4000, the size of the"),
        ("annotation_error", ["--heuristics", "bold"], "expected one of badge, bait, bald"),
        ("convergence", ["--epochs", "3"], "unrecognized arguments: --epochs 3"),
        ("convergence", ["--numbers-of-epochs", "0"], "at least 1, but got '0'"),
        ("query_size", ["--query-sizes", "0"], "a whole number of at least 1, but got '0'"),
        ("query_size", ["--heuristics", "random"], "--heuristics to have one beside random"),
        (
            "pool_size",
            ["--shares", "0"],
            "--shares to be at least one query of 100 items, but got 0",
        ),
        ("pool_size", ["--shares", "1", "0.009"], "but got 0.009 of 4000"),
        ("imbalance", ["--rare-classes", "11"], "from 0 to 10, but got 11"),
        ("imbalance", ["--dataset", "miotcd"], "expected one of cifar100, cifar10, fashion-mnist"),
        (
            "miotcd",
            ["--classes", "car"],
            "--classes to be of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, but got",
        ),
        ("miotcd", ["--dataset", "miotcd", "--data", "no/such"], "gt_train.csv to be the labels"),
        ("compare_heuristics", ["--iterations", "1"], "since bald compares posterior samples"),
        ("vgg_mcdropout_cifar10", ["--seeds", "-1"], "at least 0 and at most 4294967295"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(
    tmp_path, capsys, name, arguments, message
):
    out = tmp_path / "out"
    try:
        status = script(name).main(["--dataset", "mnist5k", "--out", str(out), *arguments])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
