"""What posterior samples of a Hugging Face model cost: the trainer's beside K plain predictions.

A tiny BERT, patched for MC-Dropout, on sentences of one length. "K predictions" calls
`Trainer.predict` of Transformers K times and stacks what it gives. Each round runs all in turn;
given are medians of the ratios of runs beside each other, above 1 where baal is faster.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from baal.bayesian.dropout import patch_module
from baal.utils.extras import require_extra


def make(args: argparse.Namespace, folder: str) -> tuple[Any, list[dict[str, torch.Tensor]]]:
    """The trainer, and what it predicts."""
    transformers: Any = require_extra("transformers", "hf")
    wrapper: Any = require_extra("baal.transformers_trainer_wrapper", "hf")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=128, max_position_embeddings=64, num_labels=2,
    )  # fmt: skip
    model = patch_module(transformers.BertForSequenceClassification(config))
    settings = transformers.TrainingArguments(
        folder, per_device_eval_batch_size=args.batch, disable_tqdm=True, report_to="none",
        use_cpu=args.device == "cpu",
    )  # fmt: skip
    items = [{"input_ids": ids} for ids in torch.randint(1000, (args.items, args.length))]
    return wrapper.BaalTransformersTrainer(model, settings), items


def compare(args: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each side, in rounds that run all of them one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        trainer, items = make(args, folder)

        def k_predictions() -> Any:
            return np.stack([trainer.predict(items).predictions for _ in range(args.samples)], -1)

        def loop() -> Any:
            trainer.replicate_in_memory = False
            samples = trainer.predict_on_dataset(items, args.samples)
            trainer.replicate_in_memory = True
            return samples

        works: dict[str, Callable[[], Any]] = {
            "K predictions": k_predictions,
            "loop": loop,
            "baal": lambda: trainer.predict_on_dataset(items, args.samples),
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for number in range(args.repeats + 1):
            for name, work in works.items():
                start = time.perf_counter()
                shape = work().shape
                if number > 0:  # the first round warms up
                    times[name].append(time.perf_counter() - start)
                assert shape == (args.items, 2, args.samples)
    return times


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
    times = compare(args)
    print(
        f"\nTiny BERT, N = {args.items}, L = {args.length}, K = {args.samples}, B = {args.batch}, "
        f"{args.device}, {args.threads} thread(s), medians of {args.repeats} rounds\n\n"
        "| side | seconds | beside `predict_on_dataset` |\n|---|--:|--:|"
    )
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, times["baal"], strict=True))
        print(f"| {name} | {statistics.median(seconds):.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
