"""Posterior samples of a model: K predictions for each item, for little more than one pass."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import nn

from baal.bayesian.joint import is_joint
from baal.bayesian.sampling.attention import written_out_attention
from baal.bayesian.sampling.axes import BatchAxisError
from baal.bayesian.sampling.choice import as_one_function, defies_vmap, fingerprint, make_plan
from baal.bayesian.sampling.hidden import in_training, is_marked
from baal.bayesian.sampling.memory import is_out_of_memory, release_memory
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.plan import WAYS, Plan, Way
from baal.bayesian.sampling.prefix import Prefix
from baal.bayesian.sampling.trees import join_items, leaves_of, n_items, slice_items
from baal.bayesian.sampling.ways import by_loop, by_stack, by_vmap, join_samples
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.utils.frames import level_outside_baal
from baal.utils.iterutils import map_on_tensor
from baal.utils.log_configuration import get_logger
from baal.utils.random_states import RandomStates

__all__ = [
    "check_iterations",
    "check_way",
    "forget_plans",
    "sample_posterior",
    "samples_are_joint",
]

# Plans by way asked for, the one used last at the end; and models warned of.
_plans: "WeakKeyDictionary[nn.Module, dict[str, Plan]]" = WeakKeyDictionary()
_warned: "WeakSet[nn.Module]" = WeakSet()


def sample_posterior(model: nn.Module, data: Any, iterations: int, way: Way = "auto") -> Any:
    """Draw `iterations` posterior samples of a model's output on one batch, without gradients.

    The model is called as it is, in the mode it is in. How it is sampled is decided on its first
    batch, which is why that one takes a few passes more, and remembered for the model:

    - `"vmap"`: one pass in which each operation is done once until the first random one, and only
      then once for each sample;
    - `"stack"`: one pass over the inputs repeated K times;
    - `"loop"`: one pass for each sample; here too, what comes before the first random operation is
      computed once, where that was seen to change nothing.

    `"auto"` takes the best of those that work, by rule: what does not fit into the cache is looped.
    Samples are drawn in chunks, and an out-of-memory error halves the chunk.

    Args:
        model: A stochastic module, such as one patched by `baal.bayesian.dropout.patch_module`.
        data: Its input: a tensor `[B, ...]`, or a nested structure of them.
        iterations: Number of posterior samples `K`, at least 1.
        way: One of the above.

    Returns:
        What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., K]`.

    Raises:
        InvalidArgumentError: `iterations` is below 1, or `way` is unknown.
        InvalidTypeError: `iterations` is no whole number, or the model returns no tensors.
        Exception: Whatever the model itself raises, as it is.

    Warns:
        UserWarning: The samples are identical, however they are drawn: there is no posterior.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
        >>> sample_posterior(net, torch.ones(4, 3), iterations=5).shape
        torch.Size([4, 2, 5])
    """
    check_iterations(iterations)
    check_way(way)
    # Tensors of inference mode do not tell when they are changed in place, which must be noticed.
    with torch.inference_mode(mode=False), torch.no_grad():
        data = map_on_tensor(lambda leaf: leaf.clone() if leaf.is_inference() else leaf, data)
        if iterations == 1 and not any(map(needs_plan, model.modules())):
            with forward_pass(Pass(0, items=n_items(data))):
                samples = map_on_tensor(lambda leaf: leaf.unsqueeze(-1), model(data))
        else:
            samples = _by_plan(model, data, iterations, way)
    if not leaves_of(samples):
        raise InvalidTypeError(
            "Expected the model to return a tensor, or mappings and sequences of them, but got "
            f"{type(samples).__name__}."
        )
    return samples


def samples_are_joint(model: nn.Module) -> bool | None:
    """Whether the samples drawn last are joint: sample `k` is the same function for every item.

    BatchBALD and EPIG are only defined on joint samples. This was not taken from the names of
    layers: the engine has run the model on items alone and together, and compared.

    Args:
        model: A module that was sampled by `sample_posterior`, `ModelWrapper` and the like.

    Returns:
        None: it was not sampled yet, with more than one sample or with joint ones.

    Example:
        >>> from baal.bayesian.consistent_dropout import ConsistentDropout
        >>> x = torch.ones(4, 8)
        >>> for net in (nn.Sequential(nn.Dropout()), nn.Sequential(ConsistentDropout())):
        ...     _ = sample_posterior(net, x, iterations=5)
        ...     samples_are_joint(net)
        False
        True
    """
    plans = list(_plans.get(model, {}).values())
    return plans[-1].is_joint if plans else None


def forget_plans(model: nn.Module) -> None:
    """Forget how a model was sampled: the next batch decides anew, as in a fresh process.

    Args:
        model: Any module.

    Example:
        >>> net = nn.Sequential(nn.Dropout())
        >>> _ = sample_posterior(net, torch.ones(4, 8), iterations=5)
        >>> forget_plans(net)
        >>> samples_are_joint(net) is None
        True
    """
    _plans.pop(model, None)


def check_way(way: str, name: str = "way") -> None:
    """Refuse a way of sampling that is none.

    Args:
        way: "auto", "vmap", "stack" or "loop".
        name: What the argument is called, for the message.

    Raises:
        InvalidArgumentError: It is something else.

    Example:
        >>> check_way("vmap")
    """
    if way not in WAYS:
        raise InvalidArgumentError(f"Expected `{name}` to be one of {WAYS}, but got {way!r}.")


def check_iterations(iterations: int) -> None:
    """Refuse a number of posterior samples that is none.

    Args:
        iterations: Number of posterior samples `K`.

    Raises:
        InvalidArgumentError: It is below 1.
        InvalidTypeError: It is no whole number.

    Example:
        >>> check_iterations(20)
    """
    if isinstance(iterations, bool) or not hasattr(iterations, "__index__"):
        raise InvalidTypeError(f"Expected `iterations` to be an int, but got {iterations!r}.")
    if iterations < 1:
        raise InvalidArgumentError(f"Expected `iterations` to be at least 1, but got {iterations}.")


def needs_plan(module: nn.Module) -> bool:
    """Whether even a single sample of a model with this module is no plain pass.

    Args:
        module: Any module; what lies below it does not count.

    Returns:
        True if something about it is to be found out first.

    Example:
        >>> needs_plan(nn.Dropout())
        False
    """
    return is_marked(module) or is_joint(module)


def _by_plan(model: nn.Module, data: Any, iterations: int, way: Way) -> Any:
    known = _plans.get(model, {}).get(way)
    try:
        plan = _plan_for(model, data, way)
        draw = _sample if plan.is_settled else _settle
        with in_training(plan.hidden), written_out_attention(bool(plan.hidden)):
            return draw(plan, model, data, iterations)
    except BatchAxisError:
        if known is None or _plans[model].get(way) is not known:
            raise
        # This batch may show what an earlier one did not, such as further calls of a layer.
        del _plans[model][way]
        return _by_plan(model, data, iterations, way)


def _plan_for(model: nn.Module, data: Any, way: Way) -> Plan:
    """The plan made on an earlier batch, unless the model has changed since."""
    plans = _plans.setdefault(model, {})
    device = next((leaf.device.type for leaf in leaves_of(data)), "cpu")
    now = fingerprint(model, device)
    plan = known = plans.pop(way, None)
    if plan is None or plan.fingerprint != now:
        plan = make_plan(model, data, device)
        plan.fingerprint = now
        if way == "vmap" and any(map(defies_vmap, model.modules())):
            raise StateError(
                "Expected a model without dropout between recurrent layers for way 'vmap', under "
                "which all samples would be the same, but got one: use 'stack', 'loop' or 'auto'."
            )
        if way != "auto":
            plan.ways = [way]
    if n_items(data) != 0 or plan is known:  # of a batch of no items, nothing is learnt
        plans[way] = plan
    return plan


def _settle(plan: Plan, model: nn.Module, data: Any, iterations: int) -> Any:
    """Sample a first batch: leave out the ways that fail, or whose samples are identical."""
    start = RandomStates.current()
    while True:
        before = plan.way, plan.uses_prefix, plan.max_samples, plan.max_items
        result = _sample(plan, model, data, iterations)
        if before != (plan.way, plan.uses_prefix, plan.max_samples, plan.max_items):
            # Something failed on the way: once more, for the samples that later calls would get.
            start.restore()
            continue
        if iterations == 1 or n_items(data) == 0 or not leaves_of(result):
            return result
        if _differ(result):
            plan.is_settled = True
            get_logger().info("posterior sampling", way=plan.way, shared_prefix=plan.uses_prefix)
            return result
        if not plan.is_random or len(plan.ways) == 1:
            _warn_once(model)
            return result
        plan.drop_way("its samples are identical")
        start.restore()


def _warn_once(model: nn.Module) -> None:
    """Identical samples are a mistake more often than not; the next batch may yet differ."""
    if model not in _warned:
        _warned.add(model)
        warnings.warn(
            "All posterior samples of this model are identical: none of its layers is stochastic "
            "in the mode it is in, so it has no posterior. Patch it first, for instance by "
            "baal.bayesian.dropout.patch_module.",
            UserWarning,
            stacklevel=level_outside_baal(),
        )


def _differ(result: Any) -> bool:
    """Whether any sample differs from the first; NaN equals NaN."""
    return any(
        bool(((leaf != leaf[..., :1]) & ~(leaf.isnan() & leaf[..., :1].isnan())).any())
        for leaf in leaves_of(result)
    )


def _sample(plan: Plan, model: nn.Module, data: Any, iterations: int) -> Any:
    """Sample a batch by the plan; an error makes the plan more cautious before it is the user's."""
    before = replace(plan, ways=list(plan.ways))
    while True:
        try:
            return _sample_items(plan, model, data, iterations)
        except Exception as error:
            # Where items are is a fact about the batch; rows of one batch may be to blame though.
            is_final = isinstance(error, BatchAxisError) and plan.way != "stack"
            if is_out_of_memory(error):
                if not plan.shrink(n_items(data) or 1, iterations):
                    raise
            elif len(plan.ways) > 1 and not is_final:
                plan.drop_way(error)
            elif plan.uses_prefix and not is_final:
                plan.stop_sharing_prefix(error)
            else:
                # It was about this batch: what is known of the model still holds.
                plan.ways, plan.uses_prefix = before.ways, before.uses_prefix
                plan.is_settled = before.is_settled
                raise
        release_memory()


def _sample_items(plan: Plan, model: nn.Module, data: Any, iterations: int) -> Any:
    """All samples, as many items at a time as the plan allows."""
    total = n_items(data) or 1
    if plan.max_items is None or plan.max_items >= total:
        return _sample_chunks(plan, model, data, iterations, total)
    parts, sizes = [], []
    for start in range(0, total, plan.max_items):
        items = slice(start, min(start + plan.max_items, total))
        some = slice_items(data, items, total)
        sizes.append(items.stop - items.start)
        parts.append(_sample_chunks(plan, model, some, iterations, sizes[-1]))
    return join_items(parts, sizes)


def _sample_chunks(plan: Plan, model: nn.Module, data: Any, iterations: int, items: int) -> Any:
    """All samples of some items, as many samples at a time as the plan allows."""
    run = as_one_function(model, plan.axes)
    run = _on_a_copy(run) if plan.changes_input else run
    if plan.way == "loop":
        return by_loop(run, data, iterations, Prefix() if plan.uses_prefix else None)
    at_once = plan.at_once(items, iterations)
    counts = [min(at_once, iterations - start) for start in range(0, iterations, at_once)]
    first = range(0, iterations, at_once)
    if plan.way == "stack":
        return join_samples([by_stack(run, data, n, k) for k, n in zip(first, counts, strict=True)])
    prefix = Prefix() if plan.uses_prefix and len(counts) > 1 else None
    chunks = zip(first, counts, strict=True)
    return join_samples([by_vmap(run, data, n, prefix, first=k) for k, n in chunks])


def _on_a_copy(model: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: model(map_on_tensor(torch.clone, data))
