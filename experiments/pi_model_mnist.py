"""Semi-supervised training: what are the unlabelled digits good for, beside a few labelled ones?

The Pi-model of Laine & Aila, "Temporal ensembling for semi-supervised learning" (2017,
https://arxiv.org/abs/1610.02242), on 5,000 real MNIST digits (no download): each image goes through
the network twice, with other dropout, noise and shift, and the two predictions are pulled together,
labelled or not. The baseline is trained with cross-entropy alone, from the same weights, on the
same labelled batches with the same dropout, noise and shift, for as many optimizer steps.

Writes results.jsonl (one line a run) and report.md, and prints the table: test error after the last
step, mean and standard error over the seeds, and the paired difference as it is. The defaults were
chosen with --validate and seeds 100 to 102, which measures on items set aside from the pool.
"""

import argparse
import copy
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Subset, default_collate
from tqdm import tqdm

from baal.active.dataset import ActiveLearningDataset
from baal.exceptions import BaalError, InvalidArgumentError, StateError
from baal.experiments.datasets import mnist_5k
from baal.experiments.markdown import markdown_table
from baal.experiments.models import small_cnn
from baal.experiments.records import Record, prepare_folder, write_records
from baal.experiments.statistics import differences, mean_and_error, paired_test
from baal.experiments.studies.options import (
    HelpFormatter,
    check_unique,
    positive_number,
    share,
    whole_number,
)
from baal.utils.files import replacing
from baal.utils.ssl_iterator import SemiSupervisedIterator

REPORT = "report.md"
N_ASIDE = 1000  # items of the pool to measure on with --validate


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    options = parse_arguments(argv)
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    try:
        pool, test = load(validate=options.validate)
        if max(options.labels) > len(pool):
            raise InvalidArgumentError(
                f"Expected --labels to be at most {len(pool)}, the size of the pool, "
                f"but got {max(options.labels)}."
            )
        results = prepare_folder(options.out, overwrite=options.overwrite, results=[REPORT])
        runs = [(n_labels, seed) for n_labels in options.labels for seed in options.seeds]
        records = [
            row
            for n_labels, seed in tqdm(runs, desc="runs", disable=None)
            for row in compare(pool, test, n_labels, seed, options)
        ]
    except BaalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_records(results, records)
    table = report(records)
    with replacing(options.out / REPORT) as file:
        file.write(f"{table}\n".encode())
    print(
        f"{table}\n\n{time.perf_counter() - start:.0f} seconds. {options.out / REPORT}, {results}"
    )
    return 0


def load(*, validate: bool) -> tuple[Any, Any]:
    """Pool and test set; with `validate` a part of the pool, in place of the test set."""
    task = mnist_5k()
    if not validate:
        return task.pool, task.test
    n_pool = len(task.pool) - N_ASIDE
    aside = range(n_pool, len(task.pool))
    return Subset(task.pool, range(n_pool)), Subset(task.pool, aside)


def compare(
    pool: Any, test: Any, n_labels: int, seed: int, options: argparse.Namespace
) -> list[Record]:
    """Both ways of training, on the same labels and from the same weights."""
    dataset = ActiveLearningDataset(pool, make_unlabelled=image_of, random_state=seed)
    dataset.label_randomly(n_labels)
    torch.manual_seed(seed)
    untrained = small_cnn(width=64, feature_dropout=0.25)
    images, classes = default_collate(list(test))
    records = []
    for method, weight in (("supervised", 0.0), ("pi-model", options.weight)):
        model = copy.deepcopy(untrained)
        torch.manual_seed(seed)  # of dropout, noise and shift
        train(model, dataset, weight, seed, options)
        error = test_error(model, images, classes)
        records.append({"labels": n_labels, "seed": seed, "method": method, "test_error": error})
    return records


