"""`sample_posterior` as its callers know it: arguments, seeds, warnings, hooks."""

import gc
import random
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian import always_on, consistent_dropout
from baal.bayesian.dropout import MCDropoutModule, patch_module
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

WAYS = ["auto", "vmap", "stack", "loop"]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(100)
    np.random.seed(100)
    random.seed(100)


def mc():
    return patch_module(nn.Sequential(nn.Linear(3, 20), nn.Dropout(0.5), nn.Linear(20, 2))).eval()


def x():
    return torch.linspace(-1, 1, 12).reshape(4, 3)


@pytest.mark.parametrize("way", WAYS)
def test_a_deterministic_model_is_exact_and_warned_of(way):
    net = nn.Linear(3, 2)
    with pytest.warns(UserWarning, match="identical") as caught:
        samples = sample_posterior(net, x(), 5, way)
    torch.testing.assert_close(samples, net(x()).detach()[..., None].expand(4, 2, 5))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "patch_module" in str(caught[0].message)


def test_the_warning_comes_once_a_model():
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    calls = [(net, way) for net in (first, first, second, first) for way in ("auto", "loop")]
    with pytest.warns(UserWarning, match="identical") as caught:
        [sample_posterior(net, x(), 5, way) for net, way in calls]
    assert len(caught) == 2


def test_no_warning_of_samples_that_differ_however_rarely():
    """Most passes over one item drop nothing: two of them alike prove nothing."""
    net = patch_module(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.01))).eval()
    for seed in range(3):
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            samples = sample_posterior(net, x()[:1], 1000)
        assert (samples == 0).sum() > 3


def test_recurrent_dropout_is_never_sent_through_vmap():
    lstm = always_on.LSTM(3, 3, 2, dropout=0.5, batch_first=True).eval()
    for _ in range(2):
        with pytest.raises(StateError, match="dropout between recurrent layers"):
            sample_posterior(lstm, torch.ones(2, 4, 3), 5, "vmap")


def test_dropout_between_recurrent_layers_switched_on_later():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.drop = nn.LSTM(3, 3, 2, dropout=0.0, batch_first=True), nn.Dropout(0.5)

        def forward(self, x):
            out = self.lstm(x)[0][:, -1]
            return torch.cat([out, self.drop(out)], dim=1)

    net = patch_module(Net()).eval()
    sample_posterior(net, torch.ones(2, 4, 3), 4)
    net.lstm.dropout = 0.5
    patch_module(net)
    assert float(sample_posterior(net, torch.ones(2, 4, 3), 20)[:, :3].std(-1).min()) > 0


def test_a_forced_way_with_identical_samples_warns_too():
    """vmap draws NumPy's numbers once for all samples."""
    with pytest.warns(UserWarning, match="identical"):
        sample_posterior(Numpy(), torch.ones(2, 4, 3), 5, "vmap")


class Numpy(nn.Module):
    def forward(self, data):
        return data + torch.from_numpy(np.random.rand(*data.shape)).to(data)


@pytest.mark.parametrize("way", WAYS)
def test_no_gradients_and_modes_as_they_were(way):
    net = mc().train()
    net[0].eval()
    samples = sample_posterior(net, x().requires_grad_(), 2, way)
    assert not samples.requires_grad
    assert [m.training for m in net.modules()] == [True, False, True, True]
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("way", WAYS)
def test_under_inference_mode(way):
    net = mc()
    with torch.inference_mode():
        samples = sample_posterior(net, x(), 50, way)
    assert len(samples[0, 0].unique()) > 40


