import re

import pytest

from baal.active.heuristics.registry import get_heuristic
from baal.experiments.studies.data import STUDY_DATA
from baal.experiments.studies.parser import heuristics_for_classes, study_parser


def help_text(**settings):
    return " ".join(study_parser("A study.", out="runs/x", **settings).format_help().split())


def test_help_shows_the_defaults_of_each_data_set():
    text = help_text()
    paper = (
        "cifar10, cifar100, miotcd: --label-counts 5000 10000 20000, --initial-labels 500, "
        "--query-size 100, --iterations 20, --epochs 20, --batch-size 32, --learning-rate 0.001, "
        "--workers 4"
    )
    assert paper in text
    assert "mnist5k: --label-counts 400 800 1600, --initial-labels 40, --query-size 100" in text
    assert "fashion-mnist: --label-counts 5000 10000 20000" in text
    assert "--pool-size 15000" in text
    assert "(default: bald entropy random)" in text
    assert "(default: runs/x)" in text
    assert "None" not in text
    assert "False" not in text


def test_what_is_left_out_is_nowhere():
    text = help_text(leave_out=["--epochs"], datasets=("mnist5k", "cifar10"))
    assert "--epochs" not in text
    assert "fashion" not in text
    assert "(default: mnist5k)" in text


def test_known_heuristics_need_predictions_alone():
    names = heuristics_for_classes()
    assert {"bald", "batch_bald", "entropy", "epig", "margin", "power_bald", "random"} <= {*names}
    assert not any("gaussian" in name or "multi_label" in name for name in names)
    assert "precomputed" not in names
    assert not any(get_heuristic(name).needs_variances for name in names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "cifar"], f"expected one of {', '.join(STUDY_DATA)}, but got 'cifar'"),
        (["--heuristics", "gaussian_bald"], "but got 'gaussian_bald'"),
        (["--heuristics", "precomputed"], "but got 'precomputed'"),
        (["--image-size", "31"], "expected a whole number of at least 32, but got '31'"),
        (["--workers", "-1"], "expected a whole number of at least 0, but got '-1'"),
        (["--seeds", str(2**32)], "at most 4294967295, but got '4294967296'"),
        (["--overwrite", "--report"], "--report: not allowed with argument --overwrite"),
        (["--quer", "3"], "unrecognized arguments: --quer 3"),
    ],
)
def test_bad_options_end_with_a_message(capsys, options, message):
    with pytest.raises(SystemExit) as ended:
        study_parser("A study.", out="runs/x").parse_args(options)
    assert ended.value.code == 2
    assert re.search(re.escape(message), capsys.readouterr().err)
