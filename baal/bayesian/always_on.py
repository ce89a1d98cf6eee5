"""Layers of torch that go on dropping in eval mode."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from baal.bayesian.joint import joint_of
from baal.bayesian.sampling.context import (
    end_prefix,
    is_silenced,
    is_vmapped,
    stochastic_layer,
)
from baal.bayesian.sampling.keeping import draw_keep
from baal.bayesian.sampling.one_function import ByHand, drawn_by
from baal.bayesian.sampling.passes import current_pass

__all__ = [
    "LAYERS",
    "AlphaDropout",
    "AlwaysOn",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]

SelfT = TypeVar("SelfT", bound="AlwaysOn")

# Where a layer keeps the masks that it has when it is called by hand.
_MASKS = "_masks_by_call"


class AlwaysOn(nn.Module):
    """Runs a layer's own forward pass as if in training, whatever its mode.

    Subclasses put it before the layer's class among their bases. With joint samples (see
    `baal.bayesian.joint`), what it drops in a sampling run is the same for every item; called by
    hand in eval mode, it drops the same as long as the shape stays and `eval()` is not called.

    Attributes:
        unpatched_class: What the layer is when it is not patched.

    Example:
        >>> isinstance(Dropout(0.5), AlwaysOn), Dropout.unpatched_class.__name__
        (True, 'Dropout')
    """

    unpatched_class: ClassVar[type[nn.Module]]
    # Attributes that have another value during the forward pass.
    forced: ClassVar[dict[str, Any]] = {"training": True}
    # It draws nothing itself: layers below it do, each for itself.
    is_container: ClassVar[bool] = False
    # Each item has numbers of its own, wherever it is in the batch.
    draws_by_item: ClassVar[bool] = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer with its dropout on.

        Args:
            *args: Passed on.
            **kwargs: Passed on.

        Returns:
            What the layer returns.
        """
        forced = {**self.forced, "training": False} if is_silenced() else self.forced
        if is_vmapped() and "inplace" in self.__dict__:
            # In place, K different results have no room in one tensor.
            forced = {**forced, "inplace": False}
        chosen = self._chosen_masks()
        # Straight in the instance's dict: `nn.Module.__setattr__` is slow, and this runs often.
        kept = {name: self.__dict__[name] for name in forced}
        self.__dict__.update(forced)
        is_known = self.draws_by_item and not self.is_container
        try:
            with stochastic_layer() if is_known else nullcontext(), chosen:
                return super().forward(*args, **kwargs)
        finally:
            self.__dict__.update(kept)

    def _chosen_masks(self) -> AbstractContextManager[Any]:
        """Where masks come from during a pass; torch's own generator gives them by default."""
        if self.is_container or joint_of(self) is None:
            return nullcontext()
        if current_pass() is not None:
            return drawn_by(self)
        return nullcontext() if self.training else ByHand(self.__dict__.setdefault(_MASKS, {}))

    def train(self: SelfT, mode: bool = True) -> SelfT:
        """Set the mode; `eval()` forgets masks that were kept.

        Args:
            mode: True for training.

        Returns:
            The layer itself.
        """
        if not mode:
            self.forget_masks()
        return super().train(mode)

    def forget_masks(self) -> None:
        """Forget the masks of calls by hand: the next call draws new ones."""
        self.__dict__.pop(_MASKS, None)


class _DropsAtOnce(AlwaysOn):
    """One that does nothing but drop: the prefix ends where it begins, if it drops anything."""

    p: float

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.p > 0:
            end_prefix()
        return super().forward(*args, **kwargs)


class Dropout(_DropsAtOnce, nn.Dropout):
    """`torch.nn.Dropout` that drops in eval mode too: `[...] -> [...]`, element by element.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout(p=1.0).eval()(torch.ones(3))
        tensor([0., 0., 0.])
    """

    unpatched_class = nn.Dropout

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
        """Drop elements.

        Args:
            input: Any shape `[...]`.

        Returns:
            The same shape, its elements 0 with probability `p`, else divided by `1 - p`.
        """
        fast = input.device.type == "cpu" and 0 < self.p < 1 and input.is_floating_point()
        if not fast or is_silenced() or joint_of(self) is not None:
            dropped: torch.Tensor = super().forward(input)
            return dropped
        end_prefix()
        with stochastic_layer():
            # On a CPU, torch draws Bernoulli numbers one by one, and multiplies slowly by booleans.
            keep = draw_keep(input.shape, self.p).to(input.dtype)
        dropped = (input * (1 / (1 - self.p))) * keep
        return input.copy_(dropped) if self.inplace and not is_vmapped() else dropped


