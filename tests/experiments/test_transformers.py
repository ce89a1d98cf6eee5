"""The loop over a real `Trainer`: fresh rounds, exact resume, padding left out of the scores."""

import json

import numpy as np
import pytest
import torch
from transformers import EarlyStoppingCallback

from baal.active.active_loop import ActiveLearningLoop
from baal.active.dataset import ActiveLearningDataset
from baal.active.dataset.nlp_datasets import active_huggingface_dataset
from baal.active.heuristics import BALD, CoreSet, Entropy
from baal.active.heuristics.masks import valid_positions
from baal.bayesian import consistent_dropout
from baal.bayesian.dropout import patch_module
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.checks import adapter_for
from baal.experiments.transformers import TransformersAdapter
from tests.active.dataset.texts import build_tokenizer
from tests.tiny_transformers import bert, texts, trainer

WORDS = ["cat", "dog", "dogs", "good"]


def rows(n, seed):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        words = rng.choice(WORDS, rng.integers(1, 4)).tolist()
        yield {"sentence": " ".join(words), "label": int("good" in words)}


def dataset(n, seed):
    active = active_huggingface_dataset(
        list(rows(n, seed)), build_tokenizer(), max_seq_len=8, random_state=seed
    )
    active.can_label = False
    return active


def accuracy(prediction):
    return {"accuracy": (prediction.predictions.argmax(-1) == prediction.label_ids).mean()}


class StoppedError(Exception):
    pass


def experiment(folder, kind="cold", stop_at=None, heuristic=None):
    torch.manual_seed(5)
    model = bert("SequenceClassification")
    if kind == "joint":
        consistent_dropout.patch_module(model)  # its seed is drawn
    else:
        patch_module(model)
    own = {}
    if kind == "own":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.9**step)
        own = {"optimizers": (optimizer, scheduler)}
    if kind == "best":
        own = {
            "eval_dataset": texts(), "callbacks": [EarlyStoppingCallback(1)],
            "eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True,
            "num_train_epochs": 5,
        }  # fmt: skip
    wrapper = trainer(
        model, folder.parent / "trainer", compute_metrics=accuracy, learning_rate=0.01, **own
    )
    active, test = dataset(30, 1), dataset(12, 2)
    test.label_randomly(12)
    active.label_randomly(6)

    def callback(record):
        if record["round"] == stop_at:
            raise StoppedError

    made = ActiveLearningExperiment(
        wrapper, active, test, heuristic or BALD(), query_size=8, iterations=4, folder=folder,
        callbacks=[callback], warm_start=kind == "warm", ece=True, verbose=False,
    )  # fmt: skip
    return made, wrapper


def digest(made, wrapper):
    records = [{k: v for k, v in r.items() if k != "seconds"} for r in made.start()]
    weights = {k: v.tolist() for k, v in wrapper.model.state_dict().items()}
    return json.dumps(records), weights


@pytest.mark.parametrize("kind", ["cold", "warm", "own", "joint", "best"])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(kind, tmp_path):
    whole = digest(*experiment(tmp_path / "whole", kind))
    records = json.loads(whole[0])
    assert [r["n_labelled"] for r in records] == [6, 14, 22, 30]
    assert {"train_loss", "test_loss", "test_accuracy", "test_ece"} <= set(records[0])
    assert not any("runtime" in name or "per_second" in name for name in records[0])
    assert [r["collapsed"] for r in records] == [False, False, False, None]
    stopped, _ = experiment(tmp_path / "stopped", kind, stop_at=2)
    with pytest.raises(StoppedError):
        stopped.start()
    torch.manual_seed(99)
    assert digest(*experiment(tmp_path / "stopped", kind)) == whole


def test_other_settings_are_another_run(tmp_path):
    made, _ = experiment(tmp_path / "run", stop_at=0)
    with pytest.raises(StoppedError):
        made.start()
    with pytest.raises(StateError, match="optimizer"):
        experiment(tmp_path / "run", "own")[0].start()


def test_padding_has_no_say_in_the_loop(tmp_path):
    model = consistent_dropout.patch_module(bert("TokenClassification"), seed=0)
    wrapper = trainer(model, tmp_path)
    adapter = adapter_for(wrapper)
    assert isinstance(adapter, TransformersAdapter)
    tokenizer = build_tokenizer()
    items = [dict(tokenizer(row["sentence"])) for row in rows(10, 3)]
    active = ActiveLearningDataset(items, make_unlabelled=lambda item: item)
    loop = ActiveLearningLoop(
        active, wrapper.predict_on_dataset, Entropy(reduction="mean"), query_size=10, iterations=3
    )
    proposal = loop.query()
    predictions = wrapper.predict_on_dataset(items, 3)
    assert np.isnan(predictions).any()
    scores = Entropy(reduction="mean").get_uncertainties(
        predictions, mask=valid_positions(predictions)
    )
    np.testing.assert_allclose(proposal.scores, np.sort(scores)[::-1], atol=1e-5)
    assert adapter.masks_padding
    samples = adapter.predict(items, 3)
    assert samples.shape == predictions.shape
    assert list(adapter.predict([], 3)) == []


def test_heuristics_that_look_at_embeddings(tmp_path):
    made, wrapper = experiment(tmp_path / "run", heuristic=CoreSet(8))
    adapter = made.adapter
    pool = made.al_dataset.pool
    np.testing.assert_array_equal(
        adapter.embed(pool), wrapper.embed_on_dataset(pool, verbose=False)
    )
    factors = adapter.gradient_embed(pool)
    np.testing.assert_array_equal(factors.embeddings, adapter.embed(pool))
    assert factors.residuals.shape == (24, 3)
    assert [record["n_labelled"] for record in made.start()] == [6, 14, 22, 30]


def test_another_layer_is_another_run(tmp_path):
    made, wrapper = experiment(tmp_path / "run", heuristic=CoreSet(8), stop_at=0)
    with pytest.raises(StoppedError):
        made.start()
    other = TransformersAdapter(wrapper, layer="bert.embeddings")
    assert other.embed(made.al_dataset.pool).shape == (24, 8)
    assert set(other.settings()) - set(TransformersAdapter(wrapper).settings()) == {"layer"}


def test_only_such_a_trainer_is_taken(tmp_path):
    with pytest.raises(InvalidTypeError, match="BaalTransformersTrainer, but got str"):
        TransformersAdapter("trainer")
    with pytest.raises(InvalidArgumentError, match="but got Linear"):
        adapter_for(torch.nn.Linear(1, 1))
    wrapper = trainer(bert("SequenceClassification"), tmp_path)
    settings = adapter_for(wrapper).settings()
    assert settings["args"]["learning_rate"] == wrapper.args.learning_rate
    assert "output_dir" not in settings["args"]
