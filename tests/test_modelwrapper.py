import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from baal.bayesian.dropout import patch_module
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.modelwrapper import ModelWrapper, TrainingArgs, mc_inference
from baal.utils.metrics import Accuracy

X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.5], [0.3, 0.1]])
Y = torch.tensor([0, 1, 1, 0, 0])
DATA = TensorDataset(X, Y)


deterministic_on_purpose = pytest.mark.filterwarnings("ignore:All posterior samples")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(3)


def make(model=None, lr=0.1, **kwargs):
    model = model or nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    defaults = {"optimizer": optimizer, "criterion": nn.CrossEntropyLoss()}
    return ModelWrapper(
        model, TrainingArgs(**{**defaults, "workers": 0, "batch_size": 2, **kwargs})
    )


def test_one_full_batch_step_is_gradient_descent_by_hand():
    wrapper = make(nn.Linear(2, 1, bias=False), batch_size=5, epoch=1, criterion=nn.MSELoss())
    w = wrapper.model.weight.detach().clone()
    target = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]])
    history = wrapper.train_on_dataset(TensorDataset(X, target))
    residual = X @ w.T - target
    expected = w - 0.1 * (2 / 5) * (residual.T @ X)
    torch.testing.assert_close(wrapper.model.weight.detach(), expected)
    assert history == [pytest.approx(float((residual**2).mean()), rel=1e-5)]


def test_epochs_are_as_many_as_asked_for():
    wrapper = make(epoch=4)
    assert len(wrapper.train_on_dataset(DATA)) == 4
    assert wrapper.model.training


def test_training_lowers_the_loss():
    history = make(epoch=30).train_on_dataset(DATA)
    assert history[-1] < 0.5 * history[0]


def test_the_regularizer_is_added_to_what_is_minimised_not_to_what_is_reported():
    net = nn.Linear(2, 2)
    plain, regular = (
        make(copy.deepcopy(net), epoch=1, batch_size=5),
        make(net, epoch=1, batch_size=5),
    )
    regular.args.regularizer = lambda: 100.0 * regular.model.bias.sum()
    assert plain.train_on_dataset(DATA) == regular.train_on_dataset(DATA)
    difference = plain.model.bias - regular.model.bias
    torch.testing.assert_close(
        difference.detach(), torch.full((2,), 0.1 * 100.0), rtol=1e-4, atol=0
    )


def test_test_loss_weights_the_short_last_batch():
    wrapper = make()
    wrapper.add_metric("accuracy", Accuracy)
    loss = wrapper.test_on_dataset(DATA)
    logits = wrapper.model(X).detach()
    assert loss == pytest.approx(float(nn.CrossEntropyLoss()(logits, Y)), rel=1e-5)
    expected = float((logits.argmax(1) == Y).double().mean())
    assert wrapper.get_metrics("test") == {
        "test_loss": loss,
        "test_accuracy": pytest.approx(expected),
    }


def test_averaged_predictions_are_means_over_samples():
    wrapper = make(patch_module(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))))
    criterion_saw = []
    wrapper.args.criterion = lambda out, _: criterion_saw.append(out) or out.sum()
    wrapper.test_on_batch(X, Y, average_predictions=20_000)
    torch.testing.assert_close(criterion_saw[0], wrapper.model[0](X).detach(), rtol=0, atol=0.06)


@pytest.mark.parametrize("replicate", [True, False])
@deterministic_on_purpose
def test_predictions_come_in_the_order_of_the_dataset(replicate):
    wrapper = make(replicate_in_memory=replicate)
    predictions = wrapper.predict_on_dataset(DATA, iterations=3, verbose=False)
    assert predictions.shape == (5, 2, 3)
    assert predictions.dtype == np.float32
    expected = wrapper.model(X).detach().numpy()
    np.testing.assert_allclose(predictions, np.repeat(expected[:, :, None], 3, 2), rtol=1e-6)
    generator = wrapper.predict_on_dataset_generator(DATA, 3, verbose=False)
    batches = list(generator)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    np.testing.assert_allclose(np.concatenate(batches), predictions)