class Dropout1d(_DropsAtOnce, nn.Dropout1d):
    """`torch.nn.Dropout1d` that drops in eval mode too.

    Shape `[B, C, L]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout1d(p=0.5).eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    unpatched_class = nn.Dropout1d


class Dropout2d(_DropsAtOnce, nn.Dropout2d):
    """`torch.nn.Dropout2d` that drops in eval mode too.

    Shape `[B, C, H, W]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout2d(p=0.5).eval()(torch.ones(1, 2, 3, 3)).shape
        torch.Size([1, 2, 3, 3])
    """

    unpatched_class = nn.Dropout2d


class Dropout3d(_DropsAtOnce, nn.Dropout3d):
    """`torch.nn.Dropout3d` that drops in eval mode too.

    Shape `[B, C, D, H, W]`, in and out; it drops channel by channel.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> Dropout3d(p=0.5).eval()(torch.ones(1, 2, 3, 3, 3)).shape
        torch.Size([1, 2, 3, 3, 3])
    """

    unpatched_class = nn.Dropout3d


class AlphaDropout(_DropsAtOnce, nn.AlphaDropout):
    """`torch.nn.AlphaDropout` that drops in eval mode too.

    Shape `[...]`, in and out; it drops elements, keeping mean and variance for SELU.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> AlphaDropout(p=0.5).eval()(torch.ones(4)).shape
        torch.Size([4])
    """

    unpatched_class = nn.AlphaDropout


class FeatureAlphaDropout(_DropsAtOnce, nn.FeatureAlphaDropout):
    """`torch.nn.FeatureAlphaDropout` that drops in eval mode too.

    Shape `[B, C, ...]`, in and out; it drops channel by channel, for SELU.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].

    Example:
        >>> import torch
        >>> FeatureAlphaDropout(p=0.5).eval()(torch.ones(1, 2, 3)).shape
        torch.Size([1, 2, 3])
    """

    unpatched_class = nn.FeatureAlphaDropout


class LSTM(AlwaysOn, nn.LSTM):
    """`torch.nn.LSTM` whose dropout between its layers is on in eval mode too.

    Shapes as in torch. Draws K posterior samples one pass at a time: under `vmap` they would all
    be the same.

    Example:
        >>> import torch
        >>> LSTM(4, 3, num_layers=2, dropout=0.5).eval()(torch.ones(5, 1, 4))[0].shape
        torch.Size([5, 1, 3])
    """

    unpatched_class = nn.LSTM


class GRU(AlwaysOn, nn.GRU):
    """`torch.nn.GRU` whose dropout between its layers is on in eval mode too; see `LSTM`.

    Example:
        >>> import torch
        >>> GRU(4, 3, num_layers=2, dropout=0.5).eval()(torch.ones(5, 1, 4))[0].shape
        torch.Size([5, 1, 3])
    """

    unpatched_class = nn.GRU


class RNN(AlwaysOn, nn.RNN):
    """`torch.nn.RNN` whose dropout between its layers is on in eval mode too; see `LSTM`.

    Example:
        >>> import torch
        >>> RNN(4, 3, num_layers=2, dropout=0.5).eval()(torch.ones(5, 1, 4))[0].shape
        torch.Size([5, 1, 3])
    """

    unpatched_class = nn.RNN


class MultiheadAttention(AlwaysOn, nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` that drops attention weights in eval mode too.

    Example:
        >>> import torch
        >>> x = torch.ones(5, 1, 4)
        >>> MultiheadAttention(4, 2, dropout=0.5).eval()(x, x, x)[0].shape
        torch.Size([5, 1, 4])
    """

    unpatched_class = nn.MultiheadAttention


class TransformerEncoderLayer(AlwaysOn, nn.TransformerEncoderLayer):
    """`torch.nn.TransformerEncoderLayer` without its fast path, which leaves all dropout out.

    Example:
        >>> import torch
        >>> TransformerEncoderLayer(4, 2, 8).eval()(torch.ones(5, 1, 4)).shape
        torch.Size([5, 1, 4])
    """

    unpatched_class = nn.TransformerEncoderLayer
    is_container = True


class TransformerEncoder(AlwaysOn, nn.TransformerEncoder):
    """`torch.nn.TransformerEncoder` without nested tensors, which only its fast path can take.

    Example:
        >>> import torch
        >>> layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        >>> TransformerEncoder(layer, 2).eval()(torch.ones(1, 5, 4)).shape
        torch.Size([1, 5, 4])
    """

    unpatched_class = nn.TransformerEncoder
    is_container = True
    forced: ClassVar[dict[str, Any]] = {"use_nested_tensor": False}


LAYERS: dict[type[nn.Module], type[AlwaysOn]] = {
    layer.unpatched_class: layer
    for layer in (
        Dropout,
        Dropout1d,
        Dropout2d,
        Dropout3d,
        AlphaDropout,
        FeatureAlphaDropout,
        LSTM,
        GRU,
        RNN,
        MultiheadAttention,
        TransformerEncoderLayer,
        TransformerEncoder,
    )
}
"""By class of torch, the class whose dropout stays on."""
