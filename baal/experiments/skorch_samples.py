"""Posterior samples of skorch's nets: those of the module inside, by the sampling engine."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from baal.bayesian.always_on import AlwaysOn
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.sampling.engine import needs_plan
from baal.bayesian.sampling.trees import n_items
from baal.training.modes import eval_mode

__all__ = ["batches_of", "is_net", "is_stochastic", "net_samples"]


def is_net(estimator: Any) -> bool:
    """Whether an estimator is a net of skorch.

    Args:
        estimator: Any object.

    Returns:
        True if one of its classes comes from there, which is not imported for it.

    Example:
        >>> is_net("a net")
        False
    """
    return any(kind.__module__.split(".")[0] == "skorch" for kind in type(estimator).__mro__)


def is_stochastic(module: nn.Module) -> bool:
    """Whether a module was patched to be sampled.

    Args:
        module: Such as `net.module_`.

    Returns:
        True for MC-Dropout, consistent dropout and DropConnect of `baal.bayesian`.

    Example:
        >>> from baal.bayesian.dropout import patch_module
        >>> net = nn.Sequential(nn.Dropout())
        >>> is_stochastic(net), is_stochastic(patch_module(net))
        (False, True)
    """
    return any(isinstance(layer, AlwaysOn) or needs_plan(layer) for layer in module.modules())


class _Output(nn.Module):
    """What a net predicts for a batch, behind its own nonlinearity."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.module = net.module_
        self._infer: Callable[[Any], Any] = net.infer
        # skorch has no public way to it: "auto" depends on the net's criterion.
        self._nonlinearity: Callable[[Any], Any] = net._get_predict_nonlinearity()  # noqa: SLF001

    def forward(self, x: Any) -> Any:
        output = self._infer(x)
        return self._nonlinearity(output[0] if isinstance(output, tuple) else output)


def net_samples(
    net: Any, x: Any, iterations: int
) -> tuple[npt.NDArray[np.floating[Any]], bool | None]:
    """Draw posterior samples of a fitted net whose module is patched.

    The module's samples go through the net's own nonlinearity, such as the softmax that it has
    with `CrossEntropyLoss`, each by itself.

    Args:
        net: Fitted net of skorch.
        x: What the net's own `predict` takes, N items.
        iterations: Number of posterior samples `K`.

    Returns:
        Samples `[N, C, K]`, and whether sample `k` is the same function for every item; None where
        that was not found out.

    Example:
        >>> from types import SimpleNamespace
        >>> from baal.bayesian.dropout import Dropout
        >>> module = nn.Sequential(Dropout(0.5), nn.Linear(3, 2)).eval()
        >>> net = SimpleNamespace(
        ...     module_=module, infer=module, device="cpu",
        ...     _get_predict_nonlinearity=lambda: nn.Softmax(dim=-1),
        ...     get_dataset=lambda x: x, get_iterator=lambda data, training: [(data, None)],
        ... )
        >>> net_samples(net, torch.ones(5, 3), iterations=4)[0].shape
        (5, 2, 4)
    """
    output = _Output(net)
    with eval_mode(output):
        drawn = [sample_posterior(output, batch, iterations) for batch, _ in batches_of(net, x)]
    samples = torch.cat([batch.cpu() for batch in drawn]).numpy()
    if samples.ndim == 2:  # a regressor that gives one number for each item
        samples = samples[:, None]
    return samples, samples_are_joint(output)


def batches_of(net: Any, x: Any) -> Iterator[tuple[Any, int]]:
    """Inputs as a net itself would have them, on its device.

    Args:
        net: Of skorch.
        x: What the net's own `predict` takes.

    Yields:
        Batches `[B, ...]`, and B.

    Example:
        >>> from types import SimpleNamespace
        >>> net = SimpleNamespace(
        ...     device="cpu", get_dataset=lambda x: x,
        ...     get_iterator=lambda data, training: [(data, None)],
        ... )
        >>> next(batches_of(net, torch.ones(5, 3)))[1]
        5
    """
    for batch in net.get_iterator(net.get_dataset(x), training=False):
        data = _on_device(batch[0], net.device)
        yield data, n_items(data) or 0


def _on_device(data: Any, device: Any) -> Any:
    if isinstance(data, dict):
        return {name: _on_device(part, device) for name, part in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_on_device(part, device) for part in data)
    return torch.as_tensor(data, device=device)