@deterministic_on_purpose
def test_half_precision_and_bfloat16_results():
    assert make().predict_on_dataset(DATA, 2, half=True, verbose=False).dtype == np.float16
    model = nn.Linear(2, 2).bfloat16()
    wrapper = make(model)
    data = TensorDataset(X.bfloat16(), Y)
    assert wrapper.predict_on_dataset(data, 2, verbose=False).dtype == np.float32
    double = TensorDataset(X.double(), Y)
    assert (
        make(nn.Linear(2, 2).double()).predict_on_dataset(double, 2, verbose=False).dtype == float
    )


@deterministic_on_purpose
def test_several_outputs_come_as_a_list():
    class Two(nn.Module):
        def forward(self, x):
            return x, x.sum(1, keepdim=True)

    wrapper = ModelWrapper(Two(), TrainingArgs(workers=0, batch_size=2, use_cuda=False))
    first, second = wrapper.predict_on_dataset(DATA, 3, verbose=False)
    assert first.shape == (5, 2, 3)
    np.testing.assert_allclose(second[:, 0, 1], X.sum(1))


def test_items_that_are_inputs_alone():
    class Inputs(Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, index):
            return X[index]

    wrapper = make()
    assert np.array_equal(
        wrapper.predict_on_dataset(Inputs(), 1, verbose=False),
        wrapper.predict_on_dataset(DATA, 1, verbose=False),
    )


def test_an_empty_dataset():
    empty = TensorDataset(X[:0], Y[:0])
    wrapper = make()
    assert list(wrapper.predict_on_dataset_generator(empty, 2)) == []
    assert wrapper.predict_on_dataset(empty, 2) == []
    for call in (wrapper.train_on_dataset, wrapper.test_on_dataset):
        with pytest.raises(StateError, match="at least one labelled item"):
            call(empty)


def test_predicting_restores_every_mode():
    model = patch_module(nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 2)))
    model.train()
    model[0].eval()
    make(model).predict_on_batch(X, 2)
    assert [module.training for module in model.modules()] == [True, False, True, True]


def test_predicting_is_in_eval_mode_and_restores_after_an_error():
    class Broken(nn.Module):
        def forward(self, x):
            assert not self.training
            raise KeyError("the user's own")

    model = Broken()
    with pytest.raises(KeyError, match="the user's own"):
        ModelWrapper(model, TrainingArgs(workers=0)).predict_on_batch(X, 2)
    assert model.training


@pytest.mark.parametrize("missing", ["optimizer", "criterion"])
def test_training_needs_optimizer_and_criterion(missing):
    wrapper = make(**{missing: None}, epoch=1)
    with pytest.raises(StateError, match=f"`TrainingArgs.{missing}` to be set"):
        wrapper.train_on_dataset(DATA)


@pytest.mark.parametrize(("name", "value"), [("batch_size", 0), ("epoch", -1), ("workers", -2)])
def test_arguments_out_of_range(name, value):
    with pytest.raises(InvalidArgumentError, match=f"Expected `{name}`.*but got {value}"):
        TrainingArgs(**{name: value})


def test_iterations_are_checked_before_anything_is_read():
    with pytest.raises(InvalidArgumentError, match="`iterations` to be at least 1"):
        make().predict_on_dataset_generator(DATA, 0)
    with pytest.raises(InvalidArgumentError, match="`iterations` to be at least 1"):
        make().test_on_dataset(DATA, average_predictions=0)


def test_resets_draw_new_weights_and_forget_momentum():
    model = nn.Sequential(nn.Conv1d(2, 2, 1), nn.Flatten(), nn.Linear(2, 2))
    wrapper = make(model, epoch=1)
    wrapper.train_on_dataset(TensorDataset(X[:, :, None], Y))
    conv, linear = model[0].weight.detach().clone(), model[2].weight.detach().clone()
    assert wrapper.args.optimizer.state
    wrapper.reset_fcs()
    assert not wrapper.args.optimizer.state
    assert torch.equal(model[0].weight, conv)
    assert not torch.equal(model[2].weight, linear)
    wrapper.reset_all()
    assert not torch.equal(model[0].weight, conv)


