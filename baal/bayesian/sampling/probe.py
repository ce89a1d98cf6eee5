"""What a model does with one batch: how much of it is random, where, and what can be relied on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from baal.bayesian.sampling.comparing import gives_items_alike, same_outputs, takes_items_alone
from baal.bayesian.sampling.context import in_stochastic_layer, prefix_mode
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.prefix import Prefix, is_random
from baal.bayesian.sampling.recording import takes_any_of
from baal.bayesian.sampling.state import kept_buffers, stored_tensors
from baal.bayesian.sampling.trees import leaves_of, n_items
from baal.utils.iterutils import map_on_tensor
from baal.utils.random_states import RandomStates, kept_random_states

__all__ = ["Findings", "looks_joint", "probe"]


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
        is_joint: A posterior sample is the same function for every item, whatever else is in its
            batch and whatever was drawn before.
        weight_bytes: Bytes of the largest tensor, such as a weight, that each sample has a value of
            its own of.

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
    is_joint: bool = False
    weight_bytes: int = 0

    @property
    def prefix_share(self) -> float:
        """Share of the work, measured in bytes, that comes before the first random operation."""
        return self.prefix_bytes / max(self.prefix_bytes + self.random_bytes, 1)


def probe(model: nn.Module, data: Any, call: Callable[[Any], Any] | None = None) -> Findings:
    """Make a few passes and compare them; random states and buffers are as before afterwards.

    A plain pass is repeated from the same random state with its prefix taken from another pass. If
    the model were not what it seems (randomness that torch does not know of, tensors changed in
    place or read behind torch's back), the two would differ.

    Args:
        model: A module.
        data: Its input, `[B, ...]` or a nested structure of such tensors; it stays as it is.
        call: Calls it; None: as it is.

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
    call = call or model
    items = n_items(data)

    def forward(number: int, copies: Any = None) -> Any:
        if copies is None:
            copies = map_on_tensor(torch.clone, data)
        with forward_pass(Pass(number, items=items, is_trial=True)):
            return call(copies)

    with kept_random_states() as start, kept_buffers(model) as buffers_changed:
        stored = stored_tensors(model)
        copies = map_on_tensor(torch.clone, data)
        with forward_pass(Pass(0, items=items)) as seen:
            first = call(copies)
        changes_input = any(leaf._version > 0 for leaf in leaves_of(copies))  # noqa: SLF001
        whole_batch = start.host_changed() or buffers_changed() or stored != stored_tensors(model)
        start.restore()
        meter = _Meter()
        copies = map_on_tensor(torch.clone, data)
        try:
            metered = meter.run(lambda: forward(0, copies))
        except Exception:  # noqa: BLE001 - it runs without being watched, and that is enough
            return Findings(True, True, False, True, False, 0, 1, 0)
        other = RandomStates.current()
        prefix = Prefix(poison=True)
        try:
            second = prefix.run(lambda: forward(1))
            start.restore()
            shares_prefix = same_outputs(first, prefix.run(lambda: forward(0)))
        except Exception:  # noqa: BLE001 - likewise
            other.restore()
            second, shares_prefix = forward(1), False
        # Not the same from the same random states: something else makes it random.
        shares_prefix &= same_outputs(first, metered) and not buffers_changed()
        whole_batch |= meter.whole_batch or not shares_prefix
        is_joint = not meter.is_random and not whole_batch and looks_joint(model, call, data)
        by_item = not meter.other_randomness and not seen.is_whole
        return Findings(
            is_random=not same_outputs(first, second),
            whole_batch=whole_batch,
            shares_prefix=shares_prefix,
            changes_input=changes_input,
            stackable=by_item and (is_joint or _succeeds(takes_items_alone, call, data)),
            is_joint=is_joint,
            weight_bytes=meter.weight_bytes,
            prefix_bytes=meter.prefix_bytes,
            random_bytes=meter.random_bytes,
            largest_bytes=meter.largest_bytes,
        )


def looks_joint(model: nn.Module, call: Callable[[Any], Any], data: Any) -> bool:
    """Whether a posterior sample of a model was seen to be the same function for every item.

    Args:
        model: A stochastic module.
        call: Calls it.
        data: Some items, `[B, ...]` or a nested structure of such tensors.

    Returns:
        False also where it fails, draws from a global generator, or keeps a state.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> looks_joint(net, net, torch.eye(2))
        True
    """
    with kept_random_states() as start, kept_buffers(model) as buffers_changed:
        alike = _succeeds(gives_items_alike, call, data)
        return alike and not (buffers_changed() or start.host_changed() or start.torch_changed())


def _succeeds(question: Callable[[Any, Any], bool], call: Callable[[Any], Any], data: Any) -> bool:
    try:
        return question(call, data)
    except Exception:  # noqa: BLE001 - what cannot be seen is not relied on
        return False


class _Meter(TorchDispatchMode):
    """Weighs what a pass computes, before and after the first random operation."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix_bytes = self.random_bytes = self.largest_bytes = self.weight_bytes = 0
        self.met_randomness = self.other_randomness = self.whole_batch = self.is_random = False
        self.states = RandomStates.current()
        self.differing: dict[int, torch.Tensor] = {}
        # Memory with values that differ between samples: by it, views are known too.
        self.touched: set[StorageWeakRef] = set()

    def run(self, forward: Callable[[], Any]) -> Any:
        token = prefix_mode.set(self)
        try:
            with self:
                return forward()
        finally:
            prefix_mode.reset(token)

    def leave(self) -> None:
        """A layer says that from here on samples differ; watching goes on."""
        self.met_randomness = True

    def differs(self, tensor: torch.Tensor) -> None:
        self.differing[id(tensor)] = tensor
        self.weight_bytes = max(self.weight_bytes, tensor.numel() * tensor.element_size())

    def touches(self, tree: Any) -> bool:
        return any(
            leaf.layout != torch.strided or StorageWeakRef(leaf.untyped_storage()) in self.touched
            for leaf in leaves_of(tree)
        )

    def touch(self, tree: Any) -> None:
        self.touched |= {
            StorageWeakRef(leaf.untyped_storage())
            for leaf in leaves_of(tree)
            if leaf.layout == torch.strided
        }

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [args, kwargs or {}]
        draws = is_random(func, args, kwargs)
        takes = takes_any_of(self.differing, args, kwargs or {})
        self.met_randomness |= takes
        differs = draws or takes or (self.met_randomness and self.touches(given))
        if draws:
            self.met_randomness = self.is_random = True
            self.other_randomness |= not in_stochastic_layer()
            # A generator of its own, or a seed set anew: vmap would draw other numbers from it.
            own_generator = (kwargs or {}).get("generator") is not None
            self.whole_batch |= own_generator or self.states.torch_changed()
        # What `if tensor:` and `.item()` come down to.
        is_read = func is torch.ops.aten._local_scalar_dense.default  # noqa: SLF001
        self.whole_batch |= differs and is_read
        result = func(*args, **(kwargs or {}))
        if draws:
            self.states = RandomStates.current()
        if differs:
            # What is changed in place is not always given back.
            self.touch([result, given] if func._schema.is_mutable else result)  # noqa: SLF001
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
