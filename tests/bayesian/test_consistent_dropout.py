"""Consistent dropout: patched and unpatched, called by hand, seeded, and through the wrapper."""

import copy
import io
import pickle
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from baal.bayesian import always_on, dropout
from baal.bayesian.consistent_dropout import (
    ConsistentDropout,
    ConsistentDropout2d,
    MCConsistentDropoutModule,
    patch_module,
    resample,
    unpatch_module,
)
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.modelwrapper import ModelWrapper
from baal.training_args import TrainingArgs

X = torch.linspace(-1, 1, 24).reshape(6, 4)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(110)


class Mine(nn.Dropout):
    pass


def everything():
    return nn.Sequential(
        nn.Linear(4, 8), nn.Dropout(0.3), nn.Dropout1d(), nn.Dropout2d(), nn.Dropout3d(),
        nn.AlphaDropout(), nn.FeatureAlphaDropout(), Mine(0.4), nn.LSTM(8, 8, 2, dropout=0.1),
        nn.LSTM(8, 8), nn.MultiheadAttention(8, 2, 0.1), nn.TransformerEncoderLayer(8, 2, 8),
    )  # fmt: skip


def net():
    return nn.Sequential(nn.Linear(4, 32), nn.Dropout(0.5), nn.Linear(32, 3)).eval()


def looks(module):
    return [
        (name, id(m), type(m), m.training, dict(vars(m)), len(m._forward_hooks))
        for name, m in module.named_modules()
    ]


class TestPatching:
    def test_unpatching_restores_the_model_exactly(self):
        module = everything()
        module[0].register_forward_hook(lambda *_: None)
        module[1].eval()
        before, keys = looks(module), list(module.state_dict())
        assert patch_module(module) is module
        assert list(module.state_dict()) == keys
        assert [m[3] for m in looks(module)] == [m[3] for m in before]
        assert type(module[1]) is ConsistentDropout
        assert type(module[3]) is ConsistentDropout2d
        assert type(module[9]) is nn.LSTM
        assert type(module[8]) is always_on.LSTM
        sample_posterior(module[:2], X, 3)
        module[1](X)
        assert unpatch_module(module) is module
        assert looks(module) == before

    @pytest.mark.parametrize("parametrized", [False, True])
    def test_a_model_with_mc_dropout(self, parametrized):
        module = everything()
        before = [type(m) for m in module.modules()]
        dropout.patch_module(module)
        if parametrized:
            torch.nn.utils.parametrizations.weight_norm(module[8], "weight_hh_l0")
        wanted = [type(m) for m in module.modules()]
        assert samples_after(module[:2]) is False
        patch_module(module)
        assert samples_after(module[:2]) is True
        changed = {always_on.Dropout: ConsistentDropout, always_on.Dropout2d: ConsistentDropout2d}
        assert [type(m) for m in module.modules()] == [changed.get(t, t) for t in wanted]
        module[8](torch.ones(2, 1, 8))
        dropout.unpatch_module(module)
        if not parametrized:
            assert [type(m) for m in module.modules()] == before

    def test_mc_dropout_on_a_model_that_has_it_changes_nothing(self):
        module = patch_module(everything(), seed=0)
        before = looks(module)
        dropout.patch_module(module)
        assert looks(module) == before

    def test_a_copy_is_patched(self):
        module = net()
        patched = patch_module(module, inplace=False, seed=0)
        assert type(module[1]) is nn.Dropout
        assert type(patched[1]) is ConsistentDropout
        assert type(unpatch_module(patched, inplace=False)[1]) is nn.Dropout
        assert type(patched[1]) is ConsistentDropout

    def test_patching_twice_is_once_with_new_samples(self):
        module = patch_module(net(), seed=0)
        a = sample_posterior(module, X, 3)
        b = sample_posterior(patch_module(module, seed=1), X, 3)
        c = sample_posterior(patch_module(module, seed=0), X, 3)
        assert torch.equal(a, c)
        assert not torch.equal(a, b)

    @pytest.mark.parametrize("function", [patch_module, unpatch_module])
    def test_nothing_to_patch(self, function):
        with pytest.warns(UserWarning, match="No layer was modified") as caught:
            function(nn.Linear(1, 1))
        assert caught[0].filename == __file__

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"seed": -1}, InvalidArgumentError, "`seed` to be at least 0, but got -1"),
            ({"seed": "a"}, InvalidTypeError, "`seed` to be an int or None, but got 'a'"),
            ({"seed": True}, InvalidTypeError, "`seed` to be an int or None, but got True"),
            ({"batch_axis": "x"}, InvalidTypeError, "`batch_axis` to be an int or None, but got"),
        ],
    )
    def test_bad_input(self, given, error, message):
        module = net()
        for function in (patch_module, MCConsistentDropoutModule):
            with pytest.raises(error, match=message):
                function(module, **given)
            assert type(module[1]) is nn.Dropout
        if "seed" in given:
            with pytest.raises(error, match=message):
                ConsistentDropout(0.5, **given)

    def test_the_layers_own_arguments(self):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ConsistentDropout(1.5)
        assert ConsistentDropout2d().p == 0.5
        assert repr(ConsistentDropout(0.2)) == "ConsistentDropout(p=0.2, inplace=False)"

    def test_the_module_around_it(self):
        module = net()
        keys, before = list(module.state_dict()), looks(module)
        with MCConsistentDropoutModule(module, seed=2) as around:
            assert list(around.state_dict()) == keys
            around.load_state_dict({f"module.{k}": v for k, v in module.state_dict().items()})
            a = sample_posterior(around, X, 3)
            assert samples_are_joint(around)
            around.resample()
            assert not torch.equal(a, sample_posterior(around, X, 3))
            around.resample(2)
            torch.testing.assert_close(a, sample_posterior(around, X, 3))
        assert looks(module) == before


