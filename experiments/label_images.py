"""Label a folder of images, a few at a time, in a spreadsheet.

    python experiments/label_images.py pictures --classes cat dog --out labels

Each call takes the answers out of `labels/to_label.csv`, trains on all that is labelled so far,
and writes the next images to look at into the same file. Fill in the column `value` (a class, or
`?` for an image that cannot be labelled), save it, and call again. Answers may be partial, and come
in any order. Every answer goes to `labels/labels.db` before anything else happens, so the script
may be stopped at any point; it never asks for the same image twice. Export all labels by
`--export FILE`, for which no folder is read.

An image that cannot be read is named, and set down as one that cannot be labelled.

The folder has to stay as it is: a store belongs to one list of files. When images come or go, write
the labels out (`--export all.csv`), and read them into a new store (`--out labels2 --import
all.csv`): they find their images by name. Delete rows of images that are gone first.
"""

import argparse
import csv
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Subset

from baal.active.active_loop import ActiveLearningLoop
from baal.active.dataset import ActiveLearningDataset
from baal.active.file_dataset import FileDataset
from baal.active.heuristics import AbstractHeuristic, BatchBALD, Random
from baal.active.label_store import LabelStore, export_labels
from baal.bayesian.consistent_dropout import patch_module
from baal.exceptions import BaalError, InvalidArgumentError
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.files import replacing
from baal.utils.metrics import Accuracy

