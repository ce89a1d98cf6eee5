"""Records of an experiment as curves in TensorBoard."""

import os
from typing import Any

from baal.experiments.records import Record
from baal.utils.extras import require_extra

__all__ = ["TensorBoard"]


class TensorBoard:
    """A callback that writes the numbers of each round, over the number of labels.

    Args:
        folder: Where TensorBoard looks for them.

    Raises:
        MissingExtraError: The extra `tensorboard` is not installed.

    Example:
        >>> writes = TensorBoard.writes  # of each record:
        >>> writes({"n_labelled": 20, "test_loss": 0.5, "chosen": [3], "seconds": {"train": 1.5}})
        {'test_loss': 0.5, 'seconds/train': 1.5}
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        require_extra("tensorboard", "tensorboard")
        # Imported late: the package is an extra, and slow to load.
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(os.fspath(folder))

    def __call__(self, record: Record) -> None:
        """Write one record; a round that a kill repeats is written again, with the same numbers."""
        for name, value in self.writes(record).items():
            self.writer.add_scalar(name, value, record["n_labelled"])
        self.writer.flush()

    @staticmethod
    def writes(record: Record) -> dict[str, float]:
        """The numbers of a record that make a curve.

        Args:
            record: Of one round.

        Returns:
            Numbers by name.
        """
        numbers = {**record, **{f"seconds/{k}": v for k, v in record.get("seconds", {}).items()}}
        return {
            name: float(value)
            for name, value in numbers.items()
            if isinstance(value, int | float)
            and not isinstance(value, bool)
            and name not in {"round", "n_labelled", "dataset_size"}
        }
