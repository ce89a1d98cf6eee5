"""Consistent dropout: posterior sample `k` is the same function for every item.

BatchBALD and EPIG ask what the labels of several items have to do with each other. That is only
defined where sample `k` of one item and sample `k` of another come from the same model: Kirsch et
al., "BatchBALD" (2019), https://arxiv.org/abs/1906.08158, section 3.3.
"""

from torch import nn

from baal.bayesian.always_on import AlwaysOn, Dropout, Dropout2d
from baal.bayesian.common import BayesianModule, patch_layers
from baal.bayesian.dropout import unpatch_module
from baal.bayesian.joint import (
    Joint,
    check_batch_axis,
    draw_seed,
    make_functions_joint,
    make_joint,
    resample,
)
from baal.bayesian.patched_classes import drops, patched_class
from baal.bayesian.sampling.hidden import keep_hidden_dropout

__all__ = [
    "ConsistentDropout",
    "ConsistentDropout2d",
    "MCConsistentDropoutModule",
    "patch_module",
    "resample",
    "unpatch_module",
]


class _Consistent(AlwaysOn):
    """What the two layers below share, put before the layer's class among their bases."""

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        super().__init__(p)
        make_joint([self], seed)

    def reset(self) -> None:
        """Forget the masks of calls by hand: the next call draws new ones."""
        self.forget_masks()


class ConsistentDropout(_Consistent, Dropout):
    """Dropout with joint posterior samples: `[B, ...] -> [B, ...]`, element by element.

    Kirsch et al. (2019), "BatchBALD", https://arxiv.org/abs/1906.08158, section 3.3.

    In a sampling run (`sample_posterior`, `ModelWrapper`), sample `k` drops the same of every
    item, in every batch, until `resample`. Called by hand in eval mode, each place in the batch has
    a mask of its own, which stays until the shape changes, or `reset()` or `eval()` of the layer or
    of any parent is called. In training it is ordinary dropout.

    Args:
        p: Probability of an element to be dropped, in [0, 1].
        seed: Of the posterior samples; None: drawn from torch's global generator.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].
        InvalidArgumentError: `seed` is negative.

    Example:
        >>> import torch
        >>> from baal.bayesian.sampling import sample_posterior
        >>> a, b = sample_posterior(ConsistentDropout(0.5), torch.ones(2, 64), iterations=5)
        >>> bool((a == b).all())
        True
        >>> layer, x = ConsistentDropout(0.5).eval(), torch.ones(2, 64)
        >>> bool((layer(x) == layer(x)).all())
        True
    """

    unpatched_class = nn.Dropout


class ConsistentDropout2d(_Consistent, Dropout2d):
    """Channel-wise dropout with joint posterior samples: `[B, C, H, W] -> [B, C, H, W]`.

    Otherwise it is like `ConsistentDropout`, and from the same paper.

    Args:
        p: Probability of a channel to be dropped, in [0, 1].
        seed: Of the posterior samples; None: drawn from torch's global generator.

    Raises:
        ValueError: By torch, when `p` is outside of [0, 1].
        InvalidArgumentError: `seed` is negative.

    Example:
        >>> import torch
        >>> layer, x = ConsistentDropout2d(0.5).eval(), torch.ones(1, 64, 2, 2)
        >>> bool((layer(x) == layer(x)).all()), bool((layer(x) == layer.eval()(x)).all())
        (True, False)
    """

    unpatched_class = nn.Dropout2d


# The layers that BaaL 2.1 has names for; others keep the name of torch's.
_NAMED: dict[type[nn.Module], type[AlwaysOn]] = {
    Dropout: ConsistentDropout,
    Dropout2d: ConsistentDropout2d,
}


def _switch_on(layer: nn.Module) -> bool:
    if not drops(layer):
        return False
    kind = type(layer) if isinstance(layer, AlwaysOn) else patched_class(type(layer))
    layer.__class__ = _NAMED.get(kind, kind)
    return True


def patch_module(
    module: nn.Module,
    inplace: bool = True,
    *,
    seed: int | None = None,
    batch_axis: int | None = None,
) -> nn.Module:
    """Keep every dropout layer of a module on, the same for every item.

    All that `baal.bayesian.dropout.patch_module` keeps on, in recurrent layers, attention and
    functions too. Which axis is that of the items is seen on the first batch.

    Args:
        module: Any module; it may itself be a dropout layer.
        inplace: Patch `module` itself rather than a deep copy.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        batch_axis: The axis of the items in the input of all dropout layers, where that cannot be
            seen: for a model that takes batches of one size only, for instance.

    Returns:
        The patched module. Patching twice is patching once, with new samples.

    Raises:
        InvalidArgumentError: `seed` is negative.
        InvalidTypeError: `seed` or `batch_axis` is no whole number.

    Warns:
        UserWarning: The module has no dropout, and so no posterior.

    Example:
        >>> import torch
        >>> from baal.bayesian.sampling import sample_posterior
        >>> net = patch_module(nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3)), seed=0).eval()
        >>> x = torch.randn(6, 8)
        >>> whole = sample_posterior(net, x, iterations=20)
        >>> bool((whole[3:] - sample_posterior(net, x[3:], iterations=20)).abs().max() < 1e-5)
        True
    """
    seed, batch_axis = draw_seed(seed), check_batch_axis(batch_axis)
    patched = patch_layers(module, _switch_on, inplace=inplace)
    layers = [layer for layer in patched.modules() if isinstance(layer, AlwaysOn)]
    make_joint(layers, seed, batch_axis)
    keep_hidden_dropout(patched, True)
    make_functions_joint(patched, Joint(seed, len(layers), batch_axis))
    return patched


class MCConsistentDropoutModule(BayesianModule):
    """A module with consistent dropout: sample `k` of a sampling run is one function of all items.

    Kirsch et al. (2019), "BatchBALD", https://arxiv.org/abs/1906.08158, section 3.3.

    Args:
        module: The module to patch, in place.
        seed: Of the posterior samples; None: drawn from torch's global generator.
        batch_axis: See `patch_module`.

    Raises:
        InvalidArgumentError: `seed` is negative.
        InvalidTypeError: `seed` or `batch_axis` is no whole number.

    Warns:
        UserWarning: The module has no dropout, and so no posterior.

    Example:
        >>> import torch
        >>> model = MCConsistentDropoutModule(nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.5)))
        >>> x = torch.randn(2, 8)
        >>> bool((model.eval()(x) == model(x)).all()), bool((model(x) == model.eval()(x)).all())
        (True, False)
    """

    patching_function = patch_module
    unpatch_function = unpatch_module

    def __init__(
        self, module: nn.Module, *, seed: int | None = None, batch_axis: int | None = None
    ) -> None:
        super().__init__(module, seed=seed, batch_axis=batch_axis)

    def resample(self, seed: int | None = None) -> None:
        """Take other posterior samples from now on.

        Args:
            seed: Of the new samples; None: drawn from torch's global generator.

        Raises:
            InvalidArgumentError: `seed` is negative, or nothing is left to resample.
            InvalidTypeError: `seed` is no whole number.
        """
        resample(self.module, seed)