def samples_after(module):
    sample_posterior(module, X, 3)
    return samples_are_joint(module)


class TestByHand:
    """As BaaL documents it, outside of sampling runs."""

    @pytest.mark.parametrize(
        ("layer", "x"),
        [
            (ConsistentDropout(0.5), torch.ones(5, 40)),
            (ConsistentDropout2d(0.5), torch.ones(5, 40, 2, 2)),
            (patch_module(nn.AlphaDropout(0.5)), torch.ones(5, 40)),
        ],
    )
    def test_a_mask_for_each_place_kept_until_eval(self, layer, x):
        parent = nn.Sequential(nn.Sequential(layer)).eval()
        first = parent(x)
        assert len({str(row.tolist()) for row in first}) == 5
        assert torch.equal(parent(x), first)
        assert torch.equal(parent(x * 2) != parent(x), first != 0) or x.ndim == 2
        assert parent(x[:3]).shape == x[:3].shape  # another shape has other masks
        second = parent(x)
        assert not torch.equal(second, first)
        for renew in (layer.eval, parent.eval, layer.forget_masks):
            renew()
            third = parent(x)
            assert not torch.equal(third, second)
            assert torch.equal(parent(x), third)
            second = third

    def test_reset(self):
        layer, x = ConsistentDropout(0.5).eval(), torch.ones(2, 40)
        first = layer(x)
        layer.reset()
        assert not torch.equal(layer(x), first)

    def test_each_use_of_a_shared_layer_has_a_mask_and_so_has_each_call(self):
        layer, x = ConsistentDropout(0.5), torch.ones(3, 40)
        twice = nn.Sequential(layer, layer).eval()
        a = twice(x)
        assert float((a > 0).float().mean()) > 0.4  # the same mask, kept from the first use
        assert torch.equal(twice(x), a)

    def test_in_training_it_is_ordinary_dropout(self):
        layer, x = ConsistentDropout(0.5).train(), torch.ones(200, 40)
        state = torch.get_rng_state()
        found = layer(x)
        torch.set_rng_state(state)
        assert torch.equal(found, nn.functional.dropout(x, 0.5))
        assert not torch.equal(layer(x), found)

    def test_the_rate_is_right(self):
        layer = ConsistentDropout(0.3).eval()
        out = layer(torch.ones(200, 500))
        assert abs(float((out == 0).float().mean()) - 0.3) < 5 * (0.21 / 1e5) ** 0.5
        torch.testing.assert_close(out[out != 0].unique(), torch.tensor([1 / 0.7]))

    def test_recurrent_layers_and_attention(self):
        lstm = patch_module(nn.LSTM(4, 8, 2, dropout=0.5)).eval()
        attend = patch_module(nn.MultiheadAttention(4, 2, 0.5)).eval()
        x = torch.randn(5, 3, 4)
        for call in (lambda: lstm(x)[0], lambda: attend(x, x, x)[0]):
            first = call()
            assert torch.equal(call(), first)
            (lstm.eval(), attend.eval())
            assert not torch.equal(call(), first)

    def test_a_sampling_run_leaves_the_masks_alone_and_they_leave_it_alone(self):
        module = patch_module(net(), seed=0)
        samples = sample_posterior(module, X, 5)
        first = module(X)
        assert torch.equal(sample_posterior(module, X, 5), samples)
        assert torch.equal(module(X), first)
        sample_posterior(module, X[:2], 5, "loop")
        assert torch.equal(module(X), first)

    def test_masks_are_not_saved_but_copied(self):
        module = patch_module(net(), seed=0)
        keys = list(module.state_dict())
        first = module(X)
        assert list(module.state_dict()) == keys
        twin = copy.deepcopy(module)
        assert torch.equal(twin(X), first)
        twin.eval()
        assert not torch.equal(twin(X), first)
        assert torch.equal(module(X), first)
        for again in (pickle.loads(pickle.dumps(module)), saved(module)):
            assert type(again[1]) is ConsistentDropout
            torch.testing.assert_close(
                sample_posterior(again, X, 3), sample_posterior(module, X, 3)
            )

    def test_masks_do_not_go_with_the_seed(self):
        """Two layers of one seed, called by hand, draw from torch's generator."""
        a, b = ConsistentDropout(0.5, seed=0).eval(), ConsistentDropout(0.5, seed=0).eval()
        assert not torch.equal(a(torch.ones(1, 64)), b(torch.ones(1, 64)))