CANNOT = "?"
CLASSES_HELP = "two or more names that an answer may be; not needed to export"
ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def main(argv: list[str] | None = None) -> int:
    """Take the answers, train, ask.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed; nothing was changed then.
    """
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    try:
        if args.export is not None:
            export(args)
        else:
            take_and_ask(args)
    except (BaalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def export(args: argparse.Namespace) -> None:
    """Write all labels into a file; of the folder nothing is needed."""
    path = args.out / "labels.db"
    if not path.exists():
        raise InvalidArgumentError(
            f"Expected --out to be a folder with labels in it, but got no {str(path)!r}."
        )
    with LabelStore(path) as store:
        print(f"{export_labels(store, args.export)} labels written to {args.export}")


def take_and_ask(args: argparse.Namespace) -> None:
    """Take the answers, and ask for more."""
    with LabelStore(args.out / "labels.db", source=args.source) as store:
        dataset = open_dataset(args, store)
        sheet = args.out / "to_label.csv"
        take_answers(dataset, sheet, args.classes, relabel=args.relabel)
        broken = set_broken_aside(dataset, args.folder)
        n_to_ask = min(args.query_size - len(dataset.pending_indices), dataset.n_askable)
        if n_to_ask > 0:
            ask(dataset, args, n_to_ask, broken)
            # Somebody may have gone on filling in the sheet, which is about to be replaced.
            take_answers(dataset, sheet, args.classes, relabel=args.relabel)
        write_sheet(dataset, sheet)
        report(dataset, sheet)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=Formatter)
    parser.add_argument("folder", type=Path, help="of the images, with its subfolders")
    parser.add_argument("--classes", nargs="+", default=[], metavar="CLASS", help=CLASSES_HELP)
    parser.add_argument("--out", type=Path, default=Path("labels"), help="folder of the labels")
    parser.add_argument("--query-size", type=int, default=20, help="images in the sheet")
    parser.add_argument("--size", type=int, default=32, help="pixels that images are scaled to")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--iterations", type=int, default=20, help="posterior samples")
    parser.add_argument("--max-sample", type=int, default=5000, help="images scored; -1: all")
    parser.add_argument("--source", default=None, help="who labels; kept with each answer")
    parser.add_argument(
        "--relabel", action="store_true", help="take another answer for an image that has one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    files = parser.add_mutually_exclusive_group()
    files.add_argument("--export", type=Path, help="write all labels to this .csv or .jsonl")
    files.add_argument(
        "--import", type=Path, dest="labels", help="read labels from what --export wrote"
    )
    args = parser.parse_args(argv)
    if args.export is None:
        check_arguments(parser, args)
        args.out.mkdir(parents=True, exist_ok=True)
    return args


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message if something cannot be met."""
    for name in ("query_size", "epochs", "iterations", "threads"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if args.size < 8:
        parser.error("--size must be at least 8")
    if len(set(args.classes)) < max(2, len(args.classes)) or CANNOT in args.classes:
        parser.error(f"--classes must be two or more different names, and not {CANNOT!r}")


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """The text above as it is, and defaults."""


def open_dataset(args: argparse.Namespace, store: LabelStore) -> ActiveLearningDataset:
    """The images, with all labels that were ever given to them, and those of `--import`.

    One label in five is set aside, to measure by.
    """
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in ENDINGS)
    if not paths:
        raise InvalidArgumentError(
            f"Expected images ({' '.join(sorted(ENDINGS))}) in {str(args.folder)!r}, but got none."
        )
    facts = store.facts()
    if facts is not None and facts.n_items != len(paths):
        raise InvalidArgumentError(
            f"Expected the {facts.n_items} images that {str(store.path)!r} was made for in "
            f"{str(args.folder)!r}, but got {len(paths)}. When images come or go, write the labels "
            "out by --export, and read them into a new --out by --import."
        )
    files = FileDataset(
        paths,
        transform=lambda image: to_tensor(image, args.size),
        target_transform=lambda name: args.classes.index(name) if name in args.classes else -1,
    )
    dataset = ActiveLearningDataset(
        files,
        item_ids=[path.relative_to(args.folder).as_posix() for path in paths],
        store=store,
        validation_split=0.2,
        random_state=args.seed,
    )
    with store.writing(), quiet():
        if args.labels is not None:
            dataset.import_labels(args.labels, relabel=args.relabel)
        others = {name for name in files.lbls if name is not None} - set(args.classes)
        if others:
            raise InvalidArgumentError(
                f"Expected --classes to have all that were given so far, but "
                f"{sorted(others, key=str)} are missing."
            )
    return dataset


@contextmanager
def quiet() -> Iterator[None]:
    """Without a warning for a file that gets another label: that is what was asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The file .* was labelled already", UserWarning)
        yield


def to_tensor(image: Image.Image, size: int) -> torch.Tensor:
    """A picture of any shape as `[3, size, size]`, from -1 to 1."""
    pixels = np.array(image.convert("RGB").resize((size, size)), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)


def take_answers(
    dataset: ActiveLearningDataset, sheet: Path, classes: list[str], *, relabel: bool
) -> None:
    """Take what a person has filled in; an answer that is none is an error, and none is taken."""
    answers = read_sheet(sheet) if sheet.exists() else {}
    strange = sorted(set(answers.values()) - {*classes, CANNOT})
    if strange:
        raise InvalidArgumentError(
            f"Expected the answers in {str(sheet)!r} to be among {classes}, or {CANNOT!r} for an "
            f"image that cannot be labelled, but got {strange[:5]}."
        )
    given = {name: value for name, value in answers.items() if value != CANNOT}
    cannot = [name for name, value in answers.items() if value == CANNOT]
    assert dataset.store is not None
    with dataset.store.writing(), quiet():
        dataset.label_items(list(given), list(given.values()), relabel=relabel)
        rule_out(dataset, cannot, relabel=relabel)


def rule_out(dataset: ActiveLearningDataset, names: list[str], *, relabel: bool) -> None:
    """Set images down as impossible to label; one that has a label loses it only if asked for."""
    if not names:
        return
    assert dataset.item_ids is not None
    indices = dataset.item_ids.positions(names)
    labelled = indices[dataset.labelled[indices]]
    if len(labelled) and not relabel:
        raise InvalidArgumentError(
            f"Expected {CANNOT!r} for images without a label, or --relabel, but got it for "
            f"{[id_of(dataset, index) for index in labelled[:5].tolist()]}."
        )
    dataset.unlabel_dataset_indices(labelled)
    dataset.cannot_label(indices)


def read_sheet(sheet: Path) -> dict[str, str]:
    """Answers by image, without those that are not there yet; as any spreadsheet saves them."""
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(
            f"Expected {str(sheet)!r} to be CSV in UTF-8, but got {error}: save it as such."
        ) from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if not {"item_id", "value"} <= set(reader.fieldnames or ()):
        raise InvalidArgumentError(
            f"Expected {str(sheet)!r} to have the columns item_id and value, but got {header!r}. "
            "Delete the file to have it written anew; answers taken before are kept."
        )
    answers: dict[str, str] = {}
    for row in reader:
        name, value = row["item_id"], (row["value"] or "").strip()
        if value and (None in row or answers.setdefault(name, value) != value):
            raise InvalidArgumentError(
                f"Expected one answer for {name!r} in {str(sheet)!r}, but got several: look at "
                f"line {reader.line_num}."
            )
    return answers


def set_broken_aside(dataset: ActiveLearningDataset, folder: Path) -> set[int]:
    """Name the images that cannot be read, and set them down as impossible to label.

    One that has a label keeps it. Gives the dataset indices of all of them.
    """
    assert dataset.item_ids is not None
    assert dataset.store is not None
    index_of = {folder / str(name): index for index, name in enumerate(dataset.item_ids)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* files cannot be read", UserWarning)
        checked = FileDataset(list(index_of), skip_broken=True, verbose=sys.stderr.isatty())
    reasons = {index_of[path]: reason for path, reason in checked.skipped.items()}
    told = set(dataset.impossible_indices.tolist())
    labelled = dataset.labelled
    for index, reason in reasons.items():
        if index not in told:
            what = "left out of training" if labelled[index] else "set down as impossible to label"
            print(f"{id_of(dataset, index)!r} cannot be read, and is {what}: {reason}")
    new = [index for index in reasons if index not in told and not labelled[index]]
    if new:
        with dataset.store.given_by(Path(__file__).name):
            dataset.cannot_label(new)
    return set(reasons)


def ask(dataset: ActiveLearningDataset, args: argparse.Namespace, n: int, broken: set[int]) -> None:
    """Propose the next images: by what the model does not know, or at random without a model."""
    wrapper, is_trained = train(dataset, args, broken)
    heuristic: AbstractHeuristic = Random(seed=args.seed + dataset.n_labelled)
    if is_trained:
        heuristic = BatchBALD(n, num_draw=1000, seed=args.seed)
    loop = ActiveLearningLoop(
        dataset,
        wrapper.predict_on_dataset,
        heuristic,
        n,
        max_sample=args.max_sample,
        iterations=args.iterations,
        verbose=sys.stderr.isatty(),
    )
    if is_trained:
        loop.ask()
    else:  # without scores: those of a draw mean nothing
        dataset.propose(loop.query().dataset_indices)


def train(
    dataset: ActiveLearningDataset, args: argparse.Namespace, broken: set[int]
) -> tuple[ModelWrapper, bool]:
    """A model, and whether there was anything to train it on."""
    torch.manual_seed(args.seed)
    model = network(len(args.classes), args.size, args.seed)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    settings = TrainingArgs(optimizer, 32, args.epochs, workers=0, criterion=nn.CrossEntropyLoss())
    wrapper = ModelWrapper(model, settings)
    wrapper.add_metric("accuracy", Accuracy)
    shown = [dataset.labelled_to_dataset_index(place) for place in range(len(dataset))]
    labelled = without(broken, dataset, shown)
    aside = without(broken, dataset.validation, dataset.validation.dataset_indices.tolist())
    if len(labelled):
        wrapper.train_on_dataset(labelled)
    if len(aside):
        wrapper.test_on_dataset(aside)
        accuracy = wrapper.get_metrics("test")["test_accuracy"]
        print(
            f"accuracy on {len(aside)} labels set aside (of images that were chosen, so "
            f"harder than most): {accuracy:.2f}"
        )
    return wrapper, len(labelled) > 0


def without(broken: set[int], items: Any, indices: list[int]) -> Subset[Any]:
    """The items, `indices` of the dataset, but for those that cannot be read."""
    return Subset(items, [place for place, index in enumerate(indices) if index not in broken])


def network(n_classes: int, size: int, seed: int) -> nn.Module:
    """A small CNN with consistent dropout, as BatchBALD asks what images tell together."""
    side = size // 4
    layers = [
        *[nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()],
        *[nn.Dropout(0.25), nn.Linear(32 * side**2, 64), nn.ReLU()],
        *[nn.Dropout(0.5), nn.Linear(64, n_classes)],
    ]
    return patch_module(nn.Sequential(*layers), seed=seed)


def write_sheet(dataset: ActiveLearningDataset, sheet: Path) -> None:
    """Write what waits for an answer, the best first; whole, or not at all.

    What was drawn at random has no score, and comes last.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["item_id", "score", "value"])
    scores = dataset.pending_scores
    for place in np.argsort(-scores, kind="stable").tolist():
        index = int(dataset.pending_indices[place])
        score = "" if np.isnan(scores[place]) else f"{scores[place]:.4f}"
        writer.writerow([id_of(dataset, index), score, ""])
    with replacing(sheet) as file:
        file.write(text.getvalue().encode())


def report(dataset: ActiveLearningDataset, sheet: Path) -> None:
    """Say what there is, and what to do next."""
    n_waiting = len(dataset.pending_indices)
    print(
        f"{dataset.n_labelled} images labelled, {len(dataset.impossible_indices)} cannot be, "
        f"{dataset.n_askable} not asked for yet"
    )
    if n_waiting:
        print(f"next: fill in the column `value` of {n_waiting} images in {sheet}, and call again")
    else:
        print("all images were asked for")


def id_of(dataset: ActiveLearningDataset, index: int) -> Any:
    """The name of an image."""
    assert dataset.item_ids is not None
    return dataset.item_ids[index]


if __name__ == "__main__":
    sys.exit(main())
