"""A trainer's batches on their way to posterior samples, also where several processes work."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import torch

from baal.bayesian.sampling.trees import n_items
from baal.training.embedding import embed
from baal.utils.array_utils import to_numpy
from baal.utils.iterutils import map_on_tensor

__all__ = ["attached", "dealt_out", "embeddings", "of_first_process", "predictions"]


def predictions(
    trainer: Any, module: Any, loader: Iterable[Any], sample: Callable[[Any, int], Any]
) -> Iterator[Any]:
    """Posterior samples batch by batch, in the order of the loader.

    Batches go through the hooks of the module, or of the data module where it has its own, to the
    trainer's device, and are predicted in the trainer's precision. Processes that train together
    share the work, and each yields all batches.

    Args:
        trainer: A `Trainer`; `trainer.predicting` is True meanwhile.
        module: A `LightningModule`.
        loader: Batches, the same in all processes.
        sample: Gives `[B, C, ..., K]` of a batch and its number.

    Yields:
        Arrays `[B, C, ..., K]`, or lists or dicts of them.

    Example:
        >>> import lightning.pytorch as pl
        >>> trainer = pl.Trainer(accelerator="cpu", logger=False)
        >>> batches = [torch.zeros(2, 3), torch.ones(1, 3)]
        >>> sample = lambda batch, number: batch.unsqueeze(-1)
        >>> [a.shape for a in predictions(trainer, pl.LightningModule(), batches, sample)]
        [(2, 3, 1), (1, 3, 1)]
    """
    device = trainer.strategy.root_device
    plugin = trainer.precision_plugin

    def arrays(numbered: tuple[int, Any]) -> Any:
        number, batch = numbered
        # For each batch, and not for all: between them, a generator hands over to its caller.
        with attached(trainer, module), torch.no_grad():
            batch = _on_device(trainer, module, batch, device)
            with plugin.forward_context(), _no_weight_cache():
                samples = sample(plugin.convert_input(batch), number)
        return map_on_tensor(to_numpy, samples)

    # As `fit` does: before the first one, the weights would not be of the precision of the inputs.
    plugin.convert_module(module).to(device)
    yield from dealt_out(enumerate(loader), arrays)


def embeddings(
    trainer: Any,
    module: Any,
    loader: Iterable[Any],
    inputs: Callable[[Any], Any],
    layer: str | None = None,
) -> Iterator[tuple[Any, Any]]:
    """What a module gives without dropout, and an embedding of each item, batch by batch.

    Args:
        trainer: A `Trainer`, as in `predictions`.
        module: A `LightningModule`.
        loader: Batches, the same in all processes.
        inputs: What of a batch `forward` takes.
        layer: Name of the layer whose output it is; None: the input of the last linear layer.

    Yields:
        The output, most often `[B, C]`, and embeddings `[B, D]`, as arrays.

    Raises:
        InvalidArgumentError: There is no such layer, or it has no row for each item.

    Example:
        >>> import lightning.pytorch as pl
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.head = torch.nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return self.head(x)
        >>> trainer = pl.Trainer(accelerator="cpu", logger=False)
        >>> found = embeddings(trainer, Net(), [torch.ones(4, 3)], lambda batch: batch)
        >>> [(outputs.shape, rows.shape) for outputs, rows in found]
        [((4, 2), (4, 3))]
    """

    def one(batch: Any, _: int) -> Any:
        data = inputs(batch)
        return embed(module, partial(module, data), n_items(data) or 0, layer)

    return predictions(trainer, module, loader, one)


@contextmanager
def attached(trainer: Any, module: Any) -> Iterator[None]:
    """Meanwhile, a module knows its trainer, as one that predicts.

    Args:
        trainer: The trainer.
        module: The module.

    Yields:
        Nothing.

    Example:
        >>> import lightning.pytorch as pl
        >>> trainer, module = pl.Trainer(accelerator="cpu", logger=False), pl.LightningModule()
        >>> with attached(trainer, module):
        ...     module.trainer.predicting, module.trainer.training
        (True, False)
    """
    before, stage = module._trainer, trainer.state.stage  # noqa: SLF001 - `trainer` raises if None
    module.trainer, trainer.state.stage = trainer, None
    trainer.predicting = True
    try:
        yield
    finally:
        module.trainer, trainer.state.stage = before, stage


def _on_device(trainer: Any, module: Any, batch: Any, device: torch.device) -> Any:
    names = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
    before, transfer, after = (_hook(trainer.datamodule, module, name) for name in names)
    return after(transfer(before(batch, 0), device, 0), 0)


def _hook(datamodule: Any, module: Any, name: str) -> Callable[..., Any]:
    """That of the data module if it has its own, as in Lightning."""
    if datamodule is None:
        return getattr(module, name)  # type: ignore[no-any-return]
    owner = next(base for base in type(datamodule).__mro__ if name in vars(base))
    is_own = owner.__name__ not in {"DataHooks", "LightningDataModule"}
    return getattr(datamodule if is_own else module, name)  # type: ignore[no-any-return]


@contextmanager
def _no_weight_cache() -> Iterator[None]:
    """No cache of cast weights: with it, passes after the first do other operations than it."""
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)


def dealt_out(things: Iterable[Any], work: Callable[[Any], Any]) -> Iterator[Any]:
    """Results in their order, with the work dealt out among the processes that train together.

    Args:
        things: What to work on, the same in all processes.
        work: Done once for each, by one of the processes.

    Yields:
        What it gives, in all processes.

    Example:
        >>> list(dealt_out([1, 2, 3], str))
        ['1', '2', '3']
    """
    rank, world = _place()
    things = iter(things)
    while group := list(islice(things, world)):
        own = work(group[rank]) if rank < len(group) else None
        for source in range(len(group)):
            yield _from_process(own, source)


def of_first_process(thing: Any) -> Any:
    """What the first of the processes that train together has.

    Args:
        thing: Of this process.

    Returns:
        That of the first one; of one process alone, its own.

    Example:
        >>> of_first_process("mine")
        'mine'
    """
    return _from_process(thing, 0)


def _place() -> tuple[int, int]:
    """Number of this process, and how many there are."""
    group = torch.distributed
    if group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return 0, 1


def _from_process(thing: Any, source: int) -> Any:
    if _place()[1] == 1:
        return thing
    box = [thing]
    torch.distributed.broadcast_object_list(box, source)
    return box[0]