@pytest.mark.parametrize("way", WAYS)
def test_one_sample(way):
    samples = sample_posterior(mc(), x(), 1, way)
    assert samples.shape == (4, 2, 1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("way", WAYS)
def test_dtypes_are_kept(way, dtype):
    assert sample_posterior(mc().to(dtype), x().to(dtype), 3, way).dtype == dtype


@pytest.mark.parametrize("way", WAYS)
def test_batches_of_other_sizes_afterwards(way):
    net = MCDropoutModule(mc()).eval()
    for n in (4, 1, 3, 200):
        data = torch.arange(float(n))[:, None].expand(n, 3) * 100
        samples = sample_posterior(net, data, 8, way)
        assert samples.shape == (n, 2, 8)
        size = samples[:, 0].abs().mean(1)
        assert bool((size[1:] > 0).all())
        assert len({str(row.tolist()) for row in samples[..., 0]}) == n


@pytest.mark.parametrize("way", ["auto", "loop"])
def test_a_hook_sees_real_and_live_values_and_every_pass(way):
    """Also while the engine makes up its mind: a hook may keep statistics, or its tensors."""
    net, kept = mc(), []
    net = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), *net[1:2])
    data = torch.randn(100, 3)
    with torch.no_grad():
        wanted = net[:3](data)

    def hook(module, inputs, output):
        assert not torch._C._functorch.is_batchedtensor(output)
        kept.append((output, output.numpy().copy()))

    net[2].register_forward_hook(hook)
    for _ in range(2):
        n_before = len(kept)
        sample_posterior(net, data, 5, way)
        assert len(kept) - n_before >= 5
    for tensor, values in kept:
        torch.testing.assert_close(tensor, wanted[: len(tensor)])
        torch.testing.assert_close(torch.from_numpy(values), wanted[: len(tensor)])


def test_a_hook_that_changes_the_output_is_obeyed():
    net = mc()
    net[0].register_forward_hook(lambda module, inputs, output: output * 0)
    bias = net[2].bias.detach()[:, None]
    with pytest.warns(UserWarning, match="identical"):
        assert torch.equal(sample_posterior(net, x(), 5), bias.expand(4, 2, 5))


@pytest.mark.parametrize("way", WAYS)
def test_weights_changed_between_calls_are_used(way):
    net = mc()
    sample_posterior(net, x(), 3, way)
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.fill_(1)
        net[2].weight.fill_(1)
        net[2].bias.zero_()
    samples = sample_posterior(net, x(), 300, way)
    assert bool((samples % 2 == 0).all())
    assert abs(float(samples.mean()) - 20) < 5 * (20 / 1200) ** 0.5 * 2**0.5


@pytest.mark.parametrize("way", ["auto", "vmap", "loop"])
def test_inputs_without_a_tensor(way):
    class Words(nn.Module):
        def forward(self, words):
            return torch.tensor([float(len(word)) for word in words]) + torch.rand(len(words))

    samples = sample_posterior(Words(), ["a", "four", "sixteen"], 20, way)
    assert samples.shape == (3, 20)
    assert samples.floor().int().unique(dim=1).squeeze().tolist() == [1, 4, 7]


def test_a_model_is_not_kept_alive():
    net = mc()
    sample_posterior(net, x(), 3)
    reference = weakref.ref(net)
    del net
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("iterations", [0, -3])
def test_too_few_iterations(iterations):
    with pytest.raises(InvalidArgumentError, match=f"at least 1, but got {iterations}"):
        sample_posterior(mc(), x(), iterations)


@pytest.mark.parametrize("iterations", [2.0, "3", True, None, np.float32(2)])
def test_iterations_of_another_kind(iterations):
    with pytest.raises(InvalidTypeError, match="`iterations` to be an int"):
        sample_posterior(mc(), x(), iterations)


@pytest.mark.parametrize("iterations", [np.int64(3), torch.tensor(3)])
def test_iterations_as_other_libraries_count(iterations):
    assert sample_posterior(mc(), x(), iterations).shape == (4, 2, 3)


@pytest.mark.parametrize("way", ["", "VMAP", "fast", None])
def test_an_unknown_way(way):
    with pytest.raises(
        InvalidArgumentError, match=r"Expected `way` to be one of .*'vmap'.*but got"
    ):
        sample_posterior(mc(), x(), 3, way)


