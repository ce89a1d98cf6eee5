from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian import consistent_dropout, dropout, weight_drop
from baal.exceptions import InvalidArgumentError
from baal.training.embedding import embed, gradients_of, without_dropout


def rows(model, x, layer=None, mask=None):
    return embed(model, lambda: model(x), len(x), layer, mask)[1]


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 8),
        nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2),
    )  # fmt: skip


@pytest.mark.parametrize(
    "patch",
    [
        lambda model: model,
        dropout.patch_module,
        consistent_dropout.patch_module,
        dropout.MCDropoutModule,
        lambda model: weight_drop.patch_module(model, ["Linear"], 0.5),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_the_input_of_the_last_linear_layer_without_any_dropout(patch, training):
    x, model = torch.randn(5, 3, 8, 8), net()
    expected = model.eval()[:6](x)
    patched = patch(net()).train(training)
    output, embedding = embed(patched, lambda: patched(x), 5)
    torch.testing.assert_close(embedding, expected)
    torch.testing.assert_close(output, model(x))
    assert not output.requires_grad
    assert {module.training for module in patched.modules()} == {training}
    torch.testing.assert_close(rows(patched, x, "4"), model[:5](x))
    # It is stochastic again, if it was.
    if patch.__name__ != "<lambda>":
        assert not torch.equal(patched(x), patched.train()(x))


def test_the_last_layer_is_the_one_that_is_called_last():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)
            self.body = nn.Linear(4, 3)

        def forward(self, x):
            return self.head(input=self.body(x).relu())

    model, x = Backwards(), torch.randn(6, 4)
    torch.testing.assert_close(rows(model, x), model.body(x).relu())


def test_positions_are_averaged():
    x = torch.randn(2, 3, 5, 7)
    conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    for name in "01":
        depth = int(name) + 1
        torch.testing.assert_close(rows(conv, x, name), conv[:depth](x).mean(dim=(2, 3)))
    line = nn.Sequential(nn.Conv1d(3, 4, 3))
    torch.testing.assert_close(rows(line, x[:, :, 0], "0"), line(x[:, :, 0]).mean(dim=2))
    tokens, tagger = torch.randn(2, 5, 6), nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
    hidden = tagger[0](tokens)
    torch.testing.assert_close(rows(tagger, tokens), hidden.mean(dim=1))
    mask = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    masked = rows(tagger, tokens, mask=mask)
    torch.testing.assert_close(masked[0], hidden[0, :2].mean(dim=0))
    assert (masked[1] == 0).all()
    recurrent = nn.Sequential(nn.LSTM(6, 4, batch_first=True))
    torch.testing.assert_close(rows(recurrent, tokens, "0"), recurrent(tokens)[0].mean(dim=1))


@pytest.mark.parametrize(
    "outputs",
    [
        lambda h: {"loss": None, "states": [h, h + 1], "n": 3},
        lambda h: OrderedDict(first=(None, h), second=h + 1),
        lambda h: [{"a": h}, h + 1],
    ],
)
def test_of_several_tensors_the_first(outputs):
    class Body(nn.Module):
        def forward(self, x):
            return outputs(2 * x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = Body(), nn.Linear(3, 2)

        def forward(self, x):
            self.body(x)
            return self.head(x)

    x = torch.randn(4, 5, 3)
    torch.testing.assert_close(rows(Net(), x, "body"), 2 * x.mean(dim=1))
    mask = torch.tensor([[1, 1, 0, 0, 0]] * 4)
    torch.testing.assert_close(rows(Net(), x, "body", mask), 2 * x[:, :2].mean(dim=1))


def test_no_tensor_at_all():
    class Empty(nn.Module):
        def forward(self, x):
            return {"loss": None}

    model = nn.Sequential(Empty())
    with pytest.raises(InvalidArgumentError, match=r"the output of '0' to have a row .* got dict"):
        rows(model, torch.ones(2, 3), "0")


def test_one_number_for_each_item_and_half_precision():
    summing = nn.Sequential(nn.Linear(3, 3), nn.Flatten(0))
    x = torch.randn(4, 3, dtype=torch.bfloat16)
    assert rows(summing.bfloat16(), x).dtype == torch.float32
    single = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    assert rows(single, torch.randn(4, 3), "1").shape == (4, 1)
    assert rows(single.double(), torch.randn(4, 3).double()).dtype == torch.float64


def test_no_hook_stays_and_modes_come_back_even_after_an_error():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    model[1].eval()

    def fail():
        model(torch.ones(2, 3))
        raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        embed(model, fail, 2)
    assert not model[0]._forward_pre_hooks
    assert (model[0].training, model[1].training) == (True, False)
    with without_dropout(model):
        assert not torch.is_grad_enabled()
        assert not model[0].training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("model", "layer", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 1)), None, "the model to call a linear layer, but got"),
        (net(), "9", r"`layer` to be the name of a layer, such as \['.*, but got '9'"),
        (net(), "", "`layer` to be the name of a layer"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(96, 2)), None, r"2 items .*, but got \[96\]"),
        (nn.ModuleDict({"a": nn.Linear(1, 1)}), "a", "the model to call 'a', but got a forward"),
    ],
)
def test_what_gives_no_embedding(model, layer, message):
    x = torch.zeros(2, 3, 8, 8) if layer else torch.zeros(2, 3, 4, 4)
    run = (lambda: None) if isinstance(model, nn.ModuleDict) else (lambda: model(x))
    with pytest.raises(InvalidArgumentError, match=message):
        embed(model, run, 2, layer)


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_gradients_of_batches_of_tensors_or_arrays(kind):
    logits, rows = np.array([[0.0, 3.0], [2.0, 0.0]], np.float32), np.eye(2, dtype=np.float32)
    factors = gradients_of([(kind(logits[:1]), rows[:1]), (kind(logits[1:]), rows[1:])])
    small, large = 1 / (1 + np.exp([3.0, 2.0]))
    np.testing.assert_allclose(factors.residuals, [[small, -small], [-large, large]], rtol=1e-6)
    np.testing.assert_array_equal(factors.embeddings, rows)


@pytest.mark.parametrize(
    ("output", "got"), [(np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"), ({"a": 1}, "dict")]
)
def test_gradients_of_what_is_not_one_output(output, got):
    with pytest.raises(InvalidArgumentError, match=rf"one output, \[B, C\], .* got {got}"):
        gradients_of([(output, np.zeros((2, 5)))])
