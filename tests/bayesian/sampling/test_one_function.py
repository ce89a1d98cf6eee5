"""Sample `k` is one function: for every way of sampling, batch size and splitting of the pool."""

import functools
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from baal.bayesian.consistent_dropout import ConsistentDropout, patch_module
from baal.bayesian.joint import Joint, make_joint
from baal.bayesian.sampling import engine, plan, sample_posterior, samples_are_joint
from baal.bayesian.sampling.axes import BatchAxis
from baal.bayesian.sampling.keyed import keep_mask
from baal.bayesian.sampling.one_function import ByHand, OneFunction, drawn_by
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.exceptions import StateError

# Of torch, once in a process, wherever it comes first.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

E, L, N, K = 8, 5, 7, 6


class Cnn(nn.Module):
    """Every dropout layer there is, one of them used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 6, 3)
        self.norm, self.channels = nn.BatchNorm2d(6), nn.Dropout2d(0.3)
        self.alpha, self.feature_alpha = nn.AlphaDropout(0.2), nn.FeatureAlphaDropout(0.3)
        self.drop1d, self.drop3d = nn.Dropout1d(0.3), nn.Dropout3d(0.2)
        self.drop, self.head = nn.Dropout(0.4, inplace=True), nn.Linear(6 * 4, 3)

    def forward(self, x):
        h = self.channels(torch.relu(self.norm(self.first(x))))
        h = self.feature_alpha(self.channels(self.second(h)))
        h = self.alpha(self.drop3d(h.unsqueeze(2)).squeeze(2))
        h = self.drop1d(h.flatten(2)).flatten(1)
        return self.head(self.drop(self.drop(h) + 1))


class Recurrent(nn.Module):
    def __init__(self, kind, batch_first, after=0.0, **settings):
        super().__init__()
        self.net = kind(E, 6, 3, dropout=0.4, batch_first=batch_first, **settings)
        self.before, self.batch_first = nn.Dropout(after), batch_first

    def forward(self, x):
        x = self.before(x if self.batch_first else x.transpose(0, 1))
        out, last = self.net(x)
        last = last[0] if isinstance(last, tuple) else last
        out = out if self.batch_first else out.transpose(0, 1)
        return torch.cat([out[:, -1], out.mean(1), last[-1]], -1)


class Transformer(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        layer = nn.TransformerEncoderLayer(E, 2, 12, dropout=0.3, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=batch_first)
        self.batch_first = batch_first

    def forward(self, x):
        if self.batch_first:
            return self.encoder(x).mean(1)
        return self.encoder(x.transpose(0, 1)).mean(0)


class Attend(nn.Module):
    def __init__(self, need_weights=True, average=True, batch_first=True, causal=False, **settings):
        super().__init__()
        self.net = nn.MultiheadAttention(E, 2, 0.4, batch_first=batch_first, **settings)
        self.to_key = nn.Linear(E, self.net.kdim)
        self.to_value = nn.Linear(E, self.net.vdim)
        self.need_weights, self.average, self.causal = need_weights, average, causal

    def forward(self, x):
        x = x if self.net.batch_first else x.transpose(0, 1)
        mask = nn.Transformer.generate_square_subsequent_mask(L) if self.causal else None
        out, weights = self.net(
            x, self.to_key(x), self.to_value(x), need_weights=self.need_weights,
            average_attn_weights=self.average, attn_mask=mask, is_causal=self.causal,
        )  # fmt: skip
        out = out if self.net.batch_first else out.transpose(0, 1)
        return (out, weights) if self.need_weights else out


class Functions(nn.Module):
    """What users write by hand; batch in the middle, and heads folded into the batch."""

    def __init__(self):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(E, E), nn.Dropout(0.1))

    def forward(self, x):
        n = len(x)
        h = F.dropout(self.project(x), 0.3, self.training)
        time_first = F.dropout(h.transpose(0, 1), 0.3, self.training).transpose(0, 1)
        heads = time_first.unflatten(-1, (2, -1)).transpose(1, 2).flatten(0, 1)  # [B * 2, L, E / 2]
        weights = F.dropout((heads @ heads.mT).softmax(-1), 0.3, training=self.training)
        heads = (weights @ heads).unflatten(0, (n, 2))
        p = 0.3 if self.training else 0.0
        causal = F.scaled_dot_product_attention(heads, heads, heads, dropout_p=p, is_causal=True)
        mask = torch.ones(L, L, dtype=torch.bool).triu()
        grouped = F.scaled_dot_product_attention(
            causal, heads[:, :1], heads[:, :1], mask, p, scale=0.7, enable_gqa=True
        )
        return grouped.transpose(1, 2).flatten(2)


class Packed(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.net = kind(E, 4, 3, dropout=0.5, batch_first=True, bidirectional=True)

    def forward(self, batch):
        pack = nn.utils.rnn.pack_padded_sequence
        packed = pack(batch["x"], batch["length"], batch_first=True, enforce_sorted=False)
        out, _ = self.net(packed)
        out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=L)
        return out.sum(1)


MODELS = {
    "cnn": Cnn,
    "lstm": lambda: Recurrent(nn.LSTM, True, proj_size=4),
    "lstm both ways": lambda: Recurrent(nn.LSTM, False, bidirectional=True),
    "lstm behind a dropout": lambda: Recurrent(nn.LSTM, False, after=0.3),
    "gru": lambda: Recurrent(nn.GRU, False),
    "gru both ways": lambda: Recurrent(nn.GRU, True, bidirectional=True, bias=False),
    "rnn": lambda: Recurrent(nn.RNN, True),
    "rnn of relu": lambda: Recurrent(nn.RNN, False, nonlinearity="relu"),
    "transformer": lambda: Transformer(True),
    "transformer, time first": lambda: Transformer(False),
    "attention": lambda: Attend(batch_first=False),
    "attention, every head's weights": lambda: Attend(average=False, add_bias_kv=True),
    "attention, no weights": lambda: Attend(False, add_zero_attn=True, kdim=4, vdim=6, bias=False),
    "causal attention": lambda: Attend(False, batch_first=False, causal=True),
    "functions": Functions,
}


@functools.cache
def model(name):
    torch.manual_seed(1)
    return patch_module(MODELS[name](), seed=3).eval()


@functools.cache
def pool(name):
    torch.manual_seed(2)
    return torch.randn(N, 2, 4, 4) if name == "cnn" else torch.randn(N, L, E)


@functools.cache
def whole(name):
    return leaves(sample_posterior(model(name), pool(name), K, "loop"))


def leaves(result):
    return list(result) if isinstance(result, tuple) else [result]


def check(found, wanted):
    for a, b in zip(leaves(found), wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("way", ["vmap", "stack", "auto"])
def test_every_way_gives_the_same_samples(name, way):
    check(sample_posterior(model(name), pool(name), K, way), whole(name))
    assert samples_are_joint(model(name)) is True
    for leaf in whole(name):
        assert float(leaf.std(-1).amax()) > 0
        assert len({tuple(sample.flatten().tolist()) for sample in leaf.unbind(-1)}) == K


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=4, deadline=None)
@given(
    cuts=st.sets(st.integers(1, N - 1)),
    order=st.permutations(range(N)),
    k=st.integers(1, K),
    way=st.sampled_from(["vmap", "stack", "loop", "auto"]),
)
def test_every_splitting_of_the_pool_gives_the_same_samples(name, cuts, order, k, way):
    data = pool(name)[list(order)]
    ends = [0, *sorted(cuts), N]
    parts = [
        leaves(sample_posterior(model(name), data[a:b], k, way))
        for a, b in itertools.pairwise(ends)
    ]
    found = tuple(map(torch.cat, zip(*parts, strict=True)))
    check(found, [leaf[list(order)][..., :k] for leaf in whole(name)])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_sees_a_single_item_first(name):
    torch.manual_seed(1)
    net = patch_module(MODELS[name](), seed=3).eval()
    check(sample_posterior(net, pool(name)[:1], 1), [leaf[:1, ..., :1] for leaf in whole(name)])
    assert samples_are_joint(net) is True


@pytest.mark.parametrize("name", ["cnn", "lstm behind a dropout", "transformer", "functions"])
@pytest.mark.parametrize("way", ["vmap", "stack"])
def test_chunks_of_samples(name, way, monkeypatch):
    torch.manual_seed(1)
    net = patch_module(MODELS[name](), seed=3).eval()
    sample_posterior(net, pool(name), K, way)
    bytes_of_all = engine._plans[net][way].largest_bytes * N
    monkeypatch.setattr(plan, "CACHE_BYTES", 4 * bytes_of_all)
    assert engine._plans[net][way].at_once(N, K) == 4  # chunks of 4 and of 2
    check(sample_posterior(net, pool(name), K, way), whole(name))


@pytest.mark.parametrize("way", ["vmap", "stack", "loop"])
def test_after_running_out_of_memory(way):
    class Hungry(Functions):
        most = 10**9

        def forward(self, x):
            if x.numel() * (1 + torch._C._functorch.is_batchedtensor(x)) > self.most:
                raise torch.cuda.OutOfMemoryError
            return super().forward(x)

    torch.manual_seed(1)
    net = patch_module(Hungry(), seed=3).eval()
    sample_posterior(net, pool("functions"), K, way)
    net.most = 3 * L * E
    check(sample_posterior(net, pool("functions"), K, way), whole("functions"))
    assert engine._plans[net][way].max_items == 3


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_packed_sequences(kind):
    """Of other lengths in each part of the pool: a shorter one has the beginning of the masks."""
    torch.manual_seed(4)
    net = patch_module(Packed(kind), seed=0).eval()
    data = {"x": pool("gru"), "length": torch.tensor([3, 5, 1, 2, 2, 1, 4])}
    together = sample_posterior(net, data, K, "loop")
    assert samples_are_joint(net) is True
    for part in (slice(0, 1), slice(2, 6), slice(3, 7)):
        some = {key: value[part] for key, value in data.items()}
        torch.testing.assert_close(sample_posterior(net, some, K, "loop"), together[part])
    assert float(together.std(-1).min()) > 0
    with pytest.raises(StateError, match="another way than 'stack'"):
        sample_posterior(net, data, K, "stack")


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("p_hidden", [0.0, 0.2])
def test_hugging_face(attention, p_hidden):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=E, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=8, num_labels=3,
        hidden_dropout_prob=p_hidden, attention_probs_dropout_prob=0.4,
        initializer_range=0.5, attn_implementation=attention,
    )  # fmt: skip
    torch.manual_seed(43)

    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert, self.drop = transformers.BertForSequenceClassification(config), nn.Dropout(0)

        def forward(self, batch):
            return self.drop(self.bert(**batch).logits)

    net = patch_module(Bert(), seed=1).eval()
    tokens = torch.randint(1, 20, (N, L))
    tokens[2:4, 3:] = 0
    batch = {"input_ids": tokens, "attention_mask": (tokens > 0).long()}
    wanted = sample_posterior(net, batch, K, "loop")
    assert float(wanted.std(-1).min()) > 0
    for way in ("vmap", "stack", "auto"):
        for part in (slice(0, 3), slice(3, 4), slice(4, N)):
            some = {key: value[part] for key, value in batch.items()}
            check(sample_posterior(net, some, K, way), [wanted[part]])
        assert samples_are_joint(net) is True


@pytest.mark.parametrize("name", ["cnn", "gru", "transformer", "attention, no weights"])
def test_each_sample_has_the_law_of_a_pass_in_training(name, law):
    """Samples of an item are as plain passes of torch's own layers, and independent."""
    torch.manual_seed(1)
    plain = MODELS[name]()
    net = patch_module(MODELS[name](), seed=5).eval()
    net.load_state_dict(plain.state_dict())
    plain.eval()
    for below in plain.modules():
        below.training = not isinstance(below, nn.BatchNorm2d)
    item = pool(name)[:1]
    law(sample_posterior(net, item, 400), plain, item)


