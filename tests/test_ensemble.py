"""Ensembles, against each member loaded and called by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.bayesian.posterior import PosteriorModule
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.weight_drop import patch_module
from baal.ensemble import Ensemble, EnsembleModelWrapper, ensemble_prediction
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import TrainingArgs

X = torch.linspace(-1, 1, 10 * 36).reshape(10, 1, 6, 6)
Y = torch.arange(10) % 3
DATA = TensorDataset(X, Y)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


def a_net():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)
    )


def a_member():
    """A net whose weights and buffers are its own."""
    net = a_net()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 1, 6, 6) * 3 + 1)
    return net.eval()


def a_wrapper(members=(), net=None, **kwargs):
    net = net or a_net()
    args = TrainingArgs(
        torch.optim.SGD(net.parameters(), lr=0.05), workers=0, use_cuda=False, batch_size=4,
        criterion=nn.CrossEntropyLoss(), **kwargs,
    )  # fmt: skip
    wrapper = EnsembleModelWrapper(net, args)
    for member in members:
        wrapper.add_checkpoint(member.state_dict())
    return wrapper


def by_hand(members, x):
    with torch.no_grad():
        return torch.stack([member(x) for member in members], -1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("way", ["auto", "loop", "vmap"])
def test_all_at_once_and_one_by_one_are_the_members(way, count, dtype):
    members = [a_member().to(dtype) for _ in range(count)]
    wrapper = a_wrapper(members, a_net().to(dtype), sampling=way)
    samples = wrapper.predict_on_batch(X.to(dtype))
    torch.testing.assert_close(samples, by_hand(members, X.to(dtype)), rtol=1e-4, atol=1e-5)
    assert samples.dtype == dtype
    assert wrapper.samples_are_joint is (True if count > 1 else None)


def test_what_predicting_leaves_alone():
    wrapper = a_wrapper([a_member() for _ in range(3)])
    wrapper.model.train()
    before = copy.deepcopy(wrapper.state_dict())
    identities = [id(tensor) for tensor in wrapper.model.state_dict(keep_vars=True).values()]
    wrapper.predict_on_batch(X)
    with pytest.raises(RuntimeError):
        wrapper.predict_on_batch(torch.ones(2, 5, 6, 6))
    after = wrapper.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert identities == [id(t) for t in wrapper.model.state_dict(keep_vars=True).values()]
    assert all(module.training for module in wrapper.model.modules())


def test_iterations_make_no_difference():
    wrapper = a_wrapper([a_member() for _ in range(4)])
    expected = wrapper.predict_on_batch(X)
    assert torch.equal(wrapper.predict_on_batch(X, 20), expected)
    assert torch.equal(wrapper.predict_on_batch(X, iterations=1, cuda=False), expected)


def test_datasets():
    members = [a_member() for _ in range(4)]
    wrapper = a_wrapper(members)
    expected = by_hand(members, X)
    predictions = wrapper.predict_on_dataset(DATA, iterations=20, verbose=False)
    assert predictions.shape == (10, 3, 4)
    np.testing.assert_allclose(predictions, expected.numpy(), rtol=1e-4, atol=1e-5)
    batches = list(wrapper.predict_on_dataset_generator(DATA, 1, verbose=False))
    assert [batch.shape for batch in batches] == [(4, 3, 4), (4, 3, 4), (2, 3, 4)]
    np.testing.assert_array_equal(np.concatenate(batches), predictions)
    assert wrapper.predict_on_dataset(DATA, 1, half=True, verbose=False).dtype == np.float16
    loss = nn.functional.cross_entropy(expected.mean(-1), Y)
    assert wrapper.test_on_dataset(DATA) == pytest.approx(float(loss), abs=1e-5)


def test_testing_without_members_is_testing_the_model():
    wrapper = a_wrapper()
    loss = nn.functional.cross_entropy(wrapper.model.eval()(X), Y).detach()
    assert wrapper.test_on_dataset(DATA) == pytest.approx(float(loss), abs=1e-5)
    assert wrapper.sampled_model is wrapper.model


def test_without_members():
    wrapper = a_wrapper()
    for predict in (
        lambda: wrapper.predict_on_batch(X),
        lambda: wrapper.predict_on_dataset(DATA, 1, verbose=False),
        lambda: ensemble_prediction(X, wrapper.model, [], cuda=False),
    ):
        with pytest.raises(ValueError, match="at least one member"):
            predict()
    with pytest.raises(InvalidArgumentError, match="at most 0 samples of Ensemble"):
        sample_posterior(PosteriorModule(a_net(), Ensemble()), X, 2)


def test_members_come_and_go():
    members = [a_member() for _ in range(5)]
    wrapper = a_wrapper(members[:4])
    torch.testing.assert_close(wrapper.predict_on_batch(X), by_hand(members[:4], X))
    wrapper.add_checkpoint(members[4].state_dict())
    torch.testing.assert_close(wrapper.predict_on_batch(X), by_hand(members, X))
    wrapper.clear_checkpoints()
    assert wrapper.checkpoints == ()
    for member in reversed(members):
        wrapper.add_checkpoint(member.state_dict())
    # As many as before, but others.
    torch.testing.assert_close(wrapper.predict_on_batch(X), by_hand(members[::-1], X))


def test_a_checkpoint_is_a_copy():
    wrapper = a_wrapper()
    wrapper.add_checkpoint()
    given = a_member().state_dict()
    wrapper.add_checkpoint(given)
    before = wrapper.predict_on_batch(X)
    with torch.no_grad():
        for tensor in (*wrapper.model.parameters(), *given.values()):
            tensor.zero_()
    assert torch.equal(wrapper.predict_on_batch(X), before)
    assert not any(value.requires_grad for value in wrapper.checkpoints[0].values())


def test_snapshots_of_one_run():
    wrapper = a_wrapper(epoch=2)
    snapshots = []
    for _ in range(3):
        wrapper.train_on_dataset(DATA)
        wrapper.add_checkpoint()
        snapshots.append(copy.deepcopy(wrapper.model).eval())
    wrapper.eval()
    torch.testing.assert_close(wrapper.predict_on_batch(X), by_hand(snapshots, X))
    means = [checkpoint["1.running_mean"] for checkpoint in wrapper.checkpoints]
    assert not torch.allclose(means[0], means[2])
    # The last one is the model as it is now.
    assert torch.equal(wrapper.model.state_dict()["1.running_mean"], means[2])


def test_saved_and_loaded(tmp_path):
    members = [a_member() for _ in range(12)]
    wrapper = a_wrapper(members)
    torch.save(wrapper.state_dict(), tmp_path / "wrapper.pt")
    other = a_wrapper([a_member()])
    other.load_state_dict(torch.load(tmp_path / "wrapper.pt", weights_only=True))
    assert len(other.checkpoints) == 12
    assert torch.equal(other.predict_on_batch(X), wrapper.predict_on_batch(X))
    ours, theirs = wrapper.state_dict(), other.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    # The members are no part of what was loaded: changing that changes nothing.
    ours["checkpoints.0.4.bias"].zero_()
    assert not torch.equal(other.state_dict()["checkpoints.0.4.bias"], ours["checkpoints.0.4.bias"])


def test_plain_weights_leave_the_members():
    wrapper = a_wrapper([a_member() for _ in range(2)])
    before, fresh = wrapper.predict_on_batch(X), a_member()
    wrapper.load_state_dict(fresh.state_dict())
    assert torch.equal(wrapper.predict_on_batch(X), before)
    assert torch.equal(wrapper.model.eval()(X), fresh(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"4.bias": None}, r"missing ones \['4.bias'\]"),
        ({"5.bias": torch.ones(3)}, r"unknown ones \['5.bias'\]"),
        ({"4.bias": torch.ones(5)}, r"'4.bias' to have the shape \[3\].*\[5\]"),
    ],
)
def test_a_member_of_another_architecture(change, message):
    own = a_net().state_dict()
    wrong = {name: value for name, value in {**own, **change}.items() if value is not None}
    wrapper = a_wrapper([a_member()])
    before = copy.deepcopy(wrapper.state_dict())
    with pytest.raises(InvalidArgumentError, match=message):
        wrapper.add_checkpoint(wrong)
    with pytest.raises(InvalidArgumentError, match=message):
        ensemble_prediction(X, wrapper.model, [own, wrong])
    state = {**a_net().state_dict(), **{f"checkpoints.0.{k}": v for k, v in wrong.items()}}
    with pytest.raises(InvalidArgumentError, match=message):
        wrapper.load_state_dict(state)
    after = wrapper.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    with pytest.raises(InvalidArgumentError, match="missing ones"):
        wrapper.add_checkpoint({})


def test_names_that_do_not_fit_the_model_change_nothing():
    wrapper = a_wrapper([a_member()])
    before = wrapper.predict_on_batch(X)
    state = a_wrapper([a_member() for _ in range(3)]).state_dict()
    del state["4.bias"]
    with pytest.raises(RuntimeError, match="Missing key"):
        wrapper.load_state_dict(state)
    assert torch.equal(wrapper.predict_on_batch(X), before)
    wrapper.load_state_dict(state, strict=False)
    assert len(wrapper.checkpoints) == 3


@pytest.mark.parametrize("mode", [True, False])
def test_by_hand_in_the_mode_the_model_is_in(mode):
    members = [a_member().train(mode) for _ in range(5)]
    weights = [copy.deepcopy(member.state_dict()) for member in members]
    before = copy.deepcopy(weights)
    model = a_net().train(mode)
    own = copy.deepcopy(model.state_dict())
    found = ensemble_prediction(X, model, weights, cuda=False)
    torch.testing.assert_close(found, by_hand(members, X), rtol=1e-4, atol=1e-5)
    # Not even statistics of the batch leave a trace.
    for a, b in zip([own, *before], [model.state_dict(), *weights], strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_several_outputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(8, 3)

        def forward(self, x):
            hidden = self.body(x).relu()
            return {"a": self.a(hidden), "b": [self.b(hidden)]}

    members, x = [Two() for _ in range(5)], torch.randn(6, 4)
    wrapper = a_wrapper(members, Two())
    found = wrapper.predict_on_batch(x)
    for name, leaf in (("a", found["a"]), ("b", found["b"][0])):
        out = [getattr(m, name)(m.body(x).relu()) for m in members]
        torch.testing.assert_close(leaf, torch.stack(out, -1).detach())
    predictions = wrapper.predict_on_dataset(TensorDataset(x), 1, verbose=False)
    assert predictions["a"].shape == (6, 2, 5)


@pytest.mark.parametrize("way", ["auto", "loop", "vmap"])
def test_members_with_dropconnect_have_masks_and_weights_of_their_own(way):
    members = [patch_module(nn.Linear(6, 3), ["Linear"], 0.4, seed=0) for _ in range(5)]
    wrapper = a_wrapper(members, copy.deepcopy(members[0]), sampling=way)
    x = torch.randn(4, 6)
    expected = [sample_posterior(m, x, 5, "loop")[..., k] for k, m in enumerate(members)]
    torch.testing.assert_close(wrapper.predict_on_batch(x), torch.stack(expected, -1))
    wrapper.clear_checkpoints()
    wrapper.add_checkpoint(members[2].state_dict())
    torch.testing.assert_close(wrapper.predict_on_batch(x)[..., 0], sample_posterior(
        members[2], x, 1, "loop")[..., 0])  # fmt: skip


def test_another_model_in_the_wrapper():
    wrapper = a_wrapper([a_member() for _ in range(2)])
    wrapper.predict_on_batch(X)
    wrapper.model = nn.Linear(4, 2)
    wrapper.clear_checkpoints()
    members = [nn.Linear(4, 2) for _ in range(3)]
    for member in members:
        wrapper.add_checkpoint(member.state_dict())
    torch.testing.assert_close(wrapper.predict_on_batch(X[:, 0, 0, :4]),
                               by_hand(members, X[:, 0, 0, :4]))  # fmt: skip


def test_stacks_are_remembered_for_as_long_as_the_members_stay():
    members = Ensemble([nn.Linear(2, 1).state_dict() for _ in range(4)])
    assert members.n_samples == 4
    first = members.stacked(range(4))
    assert members.stacked(range(4)) is first
    assert members.stacked(range(1, 3))["bias"].shape == (2, 1)
    one = members.stacked(range(2, 3))
    assert torch.equal(one["weight"][0], members.sample(2)["weight"])
    assert one["weight"].data_ptr() != members.sample(2)["weight"].data_ptr()
    members.members = members.members[::-1]
    assert torch.equal(members.stacked(range(4))["bias"], first["bias"].flip(0))


def test_a_deep_copy_has_members_of_its_own():
    wrapper = a_wrapper([a_member() for _ in range(3)])
    expected = wrapper.predict_on_batch(X)
    duplicate = copy.deepcopy(wrapper)
    wrapper.clear_checkpoints()
    torch.testing.assert_close(duplicate.predict_on_batch(X), expected)
    assert samples_are_joint(duplicate.sampled_model)


def test_a_recurrent_model_is_itself_again():
    class LastStep(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 4, 2, dropout=0.5, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0][:, -1]

    members, x = [LastStep().eval() for _ in range(4)], torch.randn(5, 6, 3)
    wrapper = a_wrapper(members, LastStep().eval())
    own = wrapper.model(x)
    torch.testing.assert_close(wrapper.predict_on_batch(x), by_hand(members, x))
    assert wrapper.samples_are_joint
    assert torch.equal(wrapper.model(x), own)
    wrapper.model(x).sum().backward()
    assert wrapper.model.rnn.weight_ih_l0.grad is not None


def test_members_that_go_on_training_are_stacked_anew():
    nets = [nn.Linear(3, 2) for _ in range(4)]
    members = Ensemble([net.state_dict() for net in nets])
    model, x = PosteriorModule(nn.Linear(3, 2), members), torch.randn(5, 3)
    for _ in range(2):
        for way in ("vmap", "loop"):
            torch.testing.assert_close(sample_posterior(model, x, 4, way), by_hand(nets, x))
        optimizer = torch.optim.SGD(nets[1].parameters(), lr=0.1)
        nets[1](x).sum().backward()
        optimizer.step()
    members.sample(2)["bias"] = torch.ones(2)  # another tensor in its place
    assert members.stacked(range(4))["bias"][2].tolist() == [1, 1]


def test_members_of_inference_mode_are_stacked_anew():
    with torch.inference_mode():
        members = Ensemble([{"bias": torch.full((2,), float(k))} for k in range(3)])
        first = members.stacked(range(3))
        members.sample(0)["bias"].fill_(7)
        assert first["bias"][:, 0].tolist() == [0, 1, 2]
        assert members.stacked(range(3))["bias"][:, 0].tolist() == [7, 1, 2]
