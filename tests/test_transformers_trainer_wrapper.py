"""Against the real framework: what the trainer gives is what the model itself gives."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import TrainingArguments

from baal.active.heuristics import BALD, Entropy
from baal.active.heuristics.masks import valid_positions
from baal.bayesian import consistent_dropout
from baal.bayesian.dropout import MCDropoutModule, patch_module
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from tests.active.dataset.texts import build_tokenizer
from tests.tiny_transformers import SENTENCES, bert, segformer, texts, trainer, vit

IMAGES = [{"pixel_values": x} for x in torch.arange(5 * 192.0).div(500).sin().reshape(5, 3, 8, 8)]


def alone(model, item):
    """The logits of one item, by the model itself."""
    inputs = {k: torch.as_tensor(v)[None] for k, v in item.items() if k != "labels"}
    with torch.no_grad():
        return model.eval()(**inputs).logits[0].numpy()


def test_texts_and_images_have_their_classes_second(tmp_path):
    cases = (bert("SequenceClassification"), texts(), 3), (vit(), IMAGES, 5)
    for model, items, n_classes in cases:
        given = {} if items is not IMAGES else {"tokenizer": None}
        wrapper = trainer(model, tmp_path, **given)
        predictions = wrapper.predict_on_dataset(items)
        assert predictions.shape == (5, n_classes, 1)
        for item, logits in zip(items, predictions, strict=True):
            np.testing.assert_allclose(logits[:, 0], alone(model, item), atol=1e-5)
        assert not wrapper.masks_padding


def test_tokens_have_their_classes_second_and_no_values_in_their_padding(tmp_path):
    model = bert("TokenClassification")
    wrapper = trainer(model, tmp_path)
    predictions = wrapper.predict_on_dataset(texts())
    lengths = [len(item["input_ids"]) for item in texts()]
    assert predictions.shape == (5, 3, max(lengths), 1)
    for item, logits, n in zip(texts(), predictions, lengths, strict=True):
        np.testing.assert_allclose(logits[:, :n, 0], alone(model, item).T, atol=1e-5)
        assert np.isnan(logits[:, n:]).all()
    assert wrapper.masks_padding
    assert valid_positions(predictions).sum(1).tolist() == lengths
    # In batches as long as they are padded to.
    batches = list(wrapper.predict_on_dataset_generator(texts()))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert [batch.shape[2] for batch in batches] == [
        max(lengths[i : i + 2]) for i in range(0, 5, 2)
    ]


def test_pixels_stay_where_they_are(tmp_path):
    model = segformer()
    predictions = trainer(model, tmp_path, tokenizer=None).predict_on_dataset(IMAGES)
    assert predictions.shape[:2] == (5, 3)
    assert predictions.ndim == 5
    for item, logits in zip(IMAGES, predictions, strict=True):
        np.testing.assert_allclose(logits[..., 0], alone(model, item), atol=1e-5)


def test_who_knows_better_says_where_the_classes_are(tmp_path):
    class Net(nn.Module):
        def forward(self, pixel_values, labels=None):
            return pixel_values

    pixels = torch.stack([image["pixel_values"] for image in IMAGES]).numpy()
    given = {"tokenizer": None}
    second = trainer(Net(), tmp_path, classes_last=False, **given).predict_on_dataset(IMAGES)
    np.testing.assert_array_equal(second[..., 0], pixels)
    last = trainer(Net(), tmp_path, classes_last=True, **given).predict_on_dataset(IMAGES)
    np.testing.assert_array_equal(last[..., 0], np.moveaxis(pixels, -1, 1))


def test_samples_follow_the_law_of_the_patched_model(tmp_path):
    model = patch_module(bert("SequenceClassification", hidden_dropout_prob=0.3))
    items, n = texts()[:2], 4000
    for replicate in (True, False):
        wrapper = trainer(model, tmp_path, replicate_in_memory=replicate)
        k = n if replicate else 300
        samples = wrapper.predict_on_dataset(items, k)
        assert samples.shape == (2, 3, k)
        inputs = {"input_ids": torch.tensor(items[0]["input_ids"]).repeat(n, 1)}
        with torch.no_grad():
            by_hand = model.eval()(**inputs).logits.numpy()
        error = by_hand.std(0) * np.sqrt(1 / n + 1 / k)
        assert np.all(np.abs(samples[0].mean(-1) - by_hand.mean(0)) < 5 * error)
        np.testing.assert_allclose(samples[0].std(-1), by_hand.std(0), rtol=0.25)


def test_joint_samples_and_modes(tmp_path):
    model = consistent_dropout.patch_module(bert("SequenceClassification"), seed=1)
    model.bert.embeddings.eval()
    wrapper = trainer(model, tmp_path)
    assert wrapper.samples_are_joint is None
    modes = [module.training for module in model.modules()]
    # A mask of consistent dropout is one of a shape: sentences of one length.
    items = texts(["cat", "dog", "good", "cat", "dog"])
    first = wrapper.predict_on_dataset(items, 4)
    assert wrapper.samples_are_joint
    np.testing.assert_allclose(first[3:, :, :], first[:2], atol=1e-5)
    assert modes == [module.training for module in model.modules()]
    np.testing.assert_allclose(wrapper.predict_on_dataset(items[3:], 4), first[3:], atol=1e-5)


def test_a_wrapped_model_is_called_with_the_names_of_what_is_inside(tmp_path):
    items = [{**item, "text": "not an argument of the model"} for item in texts()]
    inner = bert("SequenceClassification")
    wrapper = trainer(MCDropoutModule(inner), tmp_path)
    assert wrapper.label_names == ["labels"]
    assert wrapper.predict_on_dataset(items, 3).shape == (5, 3, 3)
    wrapper.train_dataset = items
    before = inner.classifier.weight.detach().clone()
    wrapper.train()
    assert not torch.equal(inner.classifier.weight, before)
    named = trainer(MCDropoutModule(bert("SequenceClassification")), tmp_path, label_names=["y"])
    assert named.label_names == ["y"]


def test_several_outputs_half_and_keys_to_ignore(tmp_path):
    model = bert("SequenceClassification", output_hidden_states=True)
    wrapper = trainer(model, tmp_path)
    logits, hidden = wrapper.predict_on_dataset(texts(), 1, half=True)
    assert logits.shape == (5, 3, 1)
    assert logits.dtype == np.float16
    assert [layer.shape for layer in hidden] == [(5, 7, 8, 1)] * 2
    lone = wrapper.predict_on_dataset(texts(), ignore_keys=["hidden_states"])
    np.testing.assert_allclose(lone, logits, atol=1e-2)


def test_nothing_is_left_out_and_nothing_is_sorted(tmp_path):
    sorts = {"train_sampling_strategy": "group_by_length"}
    if not hasattr(TrainingArguments, "train_sampling_strategy"):  # the oldest versions
        sorts = {"group_by_length": True}
    model = bert("SequenceClassification")
    wrapper = trainer(model, tmp_path, dataloader_drop_last=True, **sorts)
    plain = trainer(bert("SequenceClassification"), tmp_path, per_device_eval_batch_size=1)
    expected = plain.predict_on_dataset(texts())
    np.testing.assert_allclose(wrapper.predict_on_dataset(texts()), expected, atol=1e-5)
    assert wrapper.predict_on_dataset([], 3) == []


def test_arguments_are_checked_at_once(tmp_path):
    wrapper = trainer(bert("SequenceClassification"), tmp_path)
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        wrapper.predict_on_dataset_generator(texts(), 0)
    with pytest.raises(InvalidTypeError, match="to be an int"):
        wrapper.evaluate_average(texts(), 1.5)
    tokenizer = build_tokenizer()
    with pytest.raises(InvalidArgumentError, match="but got both"):
        trainer(None, tmp_path, tokenizer=tokenizer, processing_class=tokenizer)
    for name in ("tokenizer", "processing_class"):
        again = trainer(bert("SequenceClassification"), tmp_path, **{name: tokenizer})
        assert again.processing_class is tokenizer


def test_scores_of_sentences_do_not_depend_on_what_they_are_padded_with(tmp_path):
    model = patch_module(bert("TokenClassification"))
    consistent_dropout.patch_module(model, seed=0)
    wrapper = trainer(model, tmp_path)
    predictions = wrapper.predict_on_dataset(texts(), 6)
    for heuristic in (BALD(reduction="mean"), Entropy(reduction="sum")):
        scores = heuristic.get_uncertainties(predictions, mask=valid_positions(predictions))
        for number, item in enumerate(texts()):
            n = len(item["input_ids"])
            (one,) = heuristic.get_uncertainties(predictions[number : number + 1, :, :n])
            assert scores[number] == pytest.approx(one, abs=1e-5)


def test_averaged_outputs_are_what_metrics_see(tmp_path):
    seen = []

    def compute_metrics(prediction):
        seen.append(prediction)
        return {"accuracy": (prediction.predictions.argmax(-1) == prediction.label_ids).mean()}

    model = consistent_dropout.patch_module(bert("SequenceClassification"), seed=0)
    wrapper = trainer(model, tmp_path, compute_metrics=compute_metrics)
    metrics = wrapper.evaluate_average(texts(), 7)
    expected = wrapper.predict_on_dataset(texts(), 7).mean(-1)
    np.testing.assert_allclose(seen[0].predictions, expected, atol=1e-5)
    labels = np.array([item["labels"] for item in texts()])
    np.testing.assert_array_equal(seen[0].label_ids, labels)
    assert metrics["test_accuracy"] == (expected.argmax(1) == labels).mean()
    assert np.isfinite(metrics["test_loss"])
    assert "eval_accuracy" in wrapper.evaluate(texts())


def test_new_weights_forget_what_the_optimizer_remembers(tmp_path):
    model = bert("SequenceClassification")
    wrapper = trainer(model, tmp_path)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper.train_dataset = texts(SENTENCES * 4)

    def trained():
        wrapper.load_state_dict(start)
        torch.manual_seed(0)
        wrapper.train()
        return {name: value.clone() for name, value in model.state_dict().items()}

    first, second = trained(), trained()
    assert not torch.equal(first["classifier.weight"], start["classifier.weight"])
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(RuntimeError, match="Missing key"):
        wrapper.load_state_dict({})
    wrapper.load_state_dict({}, strict=False)
    own = torch.optim.Adam(model.parameters())
    wrapper = trainer(model, tmp_path, optimizers=(own, None))
    wrapper.train_dataset = texts()
    wrapper.train()
    assert own.state
    wrapper.load_state_dict(start)
    assert not own.state
    assert wrapper.optimizer is own