def test_loading_weights_repeats_training_exactly():
    """A round must not remember the one before it: momenta belong to the old weights."""
    wrapper = make(epoch=3)
    initial = copy.deepcopy(wrapper.state_dict())
    runs = []
    for _ in range(2):
        wrapper.load_state_dict(initial)
        torch.manual_seed(7)
        runs.append(wrapper.train_on_dataset(DATA))
    assert runs[0] == runs[1]


def test_modes_and_parameters_pass_through():
    wrapper = make()
    wrapper.eval()
    assert not wrapper.model.training
    wrapper.train()
    assert wrapper.model.training
    assert [id(p) for p in wrapper.get_params()] == [id(p) for p in wrapper.model.parameters()]


def test_metrics_are_kept_by_dataset_size():
    wrapper = make(epoch=1)
    wrapper.set_dataset_size(5)
    wrapper.train_on_dataset(DATA)
    loss = wrapper.test_on_dataset(DATA)
    kept = wrapper.active_learning_metrics[5]
    assert kept["test_loss"] == loss
    assert kept["dataset_size"] == 5
    assert "train_loss" in kept


def test_data_goes_where_the_model_is():
    wrapper = make(nn.Linear(2, 2, device="meta"), use_cuda=False)
    assert wrapper.predict_on_batch(X).device.type == "meta"


def test_a_model_without_parameters_asks_use_cuda():
    wrapper = ModelWrapper(nn.Identity(), TrainingArgs(use_cuda=True))
    assert wrapper.device.type == "cuda"


@deterministic_on_purpose
def test_mc_inference_by_both_names():
    net = nn.Linear(2, 2)
    out = mc_inference(net, X, 4, replicate_in_memory=False)
    assert out.shape == (5, 2, 4)


@pytest.mark.parametrize("way", ["vmap", "stack", "loop"])
def test_the_way_of_sampling_can_be_chosen(way, monkeypatch):
    seen = []

    def sample(model, data, iterations, way):
        seen.append((iterations, way))
        return torch.zeros(len(data), 2, iterations)

    monkeypatch.setattr("baal.training.predicting.sample_posterior", sample)
    make(sampling=way, replicate_in_memory=False).predict_on_batch(X, 4)
    make(replicate_in_memory=False).predict_on_batch(X, 4)
    make().predict_on_batch(X, 4)
    assert seen == [(4, way), (4, "loop"), (4, "auto")]


def test_an_unknown_way_of_sampling():
    with pytest.raises(InvalidArgumentError, match=r"Expected `sampling` to be one of .*'vmap'"):
        TrainingArgs(sampling="magic")


@pytest.mark.parametrize("way", ["auto", "stack", "loop"])
def test_autocast_predicts_in_the_type_asked_for(way):
    model = patch_module(nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.Linear(16, 2)))
    exact = make(model, sampling=way)
    rough = ModelWrapper(model, TrainingArgs(workers=0, sampling=way, autocast=torch.bfloat16))
    samples = []
    for wrapper in (exact, rough):
        torch.manual_seed(0)
        samples.append(wrapper.predict_on_batch(X, 6))
    assert samples[0].dtype == torch.float32
    assert samples[1].dtype == torch.bfloat16
    # The same masks, in eight bits of precision.
    torch.testing.assert_close(samples[1].float(), samples[0], rtol=0.05, atol=0.05)
    assert not torch.equal(samples[1].float(), samples[0])


