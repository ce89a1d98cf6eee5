"""Active learning on text in the idiom of BaaL 2.1, with the `Trainer` of Hugging Face."""

from copy import deepcopy

import datasets
import torch
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments

from baal.active import ActiveLearningLoop
from baal.active.dataset.nlp_datasets import active_huggingface_dataset
from baal.active.heuristics import BALD
from baal.bayesian.dropout import patch_module
from baal.transformers_trainer_wrapper import BaalTransformersTrainer
from tests.active.dataset.texts import build_tokenizer


def test_a_loop(tmp_path):
    torch.manual_seed(1337)
    words = ["good cat", "cat", "good dog", "dog"] * 6
    raw = datasets.Dataset.from_dict(
        {"sentence": words, "label": [int("good" in text) for text in words]}
    )
    tokenizer = build_tokenizer()
    active_set = active_huggingface_dataset(raw, tokenizer, max_seq_len=6, random_state=1337)
    active_set.can_label = False
    active_set.label_randomly(8)
    config = BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, num_labels=2
    )
    model = patch_module(BertForSequenceClassification(config))
    init_weights = deepcopy(model.state_dict())
    trainer = BaalTransformersTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path), num_train_epochs=1, report_to="none", use_cpu=True,
            disable_tqdm=True, save_strategy="no",
        ),
        train_dataset=active_set,
        tokenizer=tokenizer,
    )  # fmt: skip
    loop = ActiveLearningLoop(
        active_set, trainer.predict_on_dataset_generator, BALD(), query_size=8, iterations=5
    )
    sizes = []
    while True:
        trainer.train()
        sizes.append(len(active_set))
        if not loop.step():
            break
        trainer.load_state_dict(init_weights)
    assert sizes == [8, 16, 24]
    assert all(torch.equal(v, init_weights[k]) is False for k, v in model.state_dict().items()
               if k.startswith("classifier"))  # fmt: skip
