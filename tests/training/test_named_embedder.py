"""Embeddings of a real `Trainer` are what goes into the head of the model, padding apart."""

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.dropout import MCDropoutModule, patch_module
from baal.exceptions import InvalidArgumentError
from baal.utils.gradient_embeddings import factors_of
from tests.active.dataset.texts import build_tokenizer
from tests.tiny_transformers import SENTENCES, bert, texts, trainer


def inputs_of(item):
    return {k: torch.as_tensor(v)[None] for k, v in item.items() if k != "labels"}


def test_the_input_of_the_head_item_by_item_and_without_dropout(tmp_path):
    plain = bert("SequenceClassification").eval()
    model = patch_module(bert("SequenceClassification", hidden_dropout_prob=0.5))
    wrapper = trainer(model, tmp_path)
    model.bert.embeddings.eval()
    modes = [module.training for module in model.modules()]
    got = wrapper.embed_on_dataset(texts(), verbose=False)
    assert got.dtype == np.float32
    with torch.no_grad():
        for item, row in zip(texts(), got, strict=True):
            pooled = plain.bert(**inputs_of(item)).pooler_output[0]
            np.testing.assert_allclose(row, pooled, atol=1e-5)
    assert modes == [module.training for module in model.modules()]
    assert np.ptp(wrapper.predict_on_dataset(texts(), 5), axis=-1).max() > 0


def test_gradients_are_those_of_the_most_probable_class(tmp_path):
    wrapper = trainer(patch_module(bert("SequenceClassification")), tmp_path)
    factors = wrapper.gradient_embed_on_dataset(texts(), verbose=False)
    plain = bert("SequenceClassification").eval()
    for number, item in enumerate(texts()):
        logits = plain(**inputs_of(item)).logits
        plain.zero_grad()
        nn.functional.cross_entropy(logits, logits.argmax(1)).backward()
        gradient = np.outer(factors.residuals[number], factors.embeddings[number])
        np.testing.assert_allclose(gradient, plain.classifier.weight.grad, atol=1e-5)


@pytest.mark.parametrize("layer", ["bert", "bert.encoder", "bert.encoder.layer.0"])
def test_layers_that_give_several_tensors_under_names(layer, tmp_path):
    plain = bert("SequenceClassification").eval()
    wrapper = trainer(
        patch_module(bert("SequenceClassification", hidden_dropout_prob=0.5)),
        tmp_path,
        per_device_eval_batch_size=5,
    )
    assert len({len(item["input_ids"]) for item in texts()}) > 1  # so that there is padding
    got = wrapper.embed_on_dataset(texts(), layer, verbose=False)
    for number, item in enumerate(texts()):
        with torch.no_grad():
            last = plain.bert(**inputs_of(item)).last_hidden_state[0]
        np.testing.assert_allclose(got[number], last.mean(0), atol=1e-5)


def test_of_tokens_the_mean_over_those_that_are_no_padding(tmp_path):
    plain = bert("TokenClassification").eval()
    options = {"per_device_eval_batch_size": 5}
    for patch in (patch_module, MCDropoutModule):
        wrapper = trainer(patch(bert("TokenClassification")), tmp_path, **options)
        head = wrapper.embed_on_dataset(texts(), verbose=False)
        layer = wrapper.embed_on_dataset(texts(), "bert.embeddings", verbose=False)
        for number, item in enumerate(texts()):
            with torch.no_grad():
                hidden = plain.bert(**inputs_of(item), output_hidden_states=True).hidden_states
            np.testing.assert_allclose(head[number], hidden[-1][0].mean(0), atol=1e-5)
            np.testing.assert_allclose(layer[number], hidden[0][0].mean(0), atol=1e-5)
        with pytest.raises(InvalidArgumentError, match=r"\[B, C\], .* but got shape \(5, 7, 3\)"):
            wrapper.gradient_embed_on_dataset(texts(), verbose=False)


def test_padding_does_not_matter(tmp_path):
    tokenizer = build_tokenizer()
    padded = [tokenizer(text, padding="max_length", max_length=9) for text in SENTENCES]
    for task in ("SequenceClassification", "TokenClassification"):
        wrapper = trainer(bert(task), tmp_path)
        np.testing.assert_allclose(
            wrapper.embed_on_dataset(padded, verbose=False),
            wrapper.embed_on_dataset(texts(), verbose=False),
            atol=1e-5,
        )


def test_nothing_to_embed_and_layers_that_are_not_there(tmp_path):
    wrapper = trainer(bert("SequenceClassification"), tmp_path)
    assert wrapper.embed_on_dataset([], verbose=False).shape == (0, 0)
    assert len(wrapper.gradient_embed_on_dataset([], verbose=False).embeddings) == 0
    with pytest.raises(InvalidArgumentError, match=r"'bert.pooler'.*but got 'pooler'"):
        wrapper.embed_on_dataset(texts(), "pooler", verbose=False)


def test_only_logits_make_gradients(tmp_path):
    class Net(nn.Module):
        def __init__(self, call=True):
            super().__init__()
            self.head, self.call = nn.Linear(2, 2), call

        def forward(self, input_ids, attention_mask=None):
            x = torch.ones(len(input_ids), 2)
            return {"other": self.head(x) if self.call else x}

    with pytest.raises(InvalidArgumentError, match="to call a linear layer"):
        trainer(Net(call=False), tmp_path).embed_on_dataset(texts(), verbose=False)
    wrapper = trainer(Net(), tmp_path)
    assert wrapper.embed_on_dataset(texts(), verbose=False).tolist() == [[1.0, 1.0]] * 5
    with pytest.raises(InvalidArgumentError, match="but got NoneType"):
        wrapper.gradient_embed_on_dataset(texts(), verbose=False)


def test_a_lone_tensor_counts_as_logits(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(1, 2)

        def forward(self, input_ids, attention_mask=None):
            return self.head(input_ids[:, :1].float())

    wrapper = trainer(Net(), tmp_path)
    factors = wrapper.gradient_embed_on_dataset(texts(), verbose=False)
    logits = wrapper.predict_on_dataset(texts())[..., 0]
    expected = factors_of(logits, factors.embeddings)
    np.testing.assert_allclose(factors.residuals, expected.residuals, atol=1e-6)
