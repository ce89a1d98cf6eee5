from pathlib import Path

import pytest

from baal.exceptions import InvalidArgumentError
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import Protocol, protocol_for
from baal.experiments.studies.study import Study


def parse(*options, dataset="mnist5k", **settings):
    parser = study_parser("A study.", out="runs/x", **settings)
    return Study.parse(parser, ["--dataset", dataset, *map(str, options)])


def test_without_options_the_protocol_is_that_of_the_data_set():
    study = parse(dataset="cifar10")
    assert study.protocol == Protocol("cifar10")
    assert study.heuristics == ("bald", "entropy", "random")
    assert study.seeds == (0, 1, 2)
    assert study.out == Path("runs/x")
    assert parse().protocol == protocol_for("mnist5k")


def test_every_option_reaches_the_protocol():
    study = parse(
        "--data", "here", "--initial-labels", 3, "--query-size", 4, "--pool-size", 5,
        "--iterations", 6, "--epochs", 7, "--batch-size", 8, "--learning-rate", 0.9,
        "--label-counts", 30, 10, 30, "--from-scratch", "--image-size", 64, "--workers", 2,
        "--seeds", 4, 1, "--out", "there", "--jobs", 2,
    )  # fmt: skip
    assert study.protocol == Protocol(
        "mnist5k", data="here", initial_labels=3, query_size=4, pool_size=5, iterations=6, epochs=7,
        batch_size=8, learning_rate=0.9, label_counts=(10, 30), pretrained=False, image_size=64,
        workers=2,
    )  # fmt: skip
    assert study.seeds == (4, 1)
    assert study.out == Path("there")
    assert study.options.jobs == 2


def test_random_is_always_there_and_once():
    assert parse("--heuristics", "bald").heuristics == ("bald", "random")
    assert parse("--heuristics", "random", "bald").heuristics == ("random", "bald")
    assert parse("--heuristics", "random", "bald").others() == ("bald",)
    with pytest.raises(InvalidArgumentError, match="--heuristics to have one beside random"):
        parse("--heuristics", "random").others()


@pytest.mark.parametrize(
    ("heuristics", "joint"), [(["bald"], False), (["bald", "epig"], True), (["batch_bald"], True)]
)
def test_joint_samples_where_a_heuristic_asks_for_them(heuristics, joint):
    assert parse("--heuristics", *heuristics).protocol.joint is joint


def test_what_a_study_varies_itself_is_no_option(capsys):
    assert parse(leave_out=["--epochs"]).protocol.epochs == 20
    with pytest.raises(SystemExit):
        parse("--epochs", 3, leave_out=["--epochs"])
    assert "unrecognized arguments: --epochs 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", 0, 0], "argument --seeds: expected each once, but got 0 twice"),
        (["--heuristics", "bald", "bald"], "argument --heuristics: expected each once"),
        (["--sizes", 5, 5], "argument --sizes: expected each once, but got 5 twice"),
    ],
)
def test_values_that_come_twice(capsys, options, message):
    parser = study_parser("A study.", out="runs/x")
    parser.add_argument("--sizes", nargs="+")
    with pytest.raises(SystemExit) as ended:
        Study.parse(parser, ["--dataset", "mnist5k", *map(str, options)], unique=["sizes"])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
