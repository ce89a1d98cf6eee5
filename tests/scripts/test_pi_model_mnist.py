"""The Pi-model as a person runs it, and the pieces of its loss."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from baal.active.dataset import ActiveLearningDataset

SCRIPT = Path(__file__).parents[2] / "experiments" / "pi_model_mnist.py"
SMALL = "--seeds 0 1 --labels 30 60 --steps 4 --batch-size 8"


def load():
    spec = importlib.util.spec_from_file_location("pi_model_mnist", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pi = load()


def run(*arguments, check=True):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def records(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    return folder, run("--out", folder, *SMALL.split())


def test_one_line_a_run(finished):
    rows = records(finished[0])
    assert [(row["labels"], row["seed"], row["method"]) for row in rows] == [
        (n_labels, seed, method)
        for n_labels in (30, 60)
        for seed in (0, 1)
        for method in ("supervised", "pi-model")
    ]
    assert all(0 <= row["test_error"] <= 1 for row in rows)


def test_the_table_is_printed_and_kept(finished):
    folder, done = finished
    table = (folder / "report.md").read_text().strip()
    assert table in done.stdout
    header, _, *lines = table.splitlines()
    assert "Pi-model error %" in header
    assert [line.split("|")[1].strip() for line in lines] == ["30", "60"]


def test_the_same_command_gives_the_same_records(finished, tmp_path):
    assert pi.main(["--out", str(tmp_path), *SMALL.split()]) == 0
    assert records(tmp_path) == records(finished[0])


def test_another_run_in_the_folder_is_refused_or_overwritten(finished, capsys):
    options = ["--out", str(finished[0]), "--seeds", "3", "--labels", "20", "--steps", "1"]
    before = records(finished[0])
    assert pi.main(options) == 2
    assert "holds another run" in capsys.readouterr().err
    assert records(finished[0]) == before
    assert pi.main([*options, "--overwrite", "--validate"]) == 0
    assert [row["seed"] for row in records(finished[0])] == [3, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "4001"], "--labels to be at most 4000, the size of the pool"),
        (["--labels", "3001", "--validate"], "--labels to be at most 3000"),
        (["--labels", "0"], "expected a whole number of at least 1, but got '0'"),
        (["--seeds", "1", "1"], "expected each once, but got 1 twice"),
        (["--ramp-up", "2"], "expected a number from 0 to 1, but got '2'"),
        (["--steps", "many"], "expected a whole number of at least 1"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, capsys, arguments, message):
    try:
        status = pi.main(["--out", str(tmp_path / "out"), *arguments])
    except SystemExit as end:  # by argparse
        status = end.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_shows_options_and_defaults():
    text = run("--help").stdout
    for option in ("seeds", "labels", "steps", "weight", "ramp-up", "validate", "out"):
        assert f"--{option}" in text
    assert "1610.02242" in text
    assert "(default: runs/pi_model_mnist)" in " ".join(text.split())


def test_a_training_that_diverges_ends_with_a_message(tmp_path, capsys):
    options = "--seeds 0 --labels 20 --steps 5 --learning-rate 1e30"
    assert pi.main(["--out", str(tmp_path), *options.split()]) == 2
    assert "try a lower --learning-rate" in capsys.readouterr().err
    assert not (tmp_path / "results.jsonl").exists()


def test_what_is_set_aside_is_of_the_pool_and_not_in_it():
    pool, test = pi.load(validate=False)
    rest, aside = pi.load(validate=True)
    assert (len(pool), len(test), len(rest), len(aside)) == (4000, 1000, 3000, 1000)
    for index in (0, 2999):
        assert torch.equal(rest[index][0], pool[index][0])
    assert torch.equal(aside[0][0], pool[3000][0])


@pytest.mark.parametrize("length", [0.0, 0.4, 1.0])
def test_the_ramp(length):
    points = [pi.ramp_up(progress, length) for progress in np.linspace(0, 1, 21)]
    assert points[0] == (1.0 if length == 0 else pytest.approx(math.exp(-5)))
    assert points == sorted(points)
    assert points[-1] == 1.0
    assert pi.ramp_up(0.2, 0.4) == pytest.approx(math.exp(-5 / 4))


def test_images_are_moved_whole():
    torch.manual_seed(0)
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 10, 12] = 1
    moved = pi.augmented(image.expand(400, 1, 28, 28), noise=0.0, shift=2)
    assert moved.shape == (400, 1, 28, 28)
    places = {tuple(place) for place in moved.nonzero()[:, 2:].tolist()}
    assert places == {(10 + down, 12 + right) for down in range(-2, 3) for right in range(-2, 3)}
    assert moved.sum() == 400
    assert torch.equal(pi.augmented(image, noise=0.0, shift=0), image)


def test_the_noise_is_as_large_as_asked_for():
    torch.manual_seed(0)
    noisy = pi.augmented(torch.ones(50, 1, 28, 28), noise=0.3, shift=0)
    assert noisy.std().item() == pytest.approx(0.3, rel=0.02)


def options(*arguments):
    return pi.parse_arguments(["--noise", "0", "--shift", "0", *arguments])


def test_the_loss_is_cross_entropy_and_weighted_consistency():
    """Against the same sums by hand, with a "network" whose two answers are known."""
    images, classes = torch.randn(3, 1, 2, 2), torch.tensor([0, 1, 0])
    others = torch.randn(4, 1, 2, 2)
    answers = torch.randn(2, 7, 2)  # of both passes, labelled items first
    loss = pi.loss_of(lambda x: answers.flatten(0, 1), [(images, classes)], [others], 5, options())
    first, second = answers.softmax(dim=-1).double().numpy()
    entropy = -np.log(first[[0, 1, 2], [0, 1, 0]]).mean()
    assert loss.item() == pytest.approx(entropy + 5 * ((first - second) ** 2).mean(), rel=1e-5)
    alone = pi.loss_of(lambda x: answers[0, :3], [(images, classes)], [], 0, options())
    assert alone.item() == pytest.approx(entropy, rel=1e-5)


def test_training_reads_no_label_of_the_pool():
    """With other labels in the pool the trained weights are the same, bit for bit."""

    def weights(flip):
        torch.manual_seed(0)
        images = torch.randn(20, 1, 28, 28)
        classes = torch.arange(20) % 10
        classes[8:] = (classes[8:] + flip) % 10
        dataset = ActiveLearningDataset(
            list(zip(images, classes, strict=True)),
            labelled=[i < 8 for i in range(20)],
            make_unlabelled=pi.image_of,
        )
        model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 10))
        pi.train(model, dataset, 3.0, 0, options("--steps", "3", "--batch-size", "4"))
        return model[-1].weight

    assert torch.equal(weights(0), weights(1))


def test_both_ways_see_the_same_labelled_batches(monkeypatch):
    seen = {0.0: [], 2.0: []}

    def spy(model, labelled, unlabelled, weight, options):
        assert bool(unlabelled) is bool(weight)
        seen[2.0 if weight else 0.0] += [batch[1].tolist() for batch in labelled]
        return model(labelled[0][0]).square().mean()

    monkeypatch.setattr(pi, "loss_of", spy)
    items = [(torch.randn(3), torch.tensor(i)) for i in range(30)]
    dataset = ActiveLearningDataset(
        items, labelled=[i < 20 for i in range(30)], make_unlabelled=pi.image_of
    )
    for weight in seen:
        chosen = options("--steps", "7", "--batch-size", "4")
        pi.train(nn.Linear(3, 1), dataset, weight, 1, chosen)
    assert seen[0.0] == seen[2.0]
    assert len(seen[0.0]) == 7


def test_gains_are_paired_and_keep_their_sign():
    def rows(labels, alone, both):
        return [
            {"labels": labels, "seed": seed, "method": method, "test_error": errors[seed]}
            for seed in range(len(alone))
            for method, errors in (("supervised", alone), ("pi-model", both))
        ]

    table = pi.report(rows(50, [0.2, 0.3], [0.1, 0.3]) + rows(9, [0.1], [0.2]))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert lines == [
        ["50", "25.0 ± 5.0", "20.0 ± 10.0", "5.0 ± 5.0", "0.5", "2"],
        ["9", "10.0", "20.0", "-10.0", "", "1"],
    ]