def test_channels_last_changes_the_layout_and_nothing_else():
    conv = nn.Conv2d(3, 4, 3)
    model = patch_module(nn.Sequential(conv, nn.Dropout2d(0.5)))
    x = torch.randn(2, 3, 5, 5)
    results = []
    layouts = []
    conv.register_forward_pre_hook(
        lambda _, args: layouts.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    for channels_last in (False, True):
        wrapper = ModelWrapper(model, TrainingArgs(workers=0, channels_last=channels_last))
        torch.manual_seed(0)
        results.append(wrapper.predict_on_batch(x, 5))
    assert layouts[0] is False
    assert layouts[-1] is True
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(results[0], results[1])


def test_autocast_does_not_reach_into_vmap():
    model = patch_module(nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.Linear(16, 2)))
    args = TrainingArgs(workers=0, sampling="vmap", autocast=torch.bfloat16)
    with pytest.raises(StateError, match=r"outside of torch\.autocast"):
        ModelWrapper(model, args).predict_on_batch(X, 3)


def test_a_dict_of_outputs_gives_a_dict_of_arrays():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return {"logits": self.drop(x), "parts": (x.sum(1), x)}

    wrapper = ModelWrapper(patch_module(Named()), TrainingArgs(workers=0, batch_size=2))
    out = wrapper.predict_on_dataset(DATA, 3, verbose=False)
    assert out["logits"].shape == (5, 2, 3)
    np.testing.assert_allclose(out["parts"][0], X.sum(1)[:, None].expand(5, 3))
    assert out["parts"][1].shape == (5, 2, 3)


def test_training_for_no_epoch_is_said():
    with pytest.warns(UserWarning, match=r"`TrainingArgs\.epoch` is 0"):
        assert make().train_on_dataset(DATA) == []


def test_what_is_no_array_in_a_dict_of_outputs_is_left_out():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return {"loss": None, "logits": self.drop(x), "tag": "x"}

    wrapper = ModelWrapper(patch_module(Model()), TrainingArgs(workers=0, batch_size=2))
    out = wrapper.predict_on_dataset(DATA, 6, verbose=False)
    assert {key: value.shape for key, value in out.items()} == {"logits": (5, 2, 6)}


def test_training_notes_the_size_of_the_dataset():
    wrapper = make(epoch=1)
    wrapper.train_on_dataset(DATA)
    loss = wrapper.test_on_dataset(DATA)
    assert wrapper.active_learning_metrics[5]["test_loss"] == loss
    assert wrapper.get_metrics()["dataset_size"] == 5


def test_autocast_takes_a_dtype():
    with pytest.raises(InvalidTypeError, match=r"`autocast` to be a torch\.dtype"):
        TrainingArgs(autocast="bfloat16")


def test_attention_is_reset_too():
    model = nn.TransformerEncoderLayer(4, 2, 8)
    for parameter in model.parameters():
        parameter.data.fill_(7)
    make(model).reset_all()
    assert not any(bool((parameter == 7).any()) for parameter in model.parameters())