def test_samples_calls_layers_and_seeds_are_independent():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Dropout(0.5), nn.Dropout(0.5)

        def forward(self, x):
            return torch.cat([self.a(x), self.a(x), self.b(x), F.dropout(x), F.dropout(x)], 1)

    x, masks = torch.ones(1, 2000), []
    for seed in (0, 1):
        found = sample_posterior(patch_module(Two().eval(), seed=seed), x, 3)[0] > 0
        masks += [found[2000 * i : 2000 * (i + 1), k] for i in range(5) for k in range(3)]
    agree = torch.tensor(
        [float((a == b).float().mean()) for i, a in enumerate(masks) for b in masks[:i]]
    )
    assert len(agree) == 30 * 29 // 2
    assert float((agree - 0.5).abs().max()) < 5 * 0.5 / 2000**0.5


def test_masks_are_those_of_the_key():
    layer, joint = nn.Dropout(0.3), Joint(7, 2)
    make_joint([nn.Dropout(), nn.Dropout(), layer], seed=7)
    axes = {(id(layer), 0): BatchAxis(1), (id(layer), 1): BatchAxis(None)}
    with forward_pass(Pass(4, items=3)), OneFunction(None, axes), drawn_by(layer):
        first, second = layer(torch.ones(2, 3, 5)), layer(torch.ones(6))
    wanted = torch.from_numpy(keep_mask(joint.seed, joint.number, 0, 4, 0.3, 10)).view(2, 1, 5)
    torch.testing.assert_close(first, (wanted / 0.7).float().expand(2, 3, 5))
    wanted = torch.from_numpy(keep_mask(joint.seed, joint.number, 1, 4, 0.3, 6))
    torch.testing.assert_close(second, (wanted / 0.7).float())


