"""Layers that go on dropping in eval mode: exact inverses, settings, laws at their ends."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from baal.bayesian import always_on
from baal.bayesian.always_on import LAYERS, AlwaysOn
from baal.bayesian.dropout import MCDropoutModule, patch_module, unpatch_module
from baal.bayesian.patched_classes import drops

E = 8
IMAGE = (2, E, 3, 3)


def build(name):
    makers = {
        "LSTM": lambda: nn.LSTM(E, 5, 2, dropout=0.5, batch_first=True, bidirectional=True),
        "GRU": lambda: nn.GRU(E, 5, 3, dropout=0.5, bias=False),
        "RNN": lambda: nn.RNN(E, 5, 2, dropout=0.5, nonlinearity="relu"),
        "MultiheadAttention": lambda: nn.MultiheadAttention(E, 2, dropout=0.5, batch_first=True),
        "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(
            E, 2, 16, dropout=0.5, batch_first=True, norm_first=True
        ),
        "TransformerEncoder": lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(E, 2, 16, dropout=0.5, batch_first=True), 2
        ),
    }
    torch.manual_seed(7)
    return makers.get(name, lambda: getattr(nn, name)(0.5))()


def call(layer):
    """The layer's first output on a fixed input."""
    torch.manual_seed(8)
    shape = {"Dropout1d": IMAGE[:3], "Dropout3d": (*IMAGE, 2)}.get(type(layer).__name__, IMAGE)
    if any(True for _ in layer.parameters()):
        shape = (2, 4, E)
    x = torch.randn(shape)
    attention = isinstance(layer, nn.MultiheadAttention)
    out = layer(x, x, x) if attention else layer(x)
    return out[0] if isinstance(out, tuple) else out


def snapshot(net):
    return [
        (
            name,
            id(module),
            module.training,
            {k: repr(v) for k, v in vars(module).items() if not k.startswith("_keeps")},
        )
        for name, module in net.named_modules()
    ]


NAMES = sorted(kind.__name__ for kind in LAYERS)


def test_every_layer_of_torch_with_dropout_is_there():
    wanted = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "LSTM", "GRU"}
    wanted |= {"FeatureAlphaDropout", "RNN", "MultiheadAttention", "TransformerEncoderLayer"}
    assert wanted | {"TransformerEncoder"} == set(NAMES)
    for kind, layer in LAYERS.items():
        assert issubclass(layer, (AlwaysOn, kind))
        assert layer.unpatched_class is kind
        assert layer.__name__ == kind.__name__


@pytest.mark.parametrize("name", NAMES)
def test_patched_is_random_in_eval_mode_and_unpatched_is_bit_equal_to_before(name):
    net = build(name).eval()
    before, state, snap = call(net), copy.deepcopy(net.state_dict()), snapshot(net)
    keys = set(vars(net))
    assert patch_module(patch_module(net)) is net
    assert type(net) is LAYERS[net.unpatched_class]
    assert snapshot(net) == snap
    samples = []
    for _ in range(2):
        samples.append(call(net))
        torch.manual_seed(9)
    assert torch.equal(*samples)  # the same seed (8), set by `call`
    assert not torch.equal(samples[0], before)
    assert snapshot(net) == snap  # flags and settings, also after calls
    assert list(net.state_dict()) == list(state)
    assert all(torch.equal(net.state_dict()[key], state[key]) for key in state)
    unpatch_module(net)
    assert type(net).__module__.startswith("torch.")
    assert all(not isinstance(module, AlwaysOn) for module in net.modules())
    assert snapshot(net) == snap
    assert set(vars(net)) == keys
    assert torch.equal(call(net), before)


@pytest.mark.parametrize("name", NAMES)
def test_in_eval_mode_patched_gives_what_torch_gives_in_training(name):
    """The same random numbers by another route: torch's own layer in training mode."""
    patched, plain = patch_module(build(name)).eval(), build(name).train()
    if name == "Dropout":  # draws its numbers in its own way: the values that can come out
        assert set(call(patched).abs().div(call(build(name).eval()).abs()).unique().tolist()) == {
            0.0,
            2.0,
        }
    elif name.startswith(("Transformer", "Multi")):
        # Their dropout layers draw in their own way: the same law (see test_attention).
        assert call(patched).shape == call(plain).shape
    else:
        assert torch.equal(call(patched), call(plain))


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_stay_patched_and_unpatch(name):
    net = patch_module(build(name)).eval()
    wanted = call(net)
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    for other in (
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        torch.load(file, weights_only=False),
    ):
        assert type(other) is type(net)
        assert torch.equal(call(other), wanted)
        assert type(unpatch_module(other)) is net.unpatched_class
    assert type(net) is LAYERS[net.unpatched_class]