def by_hand(model, epochs, *, norm=None, dtype=None, step=lambda optimizer, loss: None):
    """The loop that `train_on_dataset` stands for, written out."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.train()
    for _ in range(epochs):
        total = 0.0
        for x, y in DataLoader(DATA, 2, shuffle=True):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype, enabled=dtype is not None):
                loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            if norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), norm)
            optimizer.step()
            total += loss.item() * len(y)
        step(optimizer, total / len(DATA))


def halve(optimizer, loss):
    optimizer.param_groups[0]["lr"] *= 0.5


@pytest.mark.parametrize(
    ("kwargs", "hand"),
    [
        ({}, {}),
        ({"max_grad_norm": 0.2}, {"norm": 0.2}),
        ({"mixed_precision": torch.bfloat16}, {"dtype": torch.bfloat16}),
        ({"scheduler": 0.5}, {"step": halve}),
    ],
)
def test_training_is_the_loop_written_out_bit_for_bit(kwargs, hand):
    net = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.3), nn.Linear(8, 2))
    own, other = copy.deepcopy(net), copy.deepcopy(net)
    wrapper = make(own, epoch=3)
    if "scheduler" in kwargs:
        plan = torch.optim.lr_scheduler.ExponentialLR(wrapper.args.optimizer, kwargs["scheduler"])
        kwargs = {"scheduler": plan}
    wrapper = make(own, **{"epoch": 3, "optimizer": wrapper.args.optimizer, **kwargs})
    torch.manual_seed(5)
    wrapper.train_on_dataset(DATA)
    torch.manual_seed(5)
    by_hand(other, 3, **hand)
    for a, b in zip(own.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(own[0].weight, net[0].weight)


def test_float16_trains_as_float32_does_up_to_rounding():
    net = nn.Linear(2, 2)
    exact, rough = make(copy.deepcopy(net), epoch=5), make(net, epoch=5, mixed_precision=torch.half)
    # Low enough that no step overflows, and is left out.
    rough.grad_scaler.load_state_dict({**rough.grad_scaler.state_dict(), "scale": 1024.0})
    for wrapper in (exact, rough):
        torch.manual_seed(5)
        wrapper.train_on_dataset(DATA)
    assert exact.grad_scaler is None
    assert rough.grad_scaler.get_scale() == 1024.0
    assert rough.model.weight.dtype == torch.float32
    torch.testing.assert_close(rough.model.weight, exact.model.weight, rtol=0.02, atol=0.02)
    assert not torch.equal(rough.model.weight, exact.model.weight)


@pytest.mark.parametrize(("interval", "steps"), [("epoch", 2), ("batch", 6)])
def test_the_scheduler_steps_after_each_epoch_or_batch(interval, steps):
    wrapper = make(epoch=2)
    optimizer = wrapper.args.optimizer
    plan = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    wrapper = make(
        wrapper.model, optimizer=optimizer, epoch=2, scheduler=plan, scheduler_interval=interval
    )
    initial = copy.deepcopy(wrapper.state_dict())
    for _ in range(2):  # loading weights starts it anew
        wrapper.train_on_dataset(DATA)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**steps)
        wrapper.load_state_dict(initial)
        assert optimizer.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize("interval", ["epoch", "batch"])
def test_reduce_on_plateau_is_told_the_training_loss(interval, monkeypatch):
    wrapper = make(epoch=2)
    plan = torch.optim.lr_scheduler.ReduceLROnPlateau(wrapper.args.optimizer)
    told, losses = [], []
    monkeypatch.setattr(plan, "step", told.append)
    wrapper.args.scheduler, wrapper.args.scheduler_interval = plan, interval
    train_on_batch = wrapper.train_on_batch
    monkeypatch.setattr(
        wrapper, "train_on_batch", lambda x, y: losses.append(train_on_batch(x, y).item())
    )
    history = wrapper.train_on_dataset(DATA)
    assert told == (history if interval == "epoch" else losses)


def test_a_step_left_out_leaves_the_scheduler_where_it_is():
    wrapper = make(mixed_precision=torch.float16)
    plan = torch.optim.lr_scheduler.ExponentialLR(wrapper.args.optimizer, 0.5)
    wrapper.args.scheduler, wrapper.args.scheduler_interval = plan, "batch"
    wrapper.train_on_batch(torch.full((1, 2), torch.inf), Y[:1])
    assert plan.last_epoch == 0
    wrapper.train_on_batch(X[:1], Y[:1])
    assert plan.last_epoch == 1


class Scripted(ModelWrapper):
    """Trains as it is, and has test losses from a list."""

    losses = ()

    def test_on_dataset(self, dataset, average_predictions=1):
        super().test_on_dataset(dataset, average_predictions)
        self.seen = [*getattr(self, "seen", []), copy.deepcopy(self.model.weight.data)]
        loss = self.losses[len(self.seen) - 1]
        self.metrics["test_loss"].reset()
        self.metrics["test_loss"].update(torch.tensor(loss, dtype=torch.double))
        return loss


def scripted(losses, **kwargs):
    plain = make(**kwargs)
    wrapper = Scripted(plain.model, plain.args)
    wrapper.losses = losses
    return wrapper


def test_training_and_testing_is_the_two_in_turn():
    net = nn.Linear(2, 2)
    own, other = make(copy.deepcopy(net), epoch=3), make(net, epoch=1)
    torch.manual_seed(5)
    history = own.train_and_test_on_datasets(DATA, DATA)
    torch.manual_seed(5)
    expected = []
    for _ in range(3):  # not epoch times epoch
        other.train_on_dataset(DATA)
        other.test_on_dataset(DATA)
        expected.append(other.get_metrics())
    assert history == expected
    assert set(history[0]) == {"train_loss", "test_loss", "dataset_size"}
    assert torch.equal(own.model.weight, other.model.weight)
    assert own.active_learning_metrics == {5: history[-1]}
    assert own.model.training


def test_epochs_are_skipped_but_for_the_last():
    wrapper = make(epoch=6)
    trained = []
    wrapper.args.regularizer = lambda: trained.append(1) or torch.zeros(())
    history = wrapper.train_and_test_on_datasets(DATA, DATA, skip_epochs=2)
    assert len(history) == 4
    assert len(trained) == 6 * 3
    assert history[-1]["test_loss"] == wrapper.get_metrics()["test_loss"]


NAN = float("nan")


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([3.0, 1.0, 2.0], 1),
        ([NAN, 4.0, 5.0], 1),
        ([1.0, 1.0, NAN], 0),
        ([3e10, 2e10, 5e10], 1),
        ([NAN, float("inf"), NAN], 2),
    ],
)
def test_the_best_weights(losses, best):
    wrapper = scripted(losses, epoch=3)
    history, weights = wrapper.train_and_test_on_datasets(DATA, DATA, return_best_weights=True)
    assert [row["test_loss"] for row in history] == pytest.approx(losses, nan_ok=True)
    assert torch.equal(weights["weight"], wrapper.seen[best])
    wrapper.model.weight.data.fill_(7.0)  # a copy
    assert torch.equal(weights["weight"], wrapper.seen[best])


@pytest.mark.parametrize(
    ("kwargs", "tested"),
    [
        ({}, 8),
        ({"patience": 1}, 3),
        ({"patience": 2}, 4),
        ({"patience": 2, "min_epoch_for_es": 6}, 6),
        ({"patience": 2, "skip_epochs": 2}, 4),
    ],
)
def test_early_stopping(kwargs, tested):
    wrapper = scripted([3.0, 2.0, 5.0, 4.0, 9.0, 9.0, 9.0, 9.0], epoch=8)
    assert len(wrapper.train_and_test_on_datasets(DATA, DATA, **kwargs)) == tested


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({"patience": -1}, InvalidArgumentError),
        ({"skip_epochs": 0}, InvalidArgumentError),
        ({"min_epoch_for_es": 0.5}, InvalidTypeError),
        ({"test_dataset": TensorDataset(X[:0], Y[:0])}, StateError),
        ({"train_dataset": TensorDataset(X[:0], Y[:0])}, StateError),
    ],
)
def test_nothing_is_trained_before_all_is_checked(kwargs, error):
    wrapper = make(epoch=2)
    before = copy.deepcopy(wrapper.state_dict())
    with pytest.raises(error):
        wrapper.train_and_test_on_datasets(
            **{"train_dataset": DATA, "test_dataset": DATA, **kwargs}
        )
    assert all(torch.equal(before[k], v) for k, v in wrapper.state_dict().items())
    assert wrapper.get_metrics() == {}


def test_no_epoch_gives_the_weights_as_they_are():
    wrapper = make()
    with pytest.warns(UserWarning, match=r"`TrainingArgs\.epoch` is 0"):
        history, weights = wrapper.train_and_test_on_datasets(DATA, DATA, True)
    assert history == []
    assert torch.equal(weights["weight"], wrapper.model.weight)


class Items(Dataset):
    def __init__(self, make_item):
        self.make_item = make_item

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return self.make_item(X[index], Y[index])


class OfTwo(nn.Module):
    """Takes both columns from a dict or a sequence, and gives a dict, a tuple or one column."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.layer = kind, nn.Linear(2, 2)

    def forward(self, data):
        a, b = (data["a"], data["b"]) if isinstance(data, dict) else data
        out = self.layer(torch.stack([a, b], 1))
        named = {"logits": out, "one": out[:, 0]}
        return {"dict": named, "tuple": (out, out[:, 0]), "flat": out[:, 0]}[self.kind]


