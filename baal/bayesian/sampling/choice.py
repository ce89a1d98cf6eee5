"""Which way of sampling suits a model: decided once, by rule, never by the clock.

A choice by measured time would change from run to run, and with it which random numbers a sample
gets: the same seed would no longer give the same samples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import ref

import torch
from torch import nn

from baal.bayesian.joint import functional_joint, is_joint
from baal.bayesian.sampling.attention import written_out_attention
from baal.bayesian.sampling.axes import NOT_FOUND, BatchAxis, Key, find_axes
from baal.bayesian.sampling.hidden import (
    find_hidden_dropout,
    in_training,
    is_marked,
    keeps_hidden_dropout,
)
from baal.bayesian.sampling.memory import is_out_of_memory
from baal.bayesian.sampling.one_function import OneFunction
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.plan import Plan, samples_at_once
from baal.bayesian.sampling.probe import Findings, looks_joint, probe
from baal.bayesian.sampling.state import has_hooks, kept_buffers
from baal.bayesian.sampling.trees import n_items, slice_items
from baal.utils.iterutils import map_on_tensor
from baal.utils.log_configuration import get_logger
from baal.utils.random_states import kept_random_states

__all__ = ["as_one_function", "candidates", "defies_vmap", "fingerprint", "make_plan"]

# Below that many samples at once, batching them gains nothing over a loop.
FEWEST_AT_ONCE = 4
# Below that share of the work, sharing the prefix does not pay for what vmap costs by itself.
SMALLEST_SHARED_PREFIX = 0.1
# Recurrent layers are stacked under vmap too, in a roundabout way.
SMALLEST_BEFORE_RECURRENT = 0.5
# Enough items to see what a model does with them.
PROBED_ITEMS = 4


def make_plan(model: nn.Module, data: Any, device: str) -> Plan:
    """Probe a model on a few items and decide how to sample it.

    Args:
        model: A stochastic module.
        data: A batch for it, `[B, ...]` or a nested structure of such tensors.
        device: Type of the device, such as "cpu".

    Returns:
        The plan.

    Raises:
        Exception: Whatever the model itself raises on the whole batch.

    Example:
        >>> from baal.bayesian.dropout import patch_module
        >>> net = patch_module(nn.Sequential(nn.Linear(9, 9), nn.Dropout(0.5)))
        >>> make_plan(net, torch.ones(4, 9), "cpu").ways
        ['vmap', 'stack', 'loop']
    """
    total = n_items(data) or 1
    if any(map(has_hooks, model.modules())):
        # Whoever listens is to get real tensors, and each of them.
        few = slice_items(data, slice(0, PROBED_ITEMS), total)
        hidden = _hidden_dropout(model, data)
        with in_training(hidden):
            axes = _axes(model, few)
            return Plan(
                ways=["loop"],
                is_random=True,
                uses_prefix=False,
                largest_bytes=0,
                changes_input=True,
                device=device,
                hidden=hidden,
                axes=axes,
                is_joint=any(map(is_joint, model.modules()))
                and looks_joint(model, as_one_function(model, axes), few),
            )
    findings, hidden, axes, few = _look_at_a_few(model, data, total)
    largest_bytes = -(-findings.largest_bytes // few)
    at_once = samples_at_once(max(largest_bytes * total, findings.weight_bytes), device)
    return Plan(
        ways=candidates(model, findings, at_once, device),
        is_random=findings.is_random,
        # Without one, watching for its end costs without gain.
        uses_prefix=findings.shares_prefix and findings.prefix_bytes > 0,
        changes_input=findings.changes_input,
        largest_bytes=largest_bytes,
        device=device,
        hidden=hidden,
        is_joint=findings.is_joint,
        weight_bytes=findings.weight_bytes,
        axes=axes,
    )


def as_one_function(model: nn.Module, axes: Mapping[Key, BatchAxis | str]) -> Callable[[Any], Any]:
    """A model to call in a sampling run: what it drops is the same for every item, if it is to be.

    Args:
        model: A stochastic module.
        axes: Where the items are in what it drops.

    Returns:
        The model itself where nothing was said about joint samples.

    Example:
        >>> net = nn.Dropout()
        >>> as_one_function(net, {}) is net
        True
    """
    if not any(map(is_joint, model.modules())):
        return model
    functional = functional_joint(model)

    def call(data: Any) -> Any:
        with OneFunction(functional, axes):
            return model(data)

    return call


def _look_at_a_few(
    model: nn.Module, data: Any, total: int
) -> tuple[Findings, Sequence["ref[nn.Module]"], Mapping[Key, BatchAxis | str], int]:
    """What the probe found, where dropout is hidden, and on how many items that was seen."""
    few = min(total, PROBED_ITEMS)
    while True:
        some = slice_items(data, slice(0, few), total)
        try:
            hidden = _hidden_dropout(model, some)
            with torch.no_grad(), in_training(hidden), written_out_attention(bool(hidden)):
                axes = _axes(model, some)
                return probe(model, some, as_one_function(model, axes)), hidden, axes, few
        except Exception as error:
            if is_out_of_memory(error) and few > 1:
                few //= 2
            elif few < total and not is_out_of_memory(error):
                few = total  # it may be about the slice
            else:
                raise


def _axes(model: nn.Module, data: Any) -> Mapping[Key, BatchAxis | str]:
    """Where the items are; nothing is known of a model that fails with batches of other sizes."""
    if not any(map(is_joint, model.modules())):
        return {}
    with kept_random_states(), kept_buffers(model):
        try:
            return find_axes(as_one_function(model, {}), data)
        except Exception as error:  # noqa: BLE001 - a plain pass decides whose error it is
            get_logger().info("batch axes not found", reason=str(error))
            reason = next(iter(str(error).splitlines()), "")
            return {
                NOT_FOUND: "with two of your items, or three, the model fails with "
                f"{type(error).__name__}: {reason}"
            }


def _hidden_dropout(model: nn.Module, data: Any) -> Sequence["ref[nn.Module]"]:
    if not keeps_hidden_dropout(model):
        return []

    def forward() -> Any:
        # Layers drop nothing meanwhile; what functions draw is what is looked for.
        with forward_pass(Pass(0, sightings={})), OneFunction():
            return model(map_on_tensor(torch.clone, data))

    with torch.no_grad():
        return find_hidden_dropout(model, forward)


def candidates(model: nn.Module, findings: Findings, at_once: int, device: str) -> list[str]:
    """Ways to try, best first; the last one, the loop, works whenever the model does.

    Args:
        model: A stochastic module.
        findings: What the probe found.
        at_once: How many samples of a batch fit into the cache together.
        device: Type of the device, such as "cpu".

    Returns:
        Some of "vmap", "stack", "loop".

    Example:
        >>> found = Findings(True, False, True, False, True, 60, 40, 10)
        >>> candidates(nn.Dropout(), found, 20, "cpu")
        ['vmap', 'stack', 'loop']
    """
    if at_once < FEWEST_AT_ONCE or findings.whole_batch:
        return ["loop"]
    ways = ["vmap", "stack", "loop"]
    recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    smallest = SMALLEST_BEFORE_RECURRENT if recurrent else SMALLEST_SHARED_PREFIX
    if findings.prefix_share < smallest:
        ways = ["stack", "vmap", "loop"]
    if any(map(defies_vmap, model.modules())) or torch.is_autocast_enabled(device):
        ways.remove("vmap")
    if not findings.stackable:
        ways.remove("stack")
    return ways


def defies_vmap(module: nn.Module) -> bool:
    """Whether a module gives identical samples under vmap, as recurrent dropout does.

    Args:
        module: Any module; what lies below it does not count.

    Returns:
        True if so, or if nobody can tell.

    Example:
        >>> defies_vmap(nn.LSTM(1, 1, 2, dropout=0.5)), defies_vmap(nn.LSTM(1, 1, 2))
        (True, False)
    """
    if isinstance(module, torch.jit.ScriptModule):
        return True  # nobody knows what is in it
    is_off = type(module) in {nn.LSTM, nn.GRU, nn.RNN} and not module.training
    may_draw = isinstance(module, nn.RNNBase) and module.dropout > 0 and not is_off
    return may_draw and not is_joint(module)


def fingerprint(model: nn.Module, device: str = "cpu") -> int:
    """Changes with the layers, modes and hooks of a model, and with autocast: time for a new plan.

    Args:
        model: Any module.
        device: Type of the device, such as "cpu".

    Returns:
        A hash.

    Example:
        >>> net = nn.Sequential(nn.Dropout())
        >>> fingerprint(net) == fingerprint(net.eval())
        False
    """
    state = tuple(
        (type(m), m.training, has_hooks(m), is_marked(m), defies_vmap(m), id(m) * is_joint(m))
        for m in model.modules()
    )
    return hash((state, device, torch.is_autocast_enabled(device)))