@pytest.mark.parametrize("name", NAMES)
def test_hooks_stay_and_are_called(name):
    net, calls = build(name), []
    net.register_forward_hook(lambda *_: calls.append("after"))
    net.register_forward_pre_hook(lambda *_: calls.append("before"))
    call(patch_module(net).eval())
    call(unpatch_module(net))
    assert calls == ["before", "after"] * 2


@pytest.mark.parametrize("name", NAMES)
def test_an_error_restores_the_flags(name):
    net = patch_module(build(name)).eval()
    snap = snapshot(net)
    with pytest.raises(TypeError):
        net()
    assert snapshot(net) == snap


def test_moving_between_float32_and_float64_keeps_the_layer():
    net = patch_module(build("LSTM")).double().eval()
    assert net(torch.ones(1, 2, E, dtype=torch.float64))[0].dtype == torch.float64
    assert next(unpatch_module(net).parameters()).dtype == torch.float64


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.LSTM(2, 2, 2, dropout=0.1), True),
        (nn.GRU(2, 2, 2), False),
        (nn.MultiheadAttention(2, 1), False),
        (nn.MultiheadAttention(2, 1, dropout=0.2), True),
        (nn.Linear(1, 1), False),
        (nn.Dropout(0.0), True),
        (nn.TransformerEncoderLayer(2, 1, 2), True),
        (always_on.LSTM(2, 2, 2, dropout=0.1), True),
        (nn.Sequential(nn.Dropout()), False),
    ],
)
def test_which_layers_drop(layer, expected):
    assert drops(layer) is expected


def test_a_recurrent_layer_or_attention_without_dropout_is_left_alone():
    net = nn.Sequential(nn.LSTM(2, 2), nn.MultiheadAttention(2, 1), nn.Dropout(0.5))
    patch_module(net)
    assert [type(layer).__module__.split(".")[0] for layer in net] == ["torch", "torch", "baal"]


def test_the_mc_wrapper_saves_what_the_plain_module_loads():
    plain = nn.Sequential(build("LSTM"), build("TransformerEncoder"))
    keys = list(plain.state_dict())
    with MCDropoutModule(plain) as sampler:
        assert list(sampler.state_dict()) == keys
    assert not any(isinstance(module, AlwaysOn) for module in plain.modules())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
def test_dropout_keeps_dtype_and_scale(dtype, p):
    torch.manual_seed(0)
    out = always_on.Dropout(p).eval()(torch.full((400,), 3.0, dtype=dtype))
    assert out.dtype == dtype
    wanted = {0.0: [3.0], 0.25: [0.0, 4.0], 1.0: [0.0]}[p]
    assert out.unique().tolist() == wanted


def test_dropout_in_place_changes_its_input_and_only_then():
    torch.manual_seed(0)
    for inplace in (True, False):
        x = torch.ones(200)
        out = always_on.Dropout(0.5, inplace=inplace).eval()(x)
        assert (out is x) == inplace
        assert sorted(x.unique().tolist()) == ([0.0, 2.0] if inplace else [1.0])


def test_dropout_has_the_gradient_of_its_mask():
    torch.manual_seed(0)
    x = torch.rand(50, requires_grad=True)
    out = always_on.Dropout(0.5).eval()(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad, torch.where(out == 0, 0.0, 2.0))


def test_dropout_draws_on_the_device_of_its_input():
    """Not on the default device, which an application may have set to another one."""
    torch.manual_seed(0)
    torch.set_default_device("meta")
    try:
        out = always_on.Dropout(0.5).eval()(torch.ones(100, device="cpu"))
    finally:
        torch.set_default_device(None)
    assert out.device.type == "cpu"
    assert sorted(out.unique().tolist()) == [0.0, 2.0]