def saved(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


class TestSeeds:
    def test_the_same_seed_gives_the_same_samples(self):
        torch.manual_seed(0)
        weights = net().state_dict()
        found = []
        for seed in (7, 7, 8):
            module = net()
            module.load_state_dict(weights)
            found.append(sample_posterior(patch_module(module, seed=seed), X, 4))
        assert torch.equal(found[0], found[1])
        assert not torch.equal(found[0], found[2])

    def test_resampling(self):
        module = patch_module(net())
        a = sample_posterior(module, X, 4)
        resample(module, 5)
        b = sample_posterior(module, X, 4)
        resample(module)
        c = sample_posterior(module, X, 4)
        resample(module, 5)
        assert torch.equal(sample_posterior(module, X, 4), b)
        assert not torch.equal(a, b)
        assert not torch.equal(b, c)

    def test_parts_patched_one_by_one_share_no_masks(self):
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = patch_module(nn.Dropout()), patch_module(nn.Dropout())

            def forward(self, x):
                return torch.stack([self.a(x), self.b(x)], 1)

        a, b = sample_posterior(Two(), torch.ones(1, 1000), 1)[0] > 0
        assert abs(float((a == b).float().mean()) - 0.5) < 0.1

    @pytest.mark.parametrize("way", ["auto", "vmap", "stack", "loop"])
    def test_no_global_generator_moves(self, way):
        module = patch_module(net(), seed=0)
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
        sample_posterior(module, X, 4, way)
        sample_posterior(module, X, 4, way)
        assert torch.equal(torch.get_rng_state(), states[0])
        np.testing.assert_array_equal(np.random.get_state()[1], states[1])
        assert random.getstate() == states[2]

    def test_the_seed_of_a_model_may_come_from_torch(self):
        found = []
        for _ in range(2):
            torch.manual_seed(3)
            found.append(sample_posterior(patch_module(net()), X, 4))
        assert torch.equal(*found)


class Pool(Dataset):
    def __len__(self):
        return 23

    def __getitem__(self, index):
        return torch.randn(4, generator=torch.Generator().manual_seed(index)), 0


class TestThroughTheWrapper:
    @pytest.mark.parametrize("sampling", ["auto", "vmap", "stack", "loop"])
    def test_predictions_do_not_depend_on_the_batch_size(self, sampling):
        model = MCConsistentDropoutModule(net(), seed=4)
        found = []
        for size in (1, 5, 23):
            args = TrainingArgs(batch_size=size, workers=0, use_cuda=False, sampling=sampling)
            wrapper = ModelWrapper(model, args)
            assert size > 1 or wrapper.samples_are_joint is None
            found.append(wrapper.predict_on_dataset(Pool(), iterations=6, verbose=False))
            assert wrapper.samples_are_joint is True
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], rtol=1e-4, atol=1e-5)
        assert found[0].std(-1).min() > 0

    def test_mc_dropout_is_not_joint(self):
        model = dropout.MCDropoutModule(net())
        wrapper = ModelWrapper(model, TrainingArgs(workers=0, use_cuda=False))
        wrapper.predict_on_dataset(Pool(), iterations=4, verbose=False)
        assert wrapper.samples_are_joint is False
