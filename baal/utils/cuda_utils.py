"""Moving nested batches between devices."""

from typing import Any

import torch

from baal.utils.iterutils import map_on_tensor

__all__ = ["to_cuda", "to_device"]


def to_device(x: Any, device: torch.device | str) -> Any:
    """Move every tensor of a nested batch to a device.

    Args:
        x: A tensor, or mappings, sequences and named tuples of them; other values stay.
        device: Where to.

    Returns:
        The same structure; tensors already on the device are the same objects.

    Example:
        >>> to_device({"x": torch.zeros(2), "id": 7}, "cpu")
        {'x': tensor([0., 0.]), 'id': 7}
    """
    if type(x) is torch.Tensor and x.device == device:  # most often there is nothing to move
        return x
    # CUDA queues what follows behind the copy; what reads from another device would not wait.
    non_blocking = torch.device(device).type == "cuda"
    return map_on_tensor(lambda tensor: tensor.to(device, non_blocking=non_blocking), x)


def to_cuda(x: Any) -> Any:
    """Move tensors and modules to the current CUDA device.

    Args:
        x: A module, a tensor, or mappings, sequences and named tuples of tensors; whatever else it
            is comes back unchanged.

    Returns:
        The same structure on the GPU.

    Raises:
        RuntimeError: By torch, when there is something to move and no CUDA device.

    Example:
        >>> to_cuda("nothing to move")
        'nothing to move'
    """
    if isinstance(x, torch.nn.Module):
        return x.cuda()
    return map_on_tensor(lambda tensor: tensor.cuda(), x)
