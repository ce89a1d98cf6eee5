"""Functions that drop by a mask that is given: against torch's own, and written out."""

import math

import pytest
import torch
from torch.nn import functional as F

from baal.bayesian.sampling.dropping import HANDLERS

ELEMENTWISE = [F.dropout, torch.dropout, torch.dropout_]
CHANNELWISE = [F.dropout2d, torch.feature_dropout, torch.feature_dropout_]
ALPHA = [F.alpha_dropout, torch.alpha_dropout, torch.alpha_dropout_]
FEATURE_ALPHA = [F.feature_alpha_dropout, torch.feature_alpha_dropout, torch.feature_alpha_dropout_]
EVERY = [*ELEMENTWISE, *CHANNELWISE, F.dropout3d, *ALPHA, *FEATURE_ALPHA]


class Given:
    """Gives masks that are drawn here, and remembers what it was asked for."""

    def __init__(self, nothing=False):
        self.nothing, self.asked = nothing, []
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self, like, shape, p, *, whole=False):
        keep = torch.rand(shape, generator=self.generator) >= p
        self.asked.append((shape, p, keep))
        return None if self.nothing else keep


def apply(func, keep, *args, **kwargs):
    return HANDLERS[func](keep, func, args, kwargs)


@pytest.fixture
def x():
    return torch.randn(3, 4, 5, 2, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("func", [*ELEMENTWISE, *CHANNELWISE])
def test_what_is_dropped_is_zero_and_the_rest_is_scaled(func, x):
    keep, data = Given(), x.clone()
    found = apply(func, keep, data, 0.3, True)
    (shape, p, mask), *more = keep.asked
    assert not more
    assert shape == ((3, 4, 5, 2) if func in ELEMENTWISE else (3, 4, 1, 1))
    torch.testing.assert_close(found, torch.where(mask, x / (1 - p), torch.zeros_like(x)))
    in_place = func in {torch.dropout_, torch.feature_dropout_}
    assert (found is data) is in_place
    assert torch.equal(data, x) is not in_place


@pytest.mark.parametrize(
    ("func", "shape", "wanted"),
    [
        (F.dropout1d, (4, 5), (4, 1)),
        (F.dropout1d, (3, 4, 5), (3, 4, 1)),
        (F.dropout2d, (3, 4, 5), (3, 4, 1)),  # as torch has it: channels on the second axis
        (F.dropout2d, (3, 4, 5, 2), (3, 4, 1, 1)),
        (F.dropout3d, (4, 5, 2, 2), (4, 1, 1, 1)),
        (F.dropout3d, (3, 4, 5, 2, 2), (3, 4, 1, 1, 1)),
        (F.feature_alpha_dropout, (3, 4, 5), (3, 4, 1)),
        (F.feature_alpha_dropout, (3, 4), (3, 4)),
    ],
)
@pytest.mark.filterwarnings("ignore:dropout2d. Received")
def test_masks_have_the_shape_of_what_torch_drops_together(func, shape, wanted):
    keep = Given()
    apply(func, keep, torch.ones(shape), 0.5, True)
    assert keep.asked[0][0] == wanted
    # Torch's own: constant along exactly those axes where the mask has length 1.
    torch.manual_seed(0)
    drawn = [func(torch.ones(shape), 0.5, True) for _ in range(20)]
    for theirs in drawn:
        for axis, size in enumerate(wanted):
            if size == 1:
                assert torch.equal(theirs, theirs.narrow(axis, 0, 1).expand_as(theirs))
    assert len(torch.stack(drawn).unique()) == 2


@pytest.mark.parametrize("func", [*ALPHA, *FEATURE_ALPHA])
def test_alpha_dropout_saturates_what_is_dropped(func, x):
    """Torch's own, with its random numbers; then ours with the mask that those come to."""
    torch.manual_seed(3)
    theirs = func(x.clone(), 0.4, True)
    p, saturation = 0.4, -1.7580993408473766
    a = 1 / math.sqrt((1 - p) * (1 + p * saturation**2))
    b = -a * p * saturation
    mask = (theirs - (a * x + b)).abs() < 1e-5
    assert 0.2 < float(mask.float().mean()) < 0.95
    keep = mask if func in ALPHA else mask[..., :1, :1]
    found = apply(func, lambda like, shape, p: keep, x.clone(), 0.4, True)
    torch.testing.assert_close(found, theirs)


def test_alpha_dropout_keeps_mean_and_variance():
    data = torch.randn(400_000, generator=torch.Generator().manual_seed(2))
    found = apply(F.alpha_dropout, Given(), data, 0.3, True)
    assert abs(float(found.mean())) < 0.01
    assert abs(float(found.var()) - 1) < 0.02


@pytest.mark.parametrize("func", [F.dropout, F.dropout1d, torch.feature_dropout, *ALPHA[:1]])
def test_everything_dropped_is_zero(func):
    assert not apply(func, Given(), torch.ones(3, 4, 5), 1.0, True).any()


@pytest.mark.parametrize("func", EVERY)
def test_what_drops_nothing_asks_for_nothing(func, x):
    keep = Given()
    state = torch.get_rng_state()
    torch.testing.assert_close(apply(func, keep, x.clone(), 0.3, False), x)
    torch.testing.assert_close(apply(func, keep, x.clone(), 0.0, True), x)
    assert torch.equal(torch.get_rng_state(), state)
    assert keep.asked == []


def test_defaults_are_those_of_torch(x):
    for func in (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d):
        keep = Given()
        apply(func, keep, x)
        assert [p for _, p, _ in keep.asked] == [0.5]
    for func in (F.alpha_dropout, F.feature_alpha_dropout):
        assert torch.equal(apply(func, None, x), x)


def test_arguments_by_name_and_in_place(x):
    keep, data = Given(), x.clone()
    found = apply(F.dropout, keep, p=0.25, input=data, inplace=True)
    assert found is data
    torch.testing.assert_close(data, x * keep.asked[0][2] / 0.75)
    keep = Given()
    apply(torch.dropout, keep, x, train=True, p=0.25)
    assert keep.asked[0][1] == 0.25


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_a_probability_that_is_none_is_torchs_error(p, x):
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        apply(F.dropout, Given(), x, p, True)


def test_while_nothing_is_given_nothing_is_dropped(x):
    keep = Given(nothing=True)
    for func in EVERY:
        assert torch.equal(apply(func, keep, x.clone(), 0.4, True), x)
    assert len(keep.asked) == len(EVERY)


def test_whole_numbers_are_left_to_torch():
    keep = Given()
    with pytest.raises(RuntimeError):
        apply(F.dropout, keep, torch.ones(3, dtype=torch.long), 0.5, True)
    assert keep.asked == []


def test_every_layer_and_function_of_torch_that_drops_is_known():
    functions = {getattr(F, name) for name in dir(F) if "dropout" in name and name[0] != "_"}
    functions = {func for func in functions if not func.__name__.endswith("_")}
    assert functions <= set(HANDLERS)
    assert {F.scaled_dot_product_attention, F.multi_head_attention_forward} <= set(HANDLERS)
    assert {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu} <= set(HANDLERS)
