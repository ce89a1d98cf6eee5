"""What posterior samples of a Hugging Face model cost: the trainer's beside K plain predictions.

A tiny BERT, patched for MC-Dropout, on sentences of one length. "K predictions" calls
`Trainer.predict` of Transformers K times and stacks what it gives. Its attention is in eval mode
and so drops nothing, which is less work and another posterior; "attention on" has it drop, as baal
does. Each round runs all in turn; given are medians of the ratios of runs beside each other, above
1 where baal is faster. Seconds are those of the process: other work on the machine counts less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from baal.bayesian.dropout import patch_module
from baal.utils.extras import require_extra

# What is dropped where: settings of the config.
CASES: dict[str, dict[str, float]] = {
    "everywhere": {},
    "all but attention": {"attention_probs_dropout_prob": 0.0},
    "the head": {
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.1,
    },
}  # fmt: skip


def make(
    args: argparse.Namespace, folder: str, **dropout: float
) -> tuple[Any, list[dict[str, torch.Tensor]]]:
    """The trainer, and what it predicts."""
    transformers: Any = require_extra("transformers", "hf")
    wrapper: Any = require_extra("baal.transformers_trainer_wrapper", "hf")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=128, max_position_embeddings=64, num_labels=2,
        **dropout,
    )  # fmt: skip
    model = patch_module(transformers.BertForSequenceClassification(config))
    settings = transformers.TrainingArguments(
        folder, per_device_eval_batch_size=args.batch, disable_tqdm=True, report_to="none",
        use_cpu=args.device == "cpu",
    )  # fmt: skip
    items = [{"input_ids": ids} for ids in torch.randint(1000, (args.items, args.length))]
    return wrapper.BaalTransformersTrainer(model, settings), items


def compare(args: argparse.Namespace, case: str) -> dict[str, list[float]]:
    """Seconds of each side, in rounds that run all of them one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, items = make(args, folder, **CASES[case])

        def k_predictions() -> Any:
            return np.stack([trainer.predict(items).predictions for _ in range(args.samples)], -1)

        def loop() -> Any:
            trainer.replicate_in_memory = False
            samples = trainer.predict_on_dataset(items, args.samples)
            trainer.replicate_in_memory = True
            return samples

        def attention_on() -> Any:
            with attention_in_training(trainer):
                return k_predictions()

        works: dict[str, Callable[[], Any]] = {"K predictions": k_predictions}
        if case == "everywhere":
            works["K predictions, attention on"] = attention_on
        works["loop"] = loop
        works["baal"] = lambda: trainer.predict_on_dataset(items, args.samples)
        times: dict[str, list[float]] = {name: [] for name in works}
        for number in range(args.repeats + 1):
            for name, work in works.items():
                start = time.process_time()
                shape = work().shape
                if number > 0:  # the first round warms up
                    times[name].append(time.process_time() - start)
                assert shape == (args.items, 2, args.samples)
    return times


@contextmanager
def attention_in_training(trainer: Any) -> Iterator[None]:
    """Have attention drop in `Trainer.predict`, which puts the model into eval mode first."""
    attention = [m for m in trainer.model.modules() if type(m).__name__ == "BertSelfAttention"]
    hooks = [module.register_forward_pre_hook(_to_training) for module in attention]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        trainer.model.eval()


def _to_training(module: torch.nn.Module, _: Any) -> None:
    module.training = True  # that flag alone


def main() -> None:
    """Run the benchmark, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=256)
    parser.add_argument("--length", type=int, default=32, help="tokens of a sentence")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--samples", type=int, default=20, help="posterior samples, K")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(
        f"\nTiny BERT, N = {args.items}, L = {args.length}, K = {args.samples}, B = {args.batch}, "
        f"{args.device}, {args.threads} thread(s), medians of {args.repeats} rounds\n\n"
        "| dropout in | side | seconds | beside `predict_on_dataset` |\n|---|---|--:|--:|"
    )
    for case in CASES:
        times = compare(args, case)
        for name, seconds in times.items():
            ratio = statistics.median(a / b for a, b in zip(seconds, times["baal"], strict=True))
            print(f"| {case} | {name} | {statistics.median(seconds):.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
