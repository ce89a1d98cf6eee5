"""What posterior samples cost: the engine in its default mode beside plain passes, by ratios.

Each row draws K posterior samples on one batch in the ways named, in turn, many times over, and
gives medians of the ratios of runs beside each other. "one pass" is one plain forward pass, "stack"
one pass over the inputs repeated K times (what BaaL does), "loop" K plain passes.

Beside the speed, the memory: peak resident memory of a fresh process that draws the samples once,
beyond what it had before. On a GPU, torch's own peak.
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from baal.active.heuristics import BALD
from baal.bayesian import PosteriorModule, consistent_dropout, weight_drop
from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.ensemble import Ensemble
from baal.experiments.models import TextLSTM, TextTransformer, UNet, resnet18, vgg16
from baal.modelwrapper import ModelWrapper, TrainingArgs

Case = tuple[nn.Module, torch.Tensor]
WAYS = ("one pass", "auto", "stack", "loop")


def small_cnn() -> nn.Sequential:
    """The network of the main job."""
    return nn.Sequential(
        *[nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten()],
        *[nn.Dropout(0.25), nn.Linear(800, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)],
    )


CASES: dict[str, Callable[[int], Case]] = {
    "VGG-16, dropout in the head": lambda b: (vgg16(), torch.randn(b, 3, 32, 32)),
    "ResNet-18, dropout in every block": lambda b: (resnet18(), torch.randn(b, 3, 32, 32)),
    "Transformer, 2 layers": lambda b: (TextTransformer(), torch.randint(1000, (b, 32))),
    "U-Net": lambda b: (UNet(), torch.randn(b, 3, 64, 64)),
    "LSTM behind a dropout": lambda b: (TextLSTM(), torch.randint(1000, (b, 32))),
    "small CNN of the main job": lambda b: (small_cnn(), torch.randn(b, 1, 28, 28)),
}
# Joint samples: sample k is the same function for every item.
JOINT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "VGG-16, consistent dropout in the head": (
        lambda: consistent_dropout.patch_module(vgg16(), seed=0),
        (3, 32, 32),
    ),
    "VGG-16, DropConnect on the head's linear layers": (
        lambda: weight_drop.patch_module(vgg16(), ["Linear"], 0.5, seed=0),
        (3, 32, 32),
    ),
    "small CNN, consistent dropout": (
        lambda: consistent_dropout.patch_module(small_cnn(), seed=0),
        (1, 28, 28),
    ),
    "small CNN, DropConnect everywhere": (
        lambda: weight_drop.patch_module(small_cnn(), ["Conv2d", "Linear"], 0.5, seed=0),
        (1, 28, 28),
    ),
}
MEMBERS = 5


def make(name: str, batch: int, device: str) -> Case:
    """A patched model in eval mode and a batch for it."""
    torch.manual_seed(0)
    model, data = CASES[name](batch)
    return patch_module(model).eval().to(device), data.to(device)


def draw(way: str, model: nn.Module, data: torch.Tensor, k: int) -> Any:
    """K posterior samples, or one pass."""
    with torch.no_grad():
        if way == "one pass":
            return model(data)
        if way == "stack":
            return model(data.repeat(k, *[1] * (data.ndim - 1)))
        if way == "loop":
            return torch.stack([model(data) for _ in range(k)], -1)
    return sample_posterior(model, data, k)


def seconds(work: Callable[[], Any], device: str) -> float:
    """How long it takes."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def time_case(name: str, args: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each way, in rounds that run all of them one after the other."""
    model, data = make(name, args.batch, args.device)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(args.repeats + 1):
        for way in WAYS:
            took = seconds(lambda: draw(way, model, data, args.samples), args.device)  # noqa: B023
            if number > 0:  # the first round warms up
                times[way].append(took)
    return times


def ratio(times: dict[str, list[float]], a: str, b: str) -> float:
    """Median over the rounds of a's time over b's."""
    return statistics.median(x / y for x, y in zip(times[a], times[b], strict=True))


