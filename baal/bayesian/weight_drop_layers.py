"""Layers whose weights are dropped; see `baal.bayesian.weight_drop`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import ref

import numpy as np
import torch
from torch import nn

from baal.bayesian.joint import joint_of, make_joint
from baal.bayesian.sampling.context import end_prefix, is_silenced
from baal.bayesian.sampling.keyed import keep_mask
from baal.bayesian.sampling.passes import current_pass, for_samples, per_sample
from baal.bayesian.sampling.scaling import scale_kept
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "WEIGHT_DROP_LAYERS",
    "WeightDrop",
    "WeightDropConv1d",
    "WeightDropConv2d",
    "WeightDropConv3d",
    "WeightDropGRU",
    "WeightDropLSTM",
    "WeightDropLinear",
    "check_weight_dropout",
    "names_of_dropped",
]

# A layer may also drop between its layers, as an LSTM does: no call is to have the same numbers.
FIRST_CALL = 2**31


def check_weight_dropout(weight_dropout: float) -> None:
    """Refuse a probability that is none.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).

    Raises:
        InvalidArgumentError: It is outside.
        InvalidTypeError: It is no number.

    Example:
        >>> check_weight_dropout(0.5)
    """
    if isinstance(weight_dropout, bool) or not isinstance(
        weight_dropout, int | float | np.floating
    ):
        raise InvalidTypeError(
            f"Expected `weight_dropout` to be a number in [0, 1), but got {weight_dropout!r}."
        )
    if not 0 <= weight_dropout < 1:
        raise InvalidArgumentError(
            f"Expected `weight_dropout` to be in [0, 1), but got {weight_dropout}."
        )


def names_of_dropped(layer: nn.Module) -> list[str]:
    """The parameters of a layer that are dropped: its weight, or input and recurrent weights.

    Args:
        layer: A layer of `WEIGHT_DROP_LAYERS`, or its like in torch.

    Returns:
        Their names in the layer.

    Example:
        >>> names_of_dropped(nn.GRU(3, 2)), names_of_dropped(nn.Linear(3, 2))
        (['weight_ih_l0', 'weight_hh_l0'], ['weight'])
    """
    if not isinstance(layer, nn.RNNBase):
        return ["weight"]
    return [name for name in layer._parameters if name.startswith(("weight_ih", "weight_hh"))]  # noqa: SLF001


class WeightDrop(nn.Module):
    """Runs a layer with some of its weights dropped, put before its class among the bases.

    Wan et al. (2013), "Regularization of neural networks using DropConnect",
    https://proceedings.mlr.press/v28/wan13.html.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: Of the layer.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: Of the layer.

    Attributes:
        undropped_class: What the layer is when it is not patched.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> isinstance(WeightDropLinear(0.5, in_features=3, out_features=2), WeightDrop)
        True
    """

    undropped_class: ClassVar[type[nn.Module]]
    weight_dropout: float

    def __init__(
        self, weight_dropout: float = 0.0, *args: Any, seed: int | None = None, **kwargs: Any
    ) -> None:
        check_weight_dropout(weight_dropout)
        super().__init__(*args, **kwargs)
        self.weight_dropout = float(weight_dropout)
        make_joint([self], seed)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer with other weights dropped than the time before.

        In a sampling run, sample `k` always drops the same ones.

        Args:
            *args: Passed on.
            **kwargs: Passed on.

        Returns:
            What the layer returns.
        """
        if self.weight_dropout == 0 or is_silenced():
            return super().forward(*args, **kwargs)
        with self._in_place_of_weights(self._dropped()):
            return super().forward(*args, **kwargs)

    def _dropped(self) -> dict[str, torch.Tensor]:
        names = names_of_dropped(self)
        # Not by `get_parameter`: an ensemble puts tensors in place of parameters.
        return {name: self._drop(call, getattr(self, name)) for call, name in enumerate(names)}

    def _drop(self, call: int, weight: torch.Tensor) -> torch.Tensor:
        """The weight with some elements dropped, those of the sample that the pass stands for."""
        now, joint, p = current_pass(), joint_of(self), self.weight_dropout
        if now is None or joint is None:
            end_prefix()
            return scale_kept(weight, torch.rand(weight.shape, device=weight.device) >= p, p)

        key = joint.seed, joint.number, FIRST_CALL + call

        def draw(number: int) -> torch.Tensor:
            mask = torch.from_numpy(keep_mask(*key, number, p, weight.numel()))
            return mask.view(weight.shape).to(weight.device)

        def drop_all() -> torch.Tensor:
            scaled, table = weight / (1 - p), weight.new_empty(now.count, *weight.shape)
            for row, number in zip(table, now.numbers, strict=True):
                torch.mul(scaled, draw(number), out=row)
            return table

        if torch._C._functorch.is_batchedtensor(weight):  # noqa: SLF001
            # Each sample has a weight of its own already, as a member of an ensemble.
            return scale_kept(weight, per_sample(draw), p)
        return for_samples(now, drop_all)

    @contextmanager
    def _in_place_of_weights(self, dropped: dict[str, torch.Tensor]) -> Iterator[None]:
        weights = {name: self._parameters[name] for name in dropped}
        lists = ("_flat_weights", "_flat_weight_refs")
        kept = {name: self.__dict__[name] for name in lists if name in self.__dict__}
        # Tensors will do: the layer only reads them.
        self.__dict__["_parameters"].update(dropped)
        if kept:
            # Recurrent layers go by a list of their own. They would make it anew for these weights,
            # and on a GPU move all of them, at each call.
            flat = [self._parameters[name] for name in self.__dict__["_flat_weights_names"]]
            refs = [None if weight is None else ref(weight) for weight in flat]
            self.__dict__.update(_flat_weights=flat, _flat_weight_refs=refs)
        try:
            yield
        finally:
            self._parameters.update(weights)
            self.__dict__.update(kept)

    def extra_repr(self) -> str:
        """The settings of the layer."""
        return f"{super().extra_repr()}, weight_dropout={self.weight_dropout}"


