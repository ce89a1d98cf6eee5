"""Running out of memory, on a GPU or on the machine."""

import torch

__all__ = ["is_out_of_memory", "release_memory"]

_MESSAGES = ("out of memory", "can't allocate memory", "DefaultCPUAllocator", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out.

    Args:
        error: Any error.

    Returns:
        True for torch's own error class, for `MemoryError`, and for a `RuntimeError` that says so.

    Example:
        >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
        True
        >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        False
    """
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _MESSAGES)


def release_memory() -> None:
    """Give memory that torch only keeps in reserve back to the GPU, if one is in use.

    Example:
        >>> release_memory()
    """
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
