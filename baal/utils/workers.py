"""Processes that load data: how many, and what they do when they start."""

import multiprocessing
import os

__all__ = ["end_with_parent", "sensible_workers", "usable_cores"]


def end_with_parent(worker_id: int) -> None:
    """End this process if its parent is gone already; a `worker_init_fn` of DataLoaders.

    Workers of torch look now and then whether their parent is still the one that they began with.
    Whoever begins after it was killed takes its heir for the parent, and would wait for work for
    ever.

    Args:
        worker_id: As DataLoaders give it; unused.

    Example:
        >>> end_with_parent(0)  # this is no child of anybody, and goes on
    """
    del worker_id
    parent = multiprocessing.parent_process()
    # Windows keeps the id of a parent that is gone, and torch has another way there.
    if parent is not None and os.name == "posix" and os.getppid() != parent.pid:
        os._exit(1)


def usable_cores() -> int:
    """How many cores this process may use.

    Returns:
        By its affinity, which a container or a job scheduler may have set below what the machine
        has; where the system knows of none, the machine's.

    Example:
        >>> usable_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sensible_workers(wanted: int, n_batches: int) -> int:
    """How many processes to load data with.

    Args:
        wanted: At most so many.
        n_batches: Number of batches of an epoch.

    Returns:
        No more than there are batches, or cores that this process may use.

    Example:
        >>> sensible_workers(4, n_batches=1)
        1
    """
    return min(wanted, n_batches, usable_cores())