def squares(output, target):
    """Of the first column, whatever holds it."""
    output = output["one"] if isinstance(output, dict) else output
    output = output[1] if isinstance(output, tuple) else output
    target = target["y"] if isinstance(target, dict) else target
    return ((output - target) ** 2).mean()


@pytest.mark.parametrize("kind", ["dict", "tuple", "flat"])
@pytest.mark.parametrize(
    "make_item",
    [
        lambda x, y: ({"a": x[0], "b": x[1]}, y, "more"),
        lambda x, y: ((x[0], x[1]), y),
        lambda x, y: {"a": x[0], "b": x[1], "label": y},
        lambda x, y: {"a": x[0], "b": x[1], "target": {"y": y}},
    ],
)
@deterministic_on_purpose
def test_batches_and_outputs_of_any_kind(kind, make_item):
    """Against the same model on plain tensors."""
    model = OfTwo(kind)
    wrapper = make(model, criterion=squares, batch_size=5, epoch=1)
    w, bias = (p.detach().clone() for p in model.layer.parameters())
    residual = X @ w[0] + bias[0] - Y
    assert wrapper.train_on_dataset(Items(make_item)) == [
        pytest.approx(float((residual**2).mean()), rel=1e-5)
    ]
    w[0] -= 0.1 * 2 / 5 * residual @ X
    bias[0] -= 0.1 * 2 / 5 * residual.sum()
    torch.testing.assert_close(model.layer.weight.detach(), w)
    expected = X @ w[0] + bias[0]
    assert wrapper.test_on_dataset(Items(make_item)) == pytest.approx(
        float(((expected - Y) ** 2).mean()), rel=1e-4
    )
    out = wrapper.predict_on_dataset(Items(make_item), 3, verbose=False)
    first = {"dict": lambda: out["one"], "tuple": lambda: out[1], "flat": lambda: out}[kind]()
    np.testing.assert_allclose(first, expected[:, None].expand(5, 3), rtol=1e-4, atol=1e-5)


