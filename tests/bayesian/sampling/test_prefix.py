"""The deterministic prefix: replayed bit by bit, computed once, and given up where it must be."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.prefix import Prefix
from baal.experiments.models import TextLSTM, TextTransformer, UNet, resnet18


class Count(TorchDispatchMode):
    """Counts what is really computed: below every mode that the engine pushes."""

    def __init__(self):
        super().__init__()
        self.computed = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        self.computed[name] = self.computed.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(60)


def mc(*layers):
    return patch_module(nn.Sequential(*layers)).eval()


def image():
    return torch.randn(2, 3, 8, 8)


def tokens():
    return torch.randint(9, (2, 5))


TEXT = {"width": 8, "vocabulary": 9}
MODELS = {
    "resnet18": (lambda: resnet18(width=2), image),
    "unet": (lambda: UNet(width=2), image),
    "lstm": (lambda: TextLSTM(**TEXT, n_layers=2, between=0.5, before=0.0), tokens),
    "transformer": (lambda: TextTransformer(**TEXT), tokens),
    "large": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 40, 3), nn.BatchNorm2d(40), nn.ReLU(inplace=True),
            nn.Flatten(), nn.Linear(1440, 100), nn.Tanh(), nn.Dropout(0.5), nn.Linear(100, 3),
        ),
        lambda: torch.randn(60, 3, 8, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_replay_is_bit_equal_to_a_plain_pass(name):
    build, data = MODELS[name]
    net, x, prefix = patch_module(build()).eval(), data(), Prefix()
    with torch.no_grad():
        for seed in range(4):
            torch.manual_seed(seed)
            wanted = net(x)
            torch.manual_seed(seed)
            assert torch.equal(prefix.run(lambda: net(x)), wanted)
            after = torch.get_rng_state()
            torch.manual_seed(seed)
            net(x)
            assert torch.equal(after, torch.get_rng_state())


def test_what_comes_first_is_computed_once_and_the_rest_for_each_sample():
    net = mc(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 2))
    x, prefix, k = image(), Prefix(), 7
    with torch.no_grad(), Count() as count:
        for _ in range(k):
            prefix.run(lambda: net(x))
    assert (count.computed["convolution"], count.computed["relu"]) == (1, 1)
    assert count.computed["addmm"] == k


@pytest.mark.parametrize("way", ["vmap", "loop", "auto"])
def test_the_engine_computes_it_once_for_all_samples_of_a_settled_model(way):
    net, x, k = mc(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Dropout(0.5)), image(), 20
    sample_posterior(net, x, k, way)
    with Count() as count:
        sample_posterior(net, x, k, way)
    assert (count.computed["convolution"], count.computed["tanh"]) == (1, 1)


def test_where_nothing_but_a_loop_works_it_shares_the_prefix_too():
    """After vmap and stacking have failed, the loop is still one with its prefix cached."""

    class OnlyLoop(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.drop = nn.Conv2d(3, 4, 3), nn.Dropout(0.5)

        def forward(self, x):
            y = self.drop(self.conv(x))
            return y.sum() if bool((y == 0).any()) else y.mean()

    net, x = patch_module(OnlyLoop()).eval(), image()
    sample_posterior(net, x, 5)
    with Count() as count:
        sample_posterior(net, x, 5)
    assert count.computed["convolution"] == 1


def test_a_deterministic_model_is_one_computation():
    net, x, prefix = mc(nn.Linear(3, 3), nn.Dropout(0.5))[:1], torch.randn(4, 3), Prefix()
    with torch.no_grad(), Count() as count:
        outputs = [prefix.run(lambda: net(x)) for _ in range(5)]
    assert count.computed["addmm"] == 1
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_operations_in_place_before_the_randomness_happen_once():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            self.calls += 1
            h = torch.zeros(3, 4)
            h[:, :2] = x
            h[:, 2:].add_(2).mul_(x)
            torch.add(h, 1, out=h)
            return torch.stack([h, self.drop(h)])

    net, x, prefix = patch_module(InPlace()).eval(), torch.rand(3, 2), Prefix()
    wanted = torch.cat([x, 2 * x], dim=1) + 1
    with torch.no_grad():
        for _ in range(3):
            plain, dropped = prefix.run(lambda: net(x))
            torch.testing.assert_close(plain, wanted)
            assert bool(((dropped == 0) | ((dropped - 2 * wanted).abs() < 1e-6)).all())
    assert float(net.calls) == 1


MAKERS = {
    "zeros": lambda x: torch.zeros(3, 2),
    "zeros_like": torch.zeros_like,
    "arange": lambda x: torch.arange(2.0),
    "causal mask": lambda x: nn.Transformer.generate_square_subsequent_mask(2)[1],
    "tensor": lambda x: torch.tensor([1.0, 2.0]),
    "empty": lambda x: torch.empty(3, 2).copy_(x),
    "new_full": lambda x: x.new_full((3, 2), 4.0),
    "where": lambda x: torch.where(x > 0.5, x, 0.0),
    "unbind": lambda x: torch.stack(x.unbind(1), 1),
    "item": lambda x: x * x.sum().item(),
}


@pytest.mark.parametrize("name", MAKERS)
def test_tensors_made_on_the_way_do_not_end_the_sharing(name):
    """Masks, positions and first states are made from nothing in many models."""
    x, prefix = torch.rand(3, 2), Prefix()

    def forward():
        y = (x * 3).exp() + MAKERS[name](x)
        return y, y + torch.rand(3, 2)

    with torch.no_grad(), Count() as count:
        outputs = [prefix.run(forward) for _ in range(4)]
    assert count.computed["exp"] == 1
    for plain, noisy in outputs:
        torch.testing.assert_close(plain, (x * 3).exp() + MAKERS[name](x))
        assert bool((noisy >= plain).all())


def test_tensors_that_nobody_needs_any_more_are_let_go():
    kept = []

    class Wide(nn.Module):
        def forward(self, x):
            for _ in range(6):
                x = x * 2
            return torch.rand(()) + x.sum()

    prefix = Prefix()
    x = torch.ones(100_000)
    prefix.run(lambda: Wide()(x))
    for operation in prefix._operations:
        kept += [slot.kept.untyped_storage().data_ptr() for slot in operation.slots]
        assert all(slot.kept.shape == slot.looks[0] for slot in operation.slots)
    assert len(set(kept)) <= 3  # x six times over in one memory, and the sum


def test_an_error_leaves_no_mode_behind():
    prefix, x = Prefix(), torch.ones(2)
    with pytest.raises(ZeroDivisionError):
        prefix.run(lambda: (x + 1) * (1 // 0))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


def test_a_mode_of_the_model_itself_is_respected():
    class Moded(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            with Count() as self.count:
                return self.drop(x * 2) + 1

    net, x, prefix = patch_module(Moded()).eval(), torch.ones(50), Prefix()
    for _ in range(3):
        assert sorted(prefix.run(lambda: net(x)).unique().tolist()) == [1.0, 5.0]
        assert net.count.computed["add"] == 1
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None