@pytest.mark.parametrize("way", WAYS)
def test_an_input_changed_in_place_changes_as_by_one_pass_at_most(way):
    class InPlace(nn.Module):
        def forward(self, data):
            data += 1
            return data + torch.rand_like(data)

    data = torch.zeros(2, 3)
    sample_posterior(InPlace(), data, 5, way)
    assert float(data.max()) <= 1


@pytest.mark.parametrize("iterations", [1, 4])
def test_an_output_without_tensors_is_refused(iterations):
    class Result:
        def __init__(self, value):
            self.value = value

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return Result(self.drop(x))

    net = patch_module(Net()).eval()
    with pytest.raises(InvalidTypeError, match=r"to return a tensor, .* but got Result"):
        sample_posterior(net, torch.ones(2, 3), iterations)


def test_whether_samples_are_joint_is_about_those_drawn_last():
    net = nn.Sequential(nn.Linear(3, 20), nn.Dropout(0.5)).eval()
    assert samples_are_joint(net) is None
    patch_module(net)
    for way in WAYS:
        sample_posterior(net, x(), 3, way)
        assert samples_are_joint(net) is False
    consistent_dropout.patch_module(net)
    for way, k in (("loop", 3), ("auto", 1), ("vmap", 3)):
        sample_posterior(net, x(), k, way)
        assert samples_are_joint(net) is True
    consistent_dropout.unpatch_module(net)
    patch_module(net)
    sample_posterior(net, x(), 3, "loop")
    assert samples_are_joint(net) is False


@pytest.mark.parametrize("way", WAYS)
def test_hooks_and_joint_samples(way):
    """Every pass is a real one, and the samples are those without the hook."""
    net = consistent_dropout.patch_module(mc(), seed=0)
    wanted, seen = sample_posterior(net, x(), 5), []
    net[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    torch.testing.assert_close(sample_posterior(net, x(), 5, "auto"), wanted)
    assert samples_are_joint(net) is True
    assert len(seen) >= 5
    torch.testing.assert_close(sample_posterior(net, x(), 5, way), wanted)


def test_in_place_functions_are_obeyed_in_every_way():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.other = nn.Linear(3, 40), nn.Dropout(0.1)

        def forward(self, data):
            h = self.linear(data)
            nn.functional.dropout(h, 0.5, self.training, True)
            return self.other(h)

    net = consistent_dropout.patch_module(InPlace(), seed=0).eval()
    wanted = sample_posterior(net, x(), 5, "loop")
    assert 0.35 < float((wanted == 0).float().mean()) < 0.75
    for way in ("auto", "stack"):
        torch.testing.assert_close(sample_posterior(net, x(), 5, way), wanted)


class Extra(nn.Module):
    """A model with consistent dropout, and something else."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.drop, self.norm = kind, nn.Dropout(0.5), nn.BatchNorm1d(4)
        self.generator = torch.Generator()

    def forward(self, x):
        h = self.drop(x)
        return {
            "numpy": lambda: h + torch.from_numpy(np.random.rand(*h.shape)).float(),
            "torch": lambda: h + torch.randn_like(h),
            "random": lambda: h + random.random(),
            "a generator of its own": lambda: h + torch.randn(h.shape, generator=self.generator),
            "batch norm": lambda: self.norm(h),
            "the batch": lambda: h - h.mean(0),
            "nothing": lambda: h * 2,
        }[self.kind]()


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize(
    ("kind", "joint"),
    [
        ("numpy", False),
        ("torch", False),
        ("random", False),
        ("a generator of its own", False),
        ("batch norm", False),
        ("the batch", False),
        ("nothing", True),
    ],
)
def test_whether_samples_are_joint_is_seen(kind, joint, hooked):
    module = consistent_dropout.patch_module(Extra(kind), seed=0).eval()
    module.norm.train()
    if hooked:
        module.drop.register_forward_hook(lambda *_: None)
    assert samples_are_joint(module) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample_posterior(module, torch.randn(6, 4), 5)
    assert samples_are_joint(module) is joint
