"""Attention: as the first random operation, with padding, in torch and in Hugging Face."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.attention import batched_attention
from baal.bayesian.sampling.engine import _plans
from baal.bayesian.sampling.prefix import Prefix
from baal.bayesian.sampling.ways import by_vmap

WAYS = ["vmap", "stack", "loop", "auto"]
K, E = 120, 8


class Functional(nn.Module):
    """Attention as in most repositories; its arguments by position or by name."""

    def __init__(self, named=False):
        super().__init__()
        self.project, self.named = nn.Linear(E, E), named

    def forward(self, x):
        q = self.project(x)
        p = 0.4 if self.training else 0.0
        if self.named:
            return F.scaled_dot_product_attention(query=q, key=q, value=q, dropout_p=p)
        return F.scaled_dot_product_attention(q, q, q, None, p)


class Attend(nn.Module):
    def __init__(self, need_weights, batch_first=True):
        super().__init__()
        self.project = nn.Linear(E, E)
        self.attend = nn.MultiheadAttention(E, 2, dropout=0.4, batch_first=batch_first)
        self.need_weights = need_weights

    def forward(self, x):
        x = self.project(x)
        if not self.attend.batch_first:
            x = x.transpose(0, 1)
        y = self.attend(x, x, x, need_weights=self.need_weights)[0]
        return y if self.attend.batch_first else y.transpose(0, 1)


class Masked(nn.Module):
    """Encoder with a padding mask; the mean of what is no padding."""

    def __init__(self, batch_first=True, p=0.3):
        super().__init__()
        layer = nn.TransformerEncoderLayer(E, 2, 16, dropout=p, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=batch_first)
        self.batch_first = batch_first

    def forward(self, batch):
        x, padding = batch["x"], batch["padding"]
        x = x if self.batch_first else x.transpose(0, 1)
        y = self.encoder(x, src_key_padding_mask=padding)
        y = y if self.batch_first else y.transpose(0, 1)
        return (y * ~padding[..., None]).sum(1)


class Decoder(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        layer = nn.TransformerDecoderLayer(E, 2, 16, dropout=0.3, batch_first=batch_first)
        self.decoder, self.batch_first = nn.TransformerDecoder(layer, 1), batch_first

    def forward(self, x):
        if self.batch_first:
            return self.decoder(x, x * 2).mean(1)
        x = x.transpose(0, 1)
        return self.decoder(x, x * 2).mean(0)


def sequences():
    torch.manual_seed(40)
    return torch.randn(3, 4, E) * torch.tensor([0.3, 1.0, 3.0])[:, None, None]


def build(maker, *args):
    torch.manual_seed(41)
    return patch_module(maker(*args)).eval()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multihead_attention(way, need_weights, batch_first, law, marks):
    net, x = build(Attend, need_weights, batch_first), sequences()
    before = marks(net)
    law(sample_posterior(net, x, K, way), net, x)
    assert marks(net) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("maker", [Masked, Decoder])
@pytest.mark.parametrize("batch_first", [True, False])
def test_transformer_layers(way, maker, batch_first, law):
    net, x = build(maker, batch_first), sequences()
    if maker is Masked:
        padding = torch.tensor([[False] * 4, [False, False, True, True], [False] * 3 + [True]])
        x = {"x": x, "padding": padding}
    law(sample_posterior(net, x, K, way), net, x)


@pytest.mark.parametrize("way", WAYS)
def test_padding_stays_without_effect(way):
    """What stands in padded places changes no sample; the same random numbers are drawn."""
    net, x = build(Masked), sequences()
    padding = torch.zeros(3, 4, dtype=torch.bool)
    padding[:, 3] = True
    results = []
    for filler in (0.0, 100.0):
        x = x.clone()
        x[:, 3] = filler
        torch.manual_seed(42)
        results.append(sample_posterior(net, {"x": x, "padding": padding}, 10, way))
    torch.testing.assert_close(*results)


@pytest.mark.filterwarnings("ignore:No layer was modified")
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_functional_attention_in_eval_mode(way, named, law):
    net, x = build(Functional, named), sequences()
    samples = sample_posterior(net, x, K, way)
    assert not net.training
    law(samples, net.train(), x)


@pytest.mark.filterwarnings("ignore:No layer was modified")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("iterations", [7, 8, 9])
def test_chunks_that_do_not_divide_the_samples(way, iterations):
    """The prefix of the first chunk holds a query for each of *its* samples."""
    net, x = build(Functional), sequences()
    sample_posterior(net, x, 3, way)
    _plans[net][way].max_samples = 3
    samples = sample_posterior(net, x, iterations, way)
    assert samples.shape == (3, 4, E, iterations)
    assert len({str(sample) for sample in samples.unbind(-1)}) == iterations


def test_a_shared_prefix_serves_chunks_of_several_sizes():
    net, x = build(Attend, False), sequences()
    prefix = Prefix()
    with torch.no_grad():
        sizes = [by_vmap(net, x, count, prefix).shape[-1] for count in (3, 2, 3, 1)]
    assert sizes == [3, 2, 3, 1]


def test_the_query_alone_is_expanded_and_only_with_dropout():
    q = torch.randn(1, 2, 3, 4)
    for p, batched in ((0.0, False), (0.5, True)):

        def sample(index, p=p, batched=batched):
            with batched_attention(index):
                out = F.scaled_dot_product_attention(q, q, q, dropout_p=p)
            assert torch._C._functorch.is_batchedtensor(out) == batched
            return out

        torch.func.vmap(sample, randomness="different")(torch.arange(2))


@pytest.fixture(scope="module")
def bert():
    transformers = pytest.importorskip("transformers")

    def make(attention, p_hidden):
        config = transformers.BertConfig(
            vocab_size=20, hidden_size=E, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=8, num_labels=3,
            hidden_dropout_prob=p_hidden, attention_probs_dropout_prob=0.4,
            initializer_range=0.5, attn_implementation=attention,
        )  # fmt: skip
        torch.manual_seed(43)
        return transformers.BertForSequenceClassification(config).eval()

    return make


class Bert(nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, batch):
        return self.bert(**batch).logits


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_bert_with_dropout_in_its_attention_only(attention, way, bert, law, marks):
    net = patch_module(Bert(bert(attention, 0.0)))
    tokens = torch.tensor([[1, 2, 3, 4], [9, 8, 0, 0]])
    batch = {"input_ids": tokens, "attention_mask": (tokens > 0).long()}
    before = marks(net)
    samples = sample_posterior(net, batch, K, way)
    assert marks(net) == before
    attending = [m for m in net.modules() if type(m).__name__ == "BertSelfAttention"]
    assert len(attending) == 1
    attending[0].training = True  # the only place where anything is dropped
    law(samples, net, batch)
    assert float(samples.std(-1).min()) > 0


@pytest.mark.parametrize("way", ["vmap", "auto"])
def test_bert_with_all_its_dropout(way, bert, law):
    net = patch_module(Bert(bert("sdpa", 0.2)))
    batch = {"input_ids": torch.tensor([[1, 2, 3], [9, 8, 7]])}
    samples = sample_posterior(net, batch, K, way)
    for module in net.modules():
        module.training = type(module).__name__ == "BertSelfAttention"
    law(samples, net, batch)


def test_the_output_of_hugging_face_is_a_mapping_with_samples_last(bert):
    class Whole(nn.Module):
        def __init__(self, bert):
            super().__init__()
            self.bert = bert

        def forward(self, tokens):
            return self.bert(tokens)

    net = patch_module(Whole(bert("sdpa", 0.2)))
    out = sample_posterior(net, torch.tensor([[1, 2, 3], [9, 8, 7]]), 5)
    assert out["logits"].shape == (2, 3, 5)
