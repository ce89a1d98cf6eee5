"""Posterior samples of a Lightning module, and its `forward` averaged over them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from baal.bayesian.sampling import Way, forget_plans, sample_posterior, samples_are_joint
from baal.training.modes import eval_mode
from baal.training.predicting import mean_over_samples
from baal.utils.iterutils import map_on_tensor

__all__ = ["ModuleSampler"]


class ModuleSampler(nn.Module):
    """Samples the `forward` of a module, whatever arguments it takes.

    Args:
        module: The module.
        way: Of `baal.bayesian.sampling.sample_posterior`.

    Example:
        >>> import torch
        >>> from baal.bayesian.dropout import Dropout
        >>> sampler = ModuleSampler(Dropout(0.5))
        >>> sampler.sample(5, torch.ones(4, 3)).shape
        torch.Size([4, 3, 5])
    """

    def __init__(self, module: nn.Module, way: Way = "auto") -> None:
        super().__init__()
        self.module = module
        self.way: Way = way

    def forward(self, call: Any) -> Any:
        """Call the module.

        Args:
            call: Its arguments, `(args, kwargs)`.

        Returns:
            What it gives.
        """
        args, kwargs = call
        return self.module(*args, **kwargs)

    def sample(self, iterations: int, *args: Any, **kwargs: Any) -> Any:
        """Draw posterior samples; the module is in eval mode meanwhile.

        Args:
            iterations: Number of posterior samples `K`.
            *args: Of the module's `forward`, tensors `[B, ...]`.
            **kwargs: Likewise.

        Returns:
            What it gives, with each tensor `[B, C, ...]` become `[B, C, ..., K]`.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
        """
        with eval_mode(self.module):
            return sample_posterior(self, (args, kwargs), iterations, self.way)

    @property
    def samples_are_joint(self) -> bool | None:
        """Whether the samples drawn last are joint; None if none were drawn yet."""
        return samples_are_joint(self)

    def forget(self) -> None:
        """Decide anew how to sample, with the next batch."""
        forget_plans(self)

    @contextmanager
    def averaging(self, iterations: int) -> Iterator[None]:
        """Meanwhile, the module called gives the mean of so many samples, not one.

        Args:
            iterations: Number of posterior samples `K`.

        Yields:
            Nothing.
        """
        plain = vars(self.module).get("forward")

        def averaged(*args: Any, **kwargs: Any) -> Any:
            _set_forward(self.module, plain)
            try:
                samples = self.sample(iterations, *args, **kwargs)
            finally:
                _set_forward(self.module, averaged)
            return map_on_tensor(mean_over_samples, samples)

        _set_forward(self.module, averaged)
        try:
            yield
        finally:
            _set_forward(self.module, plain)


def _set_forward(module: nn.Module, forward: Any) -> None:
    """Shadow the class's `forward`; None: no longer."""
    if forward is None:
        vars(module).pop("forward", None)
    else:
        vars(module)["forward"] = forward