def peak_memory(name: str, way: str, args: argparse.Namespace) -> float:
    """MiB that drawing the samples takes at its peak, in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", json.dumps([name, way])]
    command += ["--batch", str(args.batch), "--samples", str(args.samples), "--device", args.device]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def print_peak_memory(args: argparse.Namespace) -> None:
    """What `peak_memory` runs in the process of its own."""
    name, way = json.loads(args.memory_of)
    model, data = make(name, args.batch, args.device)
    draw(way, model, data[:2], 2)  # what a first call loads and finds out is not counted
    if args.device == "cuda":
        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        draw(way, model, data, args.samples)
        print((torch.cuda.max_memory_allocated() - held) / 2**20)
        return
    before = resident_peak()
    draw(way, model, data, args.samples)
    print(resident_peak() - before)


def resident_peak() -> float:
    """MiB of resident memory that this process has had at most (Linux)."""
    # Not `getrusage`: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def compare(args: argparse.Namespace) -> None:
    """Print the table of ratios."""
    print(
        f"\nK = {args.samples} posterior samples, B = {args.batch}, {args.device}, "
        f"torch {torch.__version__}, {args.threads} thread(s), medians of {args.repeats} rounds\n\n"
        "| model | pass, ms | auto / pass | stack / auto | loop / auto "
        "| MiB: auto | stack | loop |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for name in args.only or CASES:
        times = time_case(name, args)
        memory = [peak_memory(name, way, args) for way in ("auto", "stack", "loop")]
        print(
            f"| {name} | {1000 * statistics.median(times['one pass']):.1f} "
            f"| {ratio(times, 'auto', 'one pass'):.2f} | {ratio(times, 'stack', 'auto'):.2f} "
            f"| {ratio(times, 'loop', 'auto'):.2f} | "
            + " | ".join(f"{mib:.0f}" for mib in memory)
            + " |",
            flush=True,
        )


def compare_joint(args: argparse.Namespace) -> None:
    """Print the table of joint samples."""
    print(
        f"\nJoint samples: K = {args.samples}, B = {args.batch}, {args.device}, {args.threads} "
        f"thread(s), medians of {args.repeats} rounds\n\n"
        "| model | pass, ms | auto / pass | loop, prefix shared / auto |\n|---|--:|--:|--:|"
    )
    for name, (build, shape) in JOINT.items():
        torch.manual_seed(0)
        model: nn.Module = build().eval().to(args.device)
        data = torch.randn(args.batch, *shape, device=args.device)
        plain: nn.Module = copy.deepcopy(model)
        for unpatch in (consistent_dropout.unpatch_module, weight_drop.unpatch_module):
            with warnings.catch_warnings(action="ignore"):  # only one of them has something to do
                plain = unpatch(plain)
        times = in_turn(
            {
                "pass": lambda: plain(data),  # noqa: B023
                "auto": lambda: sample_posterior(model, data, args.samples),  # noqa: B023
                "loop": lambda: sample_posterior(model, data, args.samples, "loop"),  # noqa: B023
            },
            args,
        )
        print(
            f"| {name} | {1000 * statistics.median(times['pass']):.1f} "
            f"| {ratio(times, 'auto', 'pass'):.2f} | {ratio(times, 'loop', 'auto'):.2f} |",
            flush=True,
        )


def compare_ensemble(args: argparse.Namespace) -> None:
    """Print what members at once cost beside members one by one."""
    torch.manual_seed(0)
    net = small_cnn().eval().to(args.device)
    members = [small_cnn().to(args.device).state_dict() for _ in range(MEMBERS)]
    print(
        f"\nAn ensemble of {MEMBERS} small CNNs, {args.device}, {args.threads} thread(s), medians "
        f"of {args.repeats} rounds\n\n"
        "| B | one by one, ms | by hand / auto | one by one / at once |"
        "\n|--:|--:|--:|--:|"
    )
    for batch in (1, 8, 32, 256):
        # A new one for each batch size: the way is chosen on the first batch.
        model = PosteriorModule(net, Ensemble(members))
        data = torch.randn(batch, 1, 28, 28, device=args.device)

        def by_hand() -> list[torch.Tensor]:
            outputs = []
            for weights in members:
                net.load_state_dict(weights)
                outputs.append(net(data))  # noqa: B023
            return outputs

        times = in_turn(
            {
                "by hand": by_hand,
                "auto": lambda: sample_posterior(model, data, MEMBERS),  # noqa: B023
                "at once": lambda: sample_posterior(model, data, MEMBERS, "vmap"),  # noqa: B023
                "one by one": lambda: sample_posterior(model, data, MEMBERS, "loop"),  # noqa: B023
            },
            args,
        )
        print(
            f"| {batch} | {1000 * statistics.median(times['one by one']):.1f} "
            f"| {ratio(times, 'by hand', 'auto'):.2f} "
            f"| {ratio(times, 'one by one', 'at once'):.2f} |",
            flush=True,
        )


def in_turn(
    works: dict[str, Callable[[], Any]], args: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds of each, in rounds that run all of them one after the other."""
    times: dict[str, list[float]] = {name: [] for name in works}
    with torch.no_grad():
        for number in range(args.repeats + 1):
            for name, work in works.items():
                took = seconds(work, args.device)
                if number > 0:  # the first round warms up
                    times[name].append(took)
    return times


class RandomImages(Dataset[torch.Tensor]):
    """As many images as one likes, made when they are asked for."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> torch.Tensor:
        rng = np.random.Generator(np.random.SFC64(index))
        return torch.from_numpy(rng.random((1, 28, 28), dtype=np.float32))


def score_a_pool(args: argparse.Namespace) -> None:
    """A large pool through the generator and BALD, in constant memory."""
    model = patch_module(small_cnn()).to(args.device)
    wrapper = ModelWrapper(model, TrainingArgs(batch_size=256, workers=0))
    predictions = wrapper.predict_on_dataset_generator(
        RandomImages(args.pool), args.samples, verbose=sys.stderr.isatty()
    )
    memory = []

    def watched() -> Iterator[Any]:
        for number, batch in enumerate(predictions):
            if number == 50:
                memory.append(resident_peak())
            yield batch

    start = time.perf_counter()
    ranks, _ = BALD().get_ranks(watched())
    took = time.perf_counter() - start
    print(
        f"\n{len(ranks):,} items through the generator and BALD: {took:.0f} s. Peak resident "
        f"memory {memory[0]:.0f} MiB after 50 batches of 256, {resident_peak():.0f} MiB at the "
        f"end; all predictions at once: {args.pool * 10 * args.samples * 4 / 2**20:.0f} MiB."
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32, help="items of a batch, B")
    parser.add_argument("--samples", type=int, default=20, help="posterior samples, K")
    parser.add_argument("--repeats", type=int, default=7, help="rounds to take medians of")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CASES, help="only these models")
    parser.add_argument("--pool", type=int, default=200_000, help="items of the pool; 0: none")
    parser.add_argument(
        "--only-joint", action="store_true", help="only the tables of joint samples"
    )
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.memory_of:
        print_peak_memory(args)
        return
    if args.pool and not args.only_joint:
        score_a_pool(args)  # first, while this process has not yet needed memory for anything else
    if not args.only_joint:
        compare(args)
    compare_joint(args)
    compare_ensemble(args)


if __name__ == "__main__":
    main()
