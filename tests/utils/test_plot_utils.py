"""Frames of an animation: one a step, labelled items marked, whatever the classes are called."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from baal.exceptions import InvalidArgumentError, MissingExtraError
from baal.utils.plot_utils import make_animation_from_data

BLUE, BLACK = (31, 119, 180), (0, 0, 0)


def cloud(n_items, n_classes):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_items, 2)), np.arange(n_items) % n_classes


def pixels(frame, colour, tolerance=8):
    """Pixels of the plot, without the legend, that have a colour."""
    plot = frame[40:, :580].astype(int)
    return int((np.abs(plot - colour).max(axis=-1) <= tolerance).sum())


def test_one_frame_a_step_all_of_one_size():
    features, labels = cloud(30, 3)
    steps = np.zeros(30, dtype=int)
    steps[[0, 1]], steps[5] = 1, 3
    frames = make_animation_from_data(features, labels, steps, ["a", "b", "c"])
    assert len(frames) == 3
    for frame in frames:
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
        assert frame.shape == (600, frames[0].shape[1], 3)
        assert frame.flags.owndata
        assert frame.flags.c_contiguous


def test_labelled_items_are_strong_and_the_pool_is_pale():
    # One item of each class, in its corner: what is labelled when shows in its colour.
    features = [[0, 0], [1, 1]]
    frames = make_animation_from_data(features, [0, 1], [2, 1], ["blue", "orange"])
    n_blue = [pixels(frame, BLUE) for frame in frames]
    assert n_blue[0] == 0  # pale in the pool
    assert n_blue[1] > 20
    unlabelled = make_animation_from_data([*features, [0.5, 0.5]], [0, 1, 0], [0, 0, 1], "ab")
    assert pixels(unlabelled[0][400:], BLUE) == 0


def test_the_items_of_a_step_have_a_ring():
    features = [[0, 0], [1, 1], [0.5, 0.5]]
    first, second = make_animation_from_data(features, [0, 0, 0], [1, 0, 2], ["a"])
    corner = np.s_[400:, :200]  # where item 0 is
    assert pixels_of(first[corner], BLACK) > pixels_of(second[corner], BLACK) + 30


def pixels_of(part, colour):
    return int((np.abs(part.astype(int) - colour).max(axis=-1) <= 60).sum())


def test_axes_stay_where_they_are():
    features = [[0, 0], [1, 1], [0.5, 0.5]]
    first, second = make_animation_from_data(features, [0, 0, 0], [1, 0, 2], ["a"])
    corner = np.s_[40:200, 400:580]  # of the item that is never labelled
    assert np.array_equal(first[corner], second[corner])


def test_nothing_labelled_gives_no_frame():
    features, labels = cloud(5, 2)
    assert make_animation_from_data(features, labels, [0] * 5, "ab") == []
    assert make_animation_from_data(np.zeros((0, 2)), [], [], ["a"]) == []


@pytest.mark.parametrize("n_classes", [1, 11, 45])
def test_any_number_of_classes_fits(n_classes):
    features, labels = cloud(120, n_classes)
    names = [f"class {i}" for i in range(n_classes)]
    (frame,) = make_animation_from_data(features, labels, [1] * 120, names)
    white_below = frame[-5:, 600:]
    assert (frame[:, -4:] == 255).all()  # the legend ends before the edge
    assert (white_below == 255).all()
    assert (frame[:, 600:] < 255).any()


def test_names_of_all_kinds_are_shown():
    features, labels = cloud(8, 4)
    plain = make_animation_from_data(features, labels, [1] * 8, ["", "", "", ""])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = make_animation_from_data(
            features, labels, [1] * 8, ["_hidden", "US$ and $", 7, "W" * 99]
        )[0]
    assert frame.shape[1] > plain.shape[1]
    assert (frame[:, -4:] == 255).all()
    ink = (frame[:, 630:] < 128).any(axis=(1, 2))
    lines = int((np.diff(ink.astype(int)) == 1).sum())
    assert lines >= 4 + 3  # names, and what marks an item


def test_one_item_and_items_at_one_place():
    for features in ([[2.0, 2.0]], [[2.0, 2.0]] * 3):
        n = len(features)
        (frame,) = make_animation_from_data(features, [0] * n, [1] * n, ["a"])
        assert pixels(frame, BLUE) > 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.zeros((4, 3))}, r"`features` to be \[N, 2\], but got \(4, 3\)"),
        ({"features": [[0, 0], [0, np.nan]]}, "`features` to be finite"),
        ({"labels": [0]}, r"`labels` to have one number for each of the 2 items, .* \(1,\)"),
        ({"labelled_at": [[0, 1]]}, r"`labelled_at` to have one number .* \(1, 2\)"),
        ({"labels": [0, 2]}, "`labels` to be from 0 to 1, .* but got labels from 0 to 2"),
        ({"labels": [-1, 0]}, "but got labels from -1 to 0"),
        ({"labelled_at": [0, -1]}, "`labelled_at` to be steps, 0 or more, but got -1"),
    ],
)
def test_what_does_not_fit(changes, message):
    arguments = {"features": [[0, 0], [1, 1]], "labels": [0, 1], "labelled_at": [1, 0]}
    with pytest.raises(InvalidArgumentError, match=message):
        make_animation_from_data(**arguments | changes, classes=["a", "b"])


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="extra `plot`"):
        make_animation_from_data([[0, 0]], [0], [1], ["a"])


def test_no_backend_is_chosen_and_pyplot_left_alone():
    code = (
        "import sys\nfrom baal.utils.plot_utils import make_animation_from_data\n"
        "make_animation_from_data([[0, 0]], [0], [1], ['a'])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
