"""A posterior of one's own: for each sample, other values of a model's parameters.

This is all that the sampling engine needs to know of an ensemble, of SWAG, of a Laplace
approximation: which values parameters and buffers have in sample `k`. What a model computes before
it comes to the first of them is shared by all samples, by itself.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from baal.bayesian.common import TransparentModule
from baal.bayesian.sampling.passes import Pass, current_pass, drawing, each_of
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["Posterior", "PosteriorModule", "check_same_architecture"]


class Posterior:
    """Posterior samples of a model's parameters: the protocol behind all of them.

    Subclasses define `sample`.

    Attributes:
        n_samples: How many samples there are; None: as many as one likes.

    Example:
        >>> class GaussianBias(Posterior):
        ...     def __init__(self, mean, scale, seed=0):
        ...         self.mean, self.scale, self.seed = mean, scale, seed
        ...     def sample(self, number):
        ...         generator = torch.Generator().manual_seed(self.seed + number)
        ...         noise = torch.randn(self.mean.shape, generator=generator)
        ...         return {"bias": self.mean + self.scale * noise}
        >>> net = nn.Linear(3, 2)
        >>> model = PosteriorModule(net, GaussianBias(net.bias.detach(), scale=0.1))
        >>> from baal.bayesian.sampling import sample_posterior
        >>> sample_posterior(model, torch.ones(4, 3), iterations=5).shape
        torch.Size([4, 2, 5])
    """

    n_samples: int | None = None

    def sample(self, number: int) -> Mapping[str, torch.Tensor]:
        """The values that one posterior sample has in place of the model's own.

        Args:
            number: Of the sample, from 0 on. The same number gives the same values, each time.

        Returns:
            By name, as in the model's `state_dict`, tensors of the parameter's shape. What is not
            named is the same for all samples: name only what differs.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `sample`.")

    def stacked(self, numbers: range) -> Mapping[str, torch.Tensor]:
        """The values of several samples, as `sample` gives them; to be overridden for speed.

        Args:
            numbers: Of the samples.

        Returns:
            By name, tensors `[len(numbers), ...]`.

        Raises:
            InvalidArgumentError: The samples differ in their names or shapes.
            InvalidTypeError: A sample is no mapping of tensors.
        """
        first, *_ = samples = [self.sample(number) for number in numbers]
        for sample in samples:
            check_same_architecture(first, sample, whole=True)
        return {name: torch.stack([sample[name] for sample in samples]) for name in first}


class PosteriorModule(TransparentModule):
    """A model with a posterior over its parameters.

    In a sampling run (`sample_posterior`, `ModelWrapper`), sample `k` has the parameters that the
    posterior gives it. Called by hand it is the model as it is, to train for instance. Its samples
    are joint.

    Args:
        module: Any module, reachable as `module`. It is never changed.
        posterior: What differs between samples.

    Raises:
        InvalidTypeError: `posterior` is no `Posterior`.

    Example:
        >>> class TwoSigns(Posterior):
        ...     n_samples = 2
        ...     def sample(self, number):
        ...         return {"weight": torch.ones(1, 1) * (-1) ** number}
        >>> model = PosteriorModule(nn.Linear(1, 1, bias=False), TwoSigns())
        >>> from baal.bayesian.sampling import sample_posterior
        >>> sample_posterior(model, torch.ones(1, 1), iterations=2)
        tensor([[[ 1., -1.]]])
    """

    posterior: Posterior

    def __init__(self, module: nn.Module, posterior: Posterior) -> None:
        if not isinstance(posterior, Posterior):
            raise InvalidTypeError(
                f"Expected `posterior` to be a Posterior, but got {type(posterior).__name__}."
            )
        super().__init__(module)
        # Not as a module of this one, should it be a module: its weights are not the model's.
        self.__dict__["posterior"] = posterior

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module inside, with the parameters of the sample that the pass stands for.

        Args:
            *args: Passed on.
            **kwargs: Passed on.

        Returns:
            What the module inside returns, such as a tensor `[B, C, ...]`.

        Raises:
            InvalidArgumentError: More samples are asked for than there are, or the posterior has
                values that do not fit the module.
            InvalidTypeError: The posterior has values that are no tensors.
            StateError: The samples are to be rows of one batch, which they cannot be.
        """
        now = current_pass()
        if now is None:
            return self.module(*args, **kwargs)
        return functional_call(self.module, self._values(now), args, kwargs)

    def _values(self, now: Pass) -> dict[str, torch.Tensor]:
        """What the sample has in place of the module's own parameters and buffers."""
        most, numbers = self.posterior.n_samples, now.numbers
        if most is not None and numbers.stop > most:
            if not (now.is_trial and most):
                raise InvalidArgumentError(
                    f"Expected at most {most} samples of {type(self.posterior).__name__}, but got "
                    f"`iterations` = {numbers.stop} or more."
                )
            numbers = range(most)[-1:]
        now.refuse_rows()
        own = {
            **dict(self.module.named_parameters(remove_duplicate=False)),
            **dict(self.module.named_buffers(remove_duplicate=False)),
        }
        with drawing():
            tables = self.posterior.stacked(numbers)
            _check_tables(self.posterior, tables, len(numbers))
            check_same_architecture(own, {name: table[0] for name, table in tables.items()})
            # What the module has under several names is one tensor: it gets one value.
            names = {id(own[name]): name for name in reversed(list(tables))}.values()
            tables = {name: tables[name].to(own[name]) for name in names}
        return each_of(tables, now)


def check_same_architecture(
    own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor], *, whole: bool = False
) -> None:
    """Refuse values that do not fit a model.

    Args:
        own: The model's, by name, of any shape.
        given: Those to be looked at, by name, of any shape.
        whole: All of the model's are to be there.

    Raises:
        InvalidArgumentError: A name is unknown or missing, or a shape differs.
        InvalidTypeError: They are no mapping of tensors.

    Example:
        >>> check_same_architecture({"weight": torch.ones(2)}, {"weight": torch.zeros(2)})
    """
    _check_tensors(given)
    unknown = sorted(set(given) - set(own))
    missing = sorted(set(own) - set(given)) if whole else []
    if unknown or missing:
        raise InvalidArgumentError(
            "Expected the parameters of the model's own architecture, but got unknown ones "
            f"{unknown[:5]}, and missing ones {missing[:5]}."
        )
    for name, value in given.items():
        if value.shape != own[name].shape:
            raise InvalidArgumentError(
                f"Expected {name!r} to have the shape {list(own[name].shape)} of the model's own, "
                f"but got {list(value.shape)}."
            )


def _check_tensors(values: Mapping[str, torch.Tensor]) -> None:
    if not isinstance(values, Mapping):
        raise InvalidTypeError(
            "Expected the values of a posterior sample to be a mapping of tensors by name, but got "
            f"{type(values).__name__}."
        )
    for name, value in values.items():
        if not isinstance(value, torch.Tensor):
            raise InvalidTypeError(
                f"Expected {name!r} to be a tensor, but got {type(value).__name__}."
            )


def _check_tables(posterior: Posterior, tables: Mapping[str, torch.Tensor], count: int) -> None:
    """Refuse tables of more or fewer samples than were asked for: rows would be mistaken."""
    _check_tensors(tables)
    for name, table in tables.items():
        if table.ndim == 0 or len(table) != count:
            raise InvalidArgumentError(
                f"Expected `stacked` of {type(posterior).__name__} to give {name!r} for {count} "
                f"sample(s), [{count}, ...], but got shape {list(table.shape)}."
            )