def test_what_has_no_seed_draws_as_ever():
    torch.manual_seed(0)
    wanted = F.dropout(torch.ones(100))
    torch.manual_seed(0)
    with forward_pass(Pass(0, items=1)), OneFunction():
        assert torch.equal(F.dropout(torch.ones(100)), wanted)


def test_where_nobody_knows_the_items():
    layer = ConsistentDropout(0.5, seed=0)
    with (
        forward_pass(Pass(0, items=2)),
        OneFunction(),
        pytest.raises(StateError, match=r"input of ConsistentDropout, .* Tell it by `batch_axis`"),
    ):
        layer(torch.ones(2, 3))


def test_masks_by_hand_are_kept_by_call_and_shape():
    masks = {}

    def call(*shapes):
        with ByHand(masks):
            return [F.dropout(torch.ones(shape), 0.5) for shape in shapes]

    a, b = call((2, 50), (2, 50))
    assert not torch.equal(a, b)
    assert not torch.equal(a[0], a[1])
    again = call((2, 50), (2, 50))
    assert torch.equal(a, again[0])
    assert torch.equal(b, again[1])
    c, d = call((3, 50), (2, 50))
    assert c.shape == (3, 50)
    assert torch.equal(d, b)
    assert not torch.equal(call((2, 50))[0], a)