class WeightDropLinear(WeightDrop, nn.Linear):
    """`torch.nn.Linear` whose weight is dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropLinear(0.5, in_features=3, out_features=2)
        >>> layer(torch.ones(4, 3)).shape
        torch.Size([4, 2])
    """

    undropped_class = nn.Linear


class WeightDropConv1d(WeightDrop, nn.Conv1d):
    """`torch.nn.Conv1d` whose weight is dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropConv1d(0.5, in_channels=3, out_channels=2, kernel_size=3)
        >>> layer(torch.ones(4, 3, 8)).shape
        torch.Size([4, 2, 6])
    """

    undropped_class = nn.Conv1d


class WeightDropConv2d(WeightDrop, nn.Conv2d):
    """`torch.nn.Conv2d` whose weight is dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropConv2d(0.5, in_channels=3, out_channels=2, kernel_size=3)
        >>> layer(torch.ones(4, 3, 8, 8)).shape
        torch.Size([4, 2, 6, 6])
    """

    undropped_class = nn.Conv2d


class WeightDropConv3d(WeightDrop, nn.Conv3d):
    """`torch.nn.Conv3d` whose weight is dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropConv3d(0.5, in_channels=3, out_channels=2, kernel_size=3)
        >>> layer(torch.ones(4, 3, 8, 8, 8)).shape
        torch.Size([4, 2, 6, 6, 6])
    """

    undropped_class = nn.Conv3d


class WeightDropLSTM(WeightDrop, nn.LSTM):
    """`torch.nn.LSTM` whose input and recurrent weights are dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropLSTM(0.5, input_size=3, hidden_size=2)
        >>> layer(torch.ones(5, 4, 3))[0].shape
        torch.Size([5, 4, 2])
    """

    undropped_class = nn.LSTM


class WeightDropGRU(WeightDrop, nn.GRU):
    """`torch.nn.GRU` whose input and recurrent weights are dropped, in eval mode too.

    MC-DropConnect (Wan et al. 2013): see `WeightDrop`.

    Shapes are as in torch.

    Args:
        weight_dropout: Probability of a weight to be dropped, in [0, 1).
        *args: As in torch.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        **kwargs: As in torch.

    Raises:
        InvalidArgumentError: `weight_dropout` is outside of [0, 1), or `seed` is negative.
        InvalidTypeError: One of them is no number.

    Example:
        >>> layer = WeightDropGRU(0.5, input_size=3, hidden_size=2)
        >>> layer(torch.ones(5, 4, 3))[0].shape
        torch.Size([5, 4, 2])
    """

    undropped_class = nn.GRU


WEIGHT_DROP_LAYERS: dict[type[nn.Module], type[WeightDrop]] = {
    layer.undropped_class: layer
    for layer in (
        WeightDropLinear,
        WeightDropConv1d,
        WeightDropConv2d,
        WeightDropConv3d,
        WeightDropLSTM,
        WeightDropGRU,
    )
}
"""By class of torch, the class whose weights are dropped."""
