"""An ensemble of models of one architecture, seen as posterior samples.

Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
ensembles" (2017), https://arxiv.org/abs/1612.01474. The checkpoints of a single run will do as
well: Huang et al., "Snapshot ensembles" (2017), https://arxiv.org/abs/1704.00109.
"""

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

import torch
from torch import nn

from baal.bayesian.posterior import Posterior, PosteriorModule, check_same_architecture
from baal.bayesian.sampling import sample_posterior
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import ModelWrapper
from baal.training_args import TrainingArgs
from baal.utils.cuda_utils import to_device

__all__ = ["Ensemble", "EnsembleModelWrapper", "ensemble_prediction"]

Weights = Mapping[str, torch.Tensor]


class Ensemble(Posterior):
    """Members of an ensemble as posterior samples: sample `k` is member `k`.

    Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation using
    deep ensembles", https://arxiv.org/abs/1612.01474.

    Args:
        members: The `state_dict` of each. They are not copied.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> members = Ensemble([nn.Linear(3, 2).state_dict() for _ in range(5)])
        >>> sample_posterior(PosteriorModule(net, members), torch.ones(4, 3), iterations=5).shape
        torch.Size([4, 2, 5])
    """

    def __init__(self, members: Sequence[Weights] = ()) -> None:
        self._members: tuple[Weights, ...] = tuple(members)
        # Of which samples, their tensors, the versions of these, and what was made of them.
        self._stacked: tuple[range, list[torch.Tensor], list[int], Weights] | None = None

    @property
    def n_samples(self) -> int:  # type: ignore[override]
        """Number of members."""
        return len(self._members)

    @property
    def members(self) -> tuple[Weights, ...]:
        """The `state_dict` of each member."""
        return self._members

    @members.setter
    def members(self, members: Sequence[Weights]) -> None:
        self._members, self._stacked = tuple(members), None

    def sample(self, number: int) -> Weights:
        """The weights and buffers of one member.

        Args:
            number: From 0 to `n_samples - 1`.

        Returns:
            Its `state_dict`.
        """
        return self._members[number]

    def stacked(self, numbers: range) -> Weights:
        """The weights and buffers of several members; remembered until one of them changes.

        Args:
            numbers: Of the members.

        Returns:
            By name, tensors `[len(numbers), ...]`.
        """
        if len(numbers) == 1:
            return super().stacked(numbers)
        tensors = [v for number in numbers for v in self.sample(number).values()]
        if any(tensor.is_inference() for tensor in tensors):
            return super().stacked(numbers)  # these do not tell when they are changed in place
        # Members may be the weights of models that go on training.
        versions = [tensor._version for tensor in tensors]  # noqa: SLF001
        if self._stacked is not None and self._stacked[0] == numbers:
            _, before, versions_before, tables = self._stacked
            if versions == versions_before and all(map(is_, tensors, before)):
                return tables
        tables = super().stacked(numbers)
        self._stacked = (numbers, tensors, versions, tables)
        return tables


