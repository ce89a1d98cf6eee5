import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

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
