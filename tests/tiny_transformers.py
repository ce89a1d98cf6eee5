"""Models of Transformers built from tiny configs, and texts for them: nothing is downloaded."""

import torch
import transformers

from baal.transformers_trainer_wrapper import BaalTransformersTrainer
from tests.active.dataset.texts import build_tokenizer

SENTENCES = ["cat", "good cat", "dogs dogs cat", "dog", "good good dog"]
BERT = {
    "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "num_labels": 3, "initializer_range": 0.5,
}  # fmt: skip


def bert(task, **given):
    torch.manual_seed(3)
    return getattr(transformers, f"BertFor{task}")(transformers.BertConfig(**BERT, **given))


def vit():
    torch.manual_seed(3)
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            image_size=8, patch_size=4, num_labels=5, hidden_dropout_prob=0.3,
        )
    )  # fmt: skip


def segformer():
    torch.manual_seed(3)
    return transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(
            num_encoder_blocks=2, depths=[1, 1], sr_ratios=[1, 1], hidden_sizes=[8, 8],
            patch_sizes=[3, 3], strides=[2, 2], num_attention_heads=[1, 1], mlp_ratios=[1, 1],
            decoder_hidden_size=8, num_labels=3, drop_path_rate=0.0,
        )
    )  # fmt: skip


def texts(sentences=SENTENCES):
    """Items that differ in length: the collator pads them."""
    tokenizer = build_tokenizer()
    return [{**tokenizer(text), "labels": number % 3} for number, text in enumerate(sentences)]


def trainer(model, folder, **given):
    own = ("model_init", "optimizers", "compute_metrics", "replicate_in_memory", "classes_last")
    own += ("tokenizer", "processing_class", "eval_dataset", "callbacks")
    kwargs = {name: given.pop(name) for name in own if name in given}
    settings = {
        "use_cpu": True, "disable_tqdm": True, "report_to": "none", "save_strategy": "no",
        "per_device_eval_batch_size": 2, "per_device_train_batch_size": 4, "num_train_epochs": 1,
        "logging_strategy": "no",
    }  # fmt: skip
    args = transformers.TrainingArguments(str(folder), **{**settings, **given})
    if not {"tokenizer", "processing_class"} & set(kwargs):
        kwargs["processing_class"] = build_tokenizer()
    return BaalTransformersTrainer(model, args, **kwargs)