class EnsembleModelWrapper(ModelWrapper):
    """A `ModelWrapper` whose posterior samples are checkpoints of its model.

    Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation using
    deep ensembles", https://arxiv.org/abs/1612.01474. Checkpoints of one run: Huang et
    al. (2017), "Snapshot ensembles", https://arxiv.org/abs/1704.00109.

    Train the model, `add_checkpoint()`, start from other weights, train again, and so on; or add a
    checkpoint every few epochs of one run. Predicting takes all of them, whatever `iterations` is,
    and leaves the model's own weights alone. Testing averages all of them; as long as there are
    none, it tests the model.

    Args:
        model: Any module.
        args: How to train and predict.

    Example:
        >>> wrapper = EnsembleModelWrapper(nn.Linear(3, 2), TrainingArgs())
        >>> for _ in range(5):
        ...     wrapper.reset_all()  # and train it
        ...     wrapper.add_checkpoint()
        >>> wrapper.predict_on_batch(torch.ones(4, 3)).shape
        torch.Size([4, 2, 5])
    """

    def __init__(self, model: nn.Module, args: TrainingArgs) -> None:
        super().__init__(model, args)
        self._ensemble = Ensemble()
        self._sampler = PosteriorModule(model, self._ensemble)

    @property
    def checkpoints(self) -> tuple[Weights, ...]:
        """The `state_dict` of each member."""
        return self._ensemble.members

    def add_checkpoint(self, weights: Weights | None = None) -> None:
        """Add a member.

        Args:
            weights: Its `state_dict`, tensors of the model's shapes; None: the model's weights of
                this moment, as a copy.

        Raises:
            InvalidArgumentError: They are of another architecture than the model.
        """
        own = self.model.state_dict()
        if weights is not None:
            check_same_architecture(own, weights, whole=True)
        device = self.device
        member = {k: v.detach().to(device, copy=True) for k, v in (weights or own).items()}
        self._ensemble.members = (*self._ensemble.members, member)

    def clear_checkpoints(self) -> None:
        """Forget all members."""
        self._ensemble.members = ()

    def predict_on_batch(self, data: Any, iterations: int = 1, cuda: bool = False) -> Any:  # noqa: ARG002
        """The predictions of all members for one batch.

        Args:
            data: Input of the model, `[B, ...]`.
            iterations: Makes no difference: there are as many samples as members.
            cuda: Makes no difference: data goes where the model is.

        Returns:
            What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., members]`.

        Raises:
            InvalidArgumentError: There is no member.
        """
        _check_members(self.checkpoints)
        return super().predict_on_batch(data, len(self.checkpoints))

    @property
    def sampled_model(self) -> nn.Module:
        """What is sampled: the members if there are any, else the model."""
        if self._sampler.module is not self.model:
            self._sampler = PosteriorModule(self.model, self._ensemble)
        return self._sampler if self.checkpoints else self.model

    def _samples_to_test(self, data: Any, average_predictions: int) -> Any:
        """Of all members, or of the model if there are none."""
        if self.checkpoints:
            return self.predict_on_batch(data)
        return super().predict_on_batch(data, average_predictions)

    def state_dict(self) -> dict[str, Any]:
        """The model's weights and buffers, and those of the members as `checkpoints.{k}.{name}`.

        Returns:
            Tensors by name; they share memory with the wrapper, so copy them to keep them.
        """
        state = super().state_dict()
        for number, member in enumerate(self.checkpoints):
            state.update({f"{_PREFIX}{number}.{name}": v for name, v in member.items()})
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Load the model's weights and, if there are any, the members.

        Args:
            state_dict: Tensors by name. Without members in it, those that are there stay: so the
                model can be started again from other weights between two checkpoints.
            strict: Refuse missing and unexpected names.

        Raises:
            InvalidArgumentError: A member is of another architecture than the model.
            RuntimeError: By torch, when names or shapes do not fit.
        """
        own: dict[str, Any] = {}
        members: dict[int, dict[str, Any]] = {}
        for key, value in state_dict.items():
            number, _, name = key.removeprefix(_PREFIX).partition(".")
            if key.startswith(_PREFIX) and number.isdecimal():
                members.setdefault(int(number), {})[name] = value.detach().to(
                    self.device, copy=True
                )
            else:
                own[key] = value
        for member in members.values():
            check_same_architecture(self.model.state_dict(), member, whole=True)
        super().load_state_dict(own, strict)
        if members:
            self._ensemble.members = [members[number] for number in sorted(members)]


_PREFIX = "checkpoints."


def ensemble_prediction(
    data: Any, model: nn.Module, weights: Sequence[Weights], cuda: bool = False
) -> Any:
    """The predictions of several models of one architecture.

    Args:
        data: Input of the model, `[B, ...]`, or a nested structure of such tensors.
        model: The architecture, called in the mode it is in; its own weights stay as they are.
        weights: The `state_dict` of each member, tensors of the model's shapes.
        cuda: Move the data to the GPU, where the model is to be.

    Returns:
        What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., members]`.

    Raises:
        InvalidArgumentError: There is no member, or one is of another architecture.

    Example:
        >>> members = [nn.Linear(3, 2).state_dict() for _ in range(5)]
        >>> ensemble_prediction(torch.ones(4, 3), nn.Linear(3, 2), members).shape
        torch.Size([4, 2, 5])
    """
    _check_members(weights)
    for member in weights:
        check_same_architecture(model.state_dict(), member, whole=True)
    data = to_device(data, torch.device("cuda")) if cuda else data
    return sample_posterior(PosteriorModule(model, Ensemble(weights)), data, len(weights))


def _check_members(members: Sequence[Weights]) -> None:
    if not members:
        raise InvalidArgumentError(
            "Expected an ensemble with at least one member, but got none: train the model and "
            "call `add_checkpoint` first."
        )
