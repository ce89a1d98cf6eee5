"""The part of a wrapper that holds the model: its weights, its mode, its device."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.amp import GradScaler

from baal.exceptions import InvalidTypeError
from baal.training.schedule import TrainingState
from baal.training_args import TrainingArgs

__all__ = ["ModelHolder", "reset_layers"]


def reset_layers(model: nn.Module, kind: type[nn.Module] = nn.Module) -> None:
    """Draw the weights of layers anew, from torch's global generator.

    Args:
        model: Its layers are reset by their own `reset_parameters`; those that have none stay.
        kind: Only layers of that class.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> before = layer.weight.detach().clone()
        >>> reset_layers(nn.Sequential(layer), nn.Linear)
        >>> torch.equal(layer.weight, before)
        False
    """
    for module in model.modules():
        # Attention and Transformers have theirs under a private name.
        names = ("reset_parameters", "_reset_parameters")
        reset = next((getattr(module, name) for name in names if hasattr(module, name)), None)
        if isinstance(module, kind) and callable(reset):
            reset()


class ModelHolder:
    """Holds a model and how it is trained.

    Args:
        model: Any module.
        args: How to train and predict.

    Raises:
        InvalidTypeError: `args` is a module, such as a criterion.

    Example:
        >>> ModelHolder(nn.Linear(3, 2), TrainingArgs()).device
        device(type='cpu')
    """

    def __init__(self, model: nn.Module, args: TrainingArgs) -> None:
        if isinstance(args, nn.Module):  # BaaL 1's second argument was the criterion
            raise InvalidTypeError(
                f"Expected `args` to be TrainingArgs, but got {type(args).__name__}: pass "
                "TrainingArgs(criterion=...)."
            )
        self.model = model
        self.args = args
        self.training_state = TrainingState(args)
        if args.channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device(self) -> torch.device:
        """Where the model is, and where batches go."""
        parameter = next(self.model.parameters(), None)
        if parameter is not None:
            return parameter.device
        return torch.device("cuda" if self.args.use_cuda else "cpu")

    @property
    def grad_scaler(self) -> GradScaler | None:
        """What scales the loss where `args.mixed_precision` is float16; else None."""
        return self.training_state.scaler(self.args, self.device)

    def get_params(self) -> Iterator[nn.Parameter]:
        """The model's parameters.

        Returns:
            An iterator, as an optimizer takes it.
        """
        return self.model.parameters()

    def state_dict(self) -> dict[str, Any]:
        """The model's weights and buffers.

        Returns:
            Tensors by name; they share memory with the model, so copy them to keep them.
        """
        state: dict[str, Any] = self.model.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Load the model's weights; what belongs to the old ones is dropped.

        That is what the optimizer remembers and, where `args` has a scheduler or float16, the
        scheduler's place, the learning rates that it set, and the scale of gradients.

        Args:
            state_dict: Tensors by name.
            strict: Refuse missing and unexpected names.

        Raises:
            RuntimeError: By torch, when names or shapes do not fit.
        """
        self.model.load_state_dict(state_dict, strict=strict)
        self.training_state.reset(self.args)

    def train(self) -> None:
        """Put the model into training mode."""
        self.model.train()

    def eval(self) -> None:
        """Put the model into eval mode."""
        self.model.eval()

    def reset_fcs(self) -> None:
        """Draw the weights of all linear layers anew, from torch's global generator."""
        self._reset(nn.Linear)

    def reset_all(self) -> None:
        """Draw the weights of all layers that know how to anew, from torch's global generator.

        Parameters that a module of your own holds itself stay, unless it has `reset_parameters`. To
        be sure, keep a copy of `state_dict()` and load it.
        """
        self._reset(nn.Module)

    def _reset(self, kind: type[nn.Module]) -> None:
        reset_layers(self.model, kind)
        self.training_state.reset(self.args)