def image_of(item: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The image alone: what training on the pool sees has no labels to give away."""
    return item[0]


def train(
    model: nn.Module,
    dataset: ActiveLearningDataset,
    weight: float,
    seed: int,
    options: argparse.Namespace,
) -> None:
    """Train a model; each optimizer step has one labelled batch and one of the pool.

    Args:
        model: Trained in place.
        dataset: Labelled items and pool.
        weight: Of the consistency loss once it is ramped up; with 0 the pool is not used.
        seed: Of the order of batches.
        options: Of the command line.
    """
    iterator = SemiSupervisedIterator(
        dataset, options.batch_size, num_steps=2 * options.steps, shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    model.train()
    batches = iter(iterator)
    for step, pair in enumerate(zip(batches, batches, strict=True)):
        now = weight * ramp_up(step / options.steps, options.ramp_up)
        labelled, unlabelled = sorted_out(pair)
        loss = loss_of(model, labelled, unlabelled if weight else [], now, options)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
    last = loss.item()
    if not math.isfinite(last):
        raise StateError(f"Expected a finite loss, but got {last}: try a lower --learning-rate.")


def sorted_out(batches: Sequence[Any]) -> tuple[list[Any], list[torch.Tensor]]:
    """The labelled batches, `(images, classes)`, and the images of the others."""
    of, is_labelled = SemiSupervisedIterator.get_batch, SemiSupervisedIterator.is_labeled
    return (
        [of(batch) for batch in batches if is_labelled(batch)],
        [of(batch) for batch in batches if not is_labelled(batch)],
    )


def loss_of(
    model: nn.Module,
    labelled: Sequence[Any],
    unlabelled: Sequence[torch.Tensor],
    weight: float,
    options: argparse.Namespace,
) -> torch.Tensor:
    """Cross-entropy of the labelled items, and `weight` times the consistency of all.

    The consistency loss is the squared difference of the probabilities that two passes give,
    averaged over items and classes.

    Args:
        model: In training mode.
        labelled: Batches `(images [B, 1, 28, 28], classes [B])`, at least one.
        unlabelled: Images `[B, 1, 28, 28]`.
        weight: Of the consistency loss.
        options: Of the command line.

    Returns:
        A scalar.
    """
    images = torch.cat([*(batch[0] for batch in labelled), *unlabelled])
    classes = torch.cat([batch[1] for batch in labelled])
    # One pass over both versions of each image: dropout is another for each of its rows anyway.
    versions = [augmented(images, options.noise, options.shift) for _ in range(2 if weight else 1)]
    logits = model(torch.cat(versions)).chunk(len(versions))
    loss = F.cross_entropy(logits[0][: len(classes)], classes)
    if weight:
        loss = loss + weight * F.mse_loss(logits[0].softmax(1), logits[1].softmax(1))
    return loss


def ramp_up(progress: float, length: float) -> float:
    """From almost 0 to 1 over the first `length` of the training: `exp(-5 (1 - t)^2)`.

    Args:
        progress: Share of the steps taken, from 0 to 1.
        length: Share of the steps over which it grows, from 0 to 1.

    Returns:
        The factor of the consistency loss's weight.
    """
    t = min(progress / length, 1.0) if length else 1.0
    return math.exp(-5 * (1 - t) ** 2)


def augmented(images: torch.Tensor, noise: float, shift: int) -> torch.Tensor:
    """Images `[B, 1, H, W]` moved by up to `shift` pixels each way, with Gaussian noise."""
    n, _, height, width = images.shape
    padded = F.pad(images, [shift] * 4, mode="replicate")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # [B, 1, dy, dx, H, W]
    down, right = torch.randint(2 * shift + 1, (2, n))
    moved = windows[torch.arange(n), :, down, right]
    return moved + noise * torch.randn_like(moved)


@torch.inference_mode()
def test_error(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> float:
    """Share of images `[N, 1, 28, 28]` whose class `[N]` is not found, with dropout off."""
    model.eval()
    return float((model(images).argmax(1) != classes).double().mean())


def report(records: Sequence[Record]) -> str:
    """Test error by number of labels, and the gain over supervised training, in percent."""

    def errors(n_labels: int, method: str) -> Any:
        rows = [row for row in records if (row["labels"], row["method"]) == (n_labels, method)]
        return 100 * np.array([row["test_error"] for row in rows])

    rows = []
    for n_labels in dict.fromkeys(row["labels"] for row in records):
        alone, both = errors(n_labels, "supervised"), errors(n_labels, "pi-model")
        gains = differences(both, alone, higher_is_better=False)
        p = paired_test(gains).p_t
        cells = [with_error(values) for values in (alone, both, gains)]
        rows.append([str(n_labels), *cells, "" if math.isnan(p) else f"{p:.2g}", str(len(gains))])
    header = ["labels", "supervised error %", "Pi-model error %", "gain (points)", "p", "seeds"]
    return markdown_table(header, rows)


def with_error(values: Any) -> str:
    """Mean and standard error of values `[S]`; of a single one there is no error."""
    mean, error, n = mean_and_error(values)
    return f"{mean:.1f} ± {error:.1f}" if n > 1 else f"{mean:.1f}"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; argparse ends the process with status 2 on a bad option."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=HelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--seeds", nargs="+", metavar="SEED", type=whole_number(0, 2**32 - 1),
        default=[0, 1, 2, 3, 4], help="one run of each way for each of them")  # fmt: skip
    add("--labels", nargs="+", metavar="N", type=whole_number(1), default=[50, 100],
        help="numbers of labels, drawn at random")  # fmt: skip
    add("--steps", type=whole_number(1), default=1000, help="optimizer steps of a training")
    add("--batch-size", type=whole_number(1), default=32,
        help="labelled items of a step, and as many of the pool")  # fmt: skip
    add("--learning-rate", type=positive_number, default=5e-3, help="of Adam at the start")
    add("--weight", type=positive_number, default=20.0, help="of the consistency loss at its top")
    add("--ramp-up", type=share, default=0.4, help="share of the steps until it is there")
    add("--noise", type=share, default=0.15, help="standard deviation of the noise")
    add("--shift", type=whole_number(0, 14), default=2, help="most pixels that an image is moved")
    add("--validate", action="store_true",
        help=f"measure on {N_ASIDE} items set aside from the pool, not on the test set, "
        "to choose options")  # fmt: skip
    add("--threads", type=whole_number(1), default=1,
        help="threads of torch; with small models several stall each other")  # fmt: skip
    add("--out", type=Path, default=Path("runs/pi_model_mnist"), help="folder for the results")
    add("--overwrite", action="store_true", help="replace the results of an earlier run")
    options = parser.parse_args(argv)
    check_unique(parser, "seeds", options.seeds)
    check_unique(parser, "labels", options.labels)
    return options


if __name__ == "__main__":
    sys.exit(main())
