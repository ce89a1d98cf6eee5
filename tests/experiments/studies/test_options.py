import argparse

import pytest

from baal.experiments.studies.options import (
    HelpFormatter,
    check_unique,
    device_option,
    one_of,
    positive_number,
    share,
    whole_number,
)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (whole_number(1), "1", 1),
        (whole_number(0, 5), "5", 5),
        (positive_number, "1e-3", 0.001),
        (share, "0", 0.0),
        (share, "1", 1.0),
        (one_of(["bald", "random"]), "random", "random"),
        (device_option, "cpu", "cpu"),
    ],
)
def test_what_is_taken(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (whole_number(1), "0", "a whole number of at least 1, but got '0'"),
        (whole_number(-3), "many", "a whole number of at least -3, but got 'many'"),
        (whole_number(1), "1.5", "a whole number of at least 1, but got '1.5'"),
        (whole_number(0, 5), "6", "a whole number of at least 0 and at most 5, but got '6'"),
        (positive_number, "0", "a positive number, but got '0'"),
        (positive_number, "inf", "a positive number, but got 'inf'"),
        (positive_number, "nan", "a positive number, but got 'nan'"),
        (positive_number, "fast", "a positive number, but got 'fast'"),
        (share, "1.01", "a number from 0 to 1, but got '1.01'"),
        (share, "-0.1", "a number from 0 to 1, but got '-0.1'"),
        (share, "nan", "a number from 0 to 1, but got 'nan'"),
        (one_of(["bald", "random"]), "bold", "one of bald, random, but got 'bold'"),
        (device_option, "abacus", "a device that torch can use here, but got 'abacus'"),
        (device_option, "meta", "a device that torch can use here, but got 'meta'"),
    ],
)
def test_what_is_refused(kind, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected {message}"):
        kind(text)


def test_defaults_are_shown_as_they_are_typed():
    parser = argparse.ArgumentParser(description="One.\n\nTwo.", formatter_class=HelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=[50, 250], help="how many")
    parser.add_argument("--epochs", default=5, help="passes")
    parser.add_argument("--data", help="a folder")
    parser.add_argument("--on", action="store_true", help="a switch")
    parser.add_argument("--off", action="store_false", help="another")
    text = parser.format_help()
    assert "One.\n\nTwo." in text
    assert "how many (default: 50 250)" in text
    assert "passes (default: 5)" in text
    assert text.count("default") == 2


@pytest.mark.parametrize(("values", "times"), [([1, 1], "twice"), ([2, 1, 1, 1], "3 times")])
def test_what_comes_twice(capsys, values, times):
    parser = argparse.ArgumentParser()
    check_unique(parser, "seeds", [0, 1])
    with pytest.raises(SystemExit) as ended:
        check_unique(parser, "seeds", values)
    assert ended.value.code == 2
    assert f"argument --seeds: expected each once, but got 1 {times}" in capsys.readouterr().err