def test_whole_numbers_among_the_outputs_are_averaged_too():
    class Votes(nn.Module):
        def forward(self, x):
            return {"out": x, "class": x.argmax(1)}

    seen = []
    wrapper = make(criterion=lambda out, y: seen.append(out) or out["out"].sum())
    wrapper.model = Votes()
    wrapper.test_on_batch(X, Y)
    assert seen[0]["class"].tolist() == X.argmax(1).tolist()


def test_a_batch_without_a_target():
    for call in (make(epoch=1).train_on_dataset, make().test_on_dataset):
        with pytest.raises(InvalidArgumentError, match=r"keys .*but got"):
            call(Items(lambda x, y: {"x": x}))


@pytest.mark.parametrize("call", ["train_on_dataset", "test_on_dataset", "predict_on_dataset"])
def test_an_error_of_the_model_reaches_the_user_as_it_is(call):
    class Broken(nn.Linear):
        def forward(self, x):
            raise RuntimeError("the user's own")

    wrapper = make(Broken(2, 2), epoch=1)
    arguments = {"iterations": 2, "verbose": False} if call.startswith("predict") else {}
    with pytest.raises(RuntimeError, match=r"^the user's own$"):
        getattr(wrapper, call)(DATA, **arguments)


def test_a_progress_bar_only_where_it_is_asked_for(capsys):
    make(epoch=2).train_and_test_on_datasets(DATA, DATA)
    assert capsys.readouterr().err == ""
    make(epoch=2, verbose=True).train_and_test_on_datasets(DATA, DATA)
    err = capsys.readouterr().err
    assert "train" in err
    assert "test" in err


def test_a_criterion_in_the_place_of_the_arguments_is_refused():
    message = r"`args` to be TrainingArgs, but got CrossEntropyLoss: pass TrainingArgs\(criterion="
    with pytest.raises(InvalidTypeError, match=message):
        ModelWrapper(nn.Linear(2, 2), nn.CrossEntropyLoss())
