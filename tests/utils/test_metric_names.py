import pytest

from baal.exceptions import InvalidArgumentError
from baal.utils.metric_names import higher_is_better, is_share, short_name, words_of


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("test_loss", False),
        ("test_error", False),
        ("TOP5-ERR", False),
        ("ece", False),
        ("rmse", False),
        ("test_accuracy", True),
        ("glossary", True),  # a word within a word says nothing
        ("f1", True),
    ],
)
def test_direction_goes_by_words(name, higher):
    assert higher_is_better(name) is higher
    assert higher_is_better(name, "higher") is True
    assert higher_is_better(name, "lower") is False


def test_an_unknown_direction():
    with pytest.raises(InvalidArgumentError, match="'auto', 'higher' or 'lower', but got 'up'"):
        higher_is_better("loss", "up")


@pytest.mark.parametrize(
    ("name", "share", "short"),
    [
        ("test_error", True, "error"),
        ("test_accuracy", True, "accuracy"),
        ("test_loss", False, "loss"),
        ("train_f1-macro", True, "train f1 macro"),
        ("test", False, "test"),
        ("terror", False, "terror"),
        ("test_mean_squared_error", False, "mean squared error"),
        ("absolute_error", False, "absolute error"),
    ],
)
def test_what_tables_show(name, share, short):
    assert is_share(name) is share
    assert short_name(name) == short


def test_words():
    assert words_of("Test-F1_macro") == ["test", "f1", "macro"]
