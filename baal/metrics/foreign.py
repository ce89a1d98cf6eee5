"""Metrics of other libraries, such as torchmetrics, kept beside ours."""

from copy import deepcopy
from typing import Any

import torch

from baal.exceptions import InvalidTypeError
from baal.utils.iterutils import map_on_tensor
from baal.utils.metrics import Metrics

__all__ = ["ForeignMetric", "as_metric", "is_metric"]


class ForeignMetric(Metrics):
    """A metric of another library that has `update(output, target)`, `compute()` and `reset()`.

    It gets outputs without their graph, and is moved to where they are if it has `to(device)`. Its
    other attributes can be read as if they were of this object.

    Args:
        metric: The other library's object.

    Example:
        >>> class Total:
        ...     def reset(self):
        ...         self.total = torch.tensor(0.0)
        ...     def update(self, output, target):
        ...         self.total = self.total + output.sum()
        ...     def compute(self):
        ...         return self.total
        >>> metric = ForeignMetric(Total())
        >>> metric.update(torch.ones(3), torch.zeros(3))
        >>> metric.value
        3.0
    """

    def __init__(self, metric: Any) -> None:
        self.metric = metric
        self._device: torch.device | None = None
        super().__init__()

    def reset(self) -> None:
        """Forget all that was seen."""
        super().reset()
        self.metric.reset()

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch, as the other library wants it.

        Args:
            output: The model's output `[B, C, ...]`, or several in lists or dicts.
            target: Targets `[B, ...]`.

        Raises:
            Exception: Whatever the other library raises.
        """
        output, target = map_on_tensor(torch.Tensor.detach, (output, target))
        self._follow(output)
        self.metric.update(output, target)
        self._n_updates += 1

    def _follow(self, output: Any) -> None:
        """Move the metric to the device of the first tensor, where it can be moved."""
        devices: list[torch.device] = []
        map_on_tensor(lambda tensor: devices.append(tensor.device), output)
        if devices and devices[0] != self._device and callable(getattr(self.metric, "to", None)):
            self.metric.to(devices[0])
            self._device = devices[0]

    def calculate_result(self) -> Any:
        """What `compute()` gives.

        Returns:
            Tensors as floats or lists of them, in the structure in which they came; NaN when
            nothing was taken in.
        """
        if self.is_empty:
            return float("nan")
        return map_on_tensor(torch.Tensor.tolist, self.metric.compute())

    @property
    def standard_dev(self) -> Any:
        """NaN: it is not known by batch."""
        return float("nan")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "metric":  # not yet there, while it is copied
            raise AttributeError(name)
        return getattr(self.metric, name)


def is_metric(thing: Any) -> bool:
    """Whether something is a metric, of ours or of another library, rather than what makes one.

    Args:
        thing: Anything.

    Returns:
        True for an object that has the methods.

    Example:
        >>> from baal.utils.metrics import Loss
        >>> is_metric(Loss()), is_metric(Loss)
        (True, False)
    """
    methods = ("update", "compute", "reset")
    return isinstance(thing, Metrics) or (
        not isinstance(thing, type) and all(callable(getattr(thing, m, None)) for m in methods)
    )


def as_metric(source: Any) -> Metrics:
    """A new metric that has seen nothing.

    Args:
        source: A function or class that makes a metric, or a metric, which is copied.

    Returns:
        The metric; one of another library is wrapped in a `ForeignMetric`.

    Raises:
        InvalidTypeError: It is neither, or what is made is no metric.

    Example:
        >>> from baal.utils.metrics import Loss
        >>> as_metric(Loss).is_empty
        True
    """
    copies = is_metric(source) or not callable(source)
    made = deepcopy(source) if copies else source()
    if not is_metric(made):
        raise InvalidTypeError(
            "Expected `initializer` to be a metric, or to make one, with `update`, `compute` (or "
            f"`value`) and `reset`, but got {type(made).__name__}."
        )
    metric = made if isinstance(made, Metrics) else ForeignMetric(made)
    metric.reset()
    return metric
