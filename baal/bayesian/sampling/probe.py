"""What a model does with one batch: how much of it is random, where, and what can be relied on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from baal.bayesian.sampling.comparing import same_outputs, takes_items_alone
from baal.bayesian.sampling.context import in_stochastic_layer
from baal.bayesian.sampling.prefix import Prefix, is_random
from baal.bayesian.sampling.state import kept_buffers, stored_tensors
from baal.bayesian.sampling.trees import leaves_of
from baal.utils.iterutils import map_on_tensor
from baal.utils.random_states import RandomStates, kept_random_states

__all__ = ["Findings", "probe"]


@dataclass(frozen=True)
class Findings:
    """What `probe` found.

    Attributes:
        is_random: Two passes differ.
        whole_batch: Passes over several samples at once would not be right: the model draws from
            NumPy or `random`, or from a generator of its own, decides by values that differ between
            samples, or keeps tensors or a state between passes.
        shares_prefix: What comes before the first random operation can be computed once.
        changes_input: The model changes its input in place.
        stackable: Several samples may be rows of one batch: the model draws in the layers of
            `baal.bayesian.always_on` only, which do so item by item, and takes items alone.
        prefix_bytes: Bytes computed before the first random operation.
        random_bytes: Bytes computed from it on.
        largest_bytes: Bytes of the largest tensor computed from it on.

    Example:
        >>> Findings(True, False, True, False, True, 60, 40, 10).prefix_share
        0.6
    """

    is_random: bool
    whole_batch: bool
    shares_prefix: bool
    changes_input: bool
    stackable: bool
    prefix_bytes: int
    random_bytes: int
    largest_bytes: int

    @property
    def prefix_share(self) -> float:
        """Share of the work, measured in bytes, that comes before the first random operation."""
        return self.prefix_bytes / max(self.prefix_bytes + self.random_bytes, 1)


def probe(model: nn.Module, data: Any) -> Findings:
    """Make a few passes and compare them; random states and buffers are as before afterwards.

    A plain pass is repeated from the same random state with its prefix taken from another pass. If
    the model were not what it seems (randomness that torch does not know of, tensors changed in
    place or read behind torch's back), the two would differ.

    Args:
        model: A module.
        data: Its input, `[B, ...]` or a nested structure of such tensors; it stays as it is.

    Returns:
        What was found.

    Raises:
        Exception: Whatever the model itself raises in a plain pass.

    Example:
        >>> net = nn.Sequential(nn.Linear(9, 9), nn.Dropout(0.5))
        >>> with torch.no_grad():
        ...     findings = probe(net, torch.ones(4, 9))
        >>> findings.is_random, findings.shares_prefix
        (True, True)
    """
    copies = map_on_tensor(torch.clone, data)

    def forward() -> Any:
        return model(map_on_tensor(torch.clone, data))

    with kept_random_states() as start, kept_buffers(model) as buffers_changed:
        stored = stored_tensors(model)
        first = model(copies)
        changes_input = any(leaf._version > 0 for leaf in leaves_of(copies))  # noqa: SLF001
        whole_batch = start.host_changed() or buffers_changed() or stored != stored_tensors(model)
        start.restore()
        meter = _Meter()
        copies = map_on_tensor(torch.clone, data)
        try:
            with meter:
                metered = model(copies)
        except Exception:  # noqa: BLE001 - it runs without being watched, and that is enough
            return Findings(True, True, False, True, False, 0, 1, 0)
        other = RandomStates.current()
        prefix = Prefix(poison=True)
        try:
            second = prefix.run(forward)
            start.restore()
            shares_prefix = same_outputs(first, prefix.run(forward))
        except Exception:  # noqa: BLE001 - likewise
            other.restore()
            second, shares_prefix = forward(), False
        # Not the same from the same random states: something else makes it random.
        shares_prefix &= same_outputs(first, metered) and not buffers_changed()
        whole_batch |= meter.whole_batch or not shares_prefix
        return Findings(
            is_random=not same_outputs(first, second),
            whole_batch=whole_batch,
            shares_prefix=shares_prefix,
            changes_input=changes_input,
            stackable=not meter.other_randomness and _succeeds(takes_items_alone, model, data),
            prefix_bytes=meter.prefix_bytes,
            random_bytes=meter.random_bytes,
            largest_bytes=meter.largest_bytes,
        )


def _succeeds(question: Callable[[nn.Module, Any], bool], model: nn.Module, data: Any) -> bool:
    try:
        return question(model, data)
    except Exception:  # noqa: BLE001 - what cannot be seen is not relied on
        return False


class _Meter(TorchDispatchMode):
    """Weighs what a pass computes, before and after the first random operation."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix_bytes = self.random_bytes = self.largest_bytes = 0
        self.met_randomness = self.other_randomness = self.whole_batch = False
        self.states = RandomStates.current()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if is_random(func):
            self.met_randomness = True
            self.other_randomness |= not in_stochastic_layer()
            # A generator of its own, or a seed set anew: vmap would draw other numbers from it.
            own_generator = (kwargs or {}).get("generator") is not None
            self.whole_batch |= own_generator or self.states.torch_changed()
        # What `if tensor:` and `.item()` come down to.
        is_read = func is torch.ops.aten._local_scalar_dense.default  # noqa: SLF001
        self.whole_batch |= self.met_randomness and is_read
        result = func(*args, **(kwargs or {}))
        if is_random(func):
            self.states = RandomStates.current()
        if not func.is_view:
            for leaf in leaves_of(result):
                self.weigh(leaf.numel() * leaf.element_size())
        return result

    def weigh(self, n_bytes: int) -> None:
        if self.met_randomness:
            self.random_bytes += n_bytes
            self.largest_bytes = max(self.largest_bytes, n_bytes)
        else:
            self.prefix_bytes += n_bytes
