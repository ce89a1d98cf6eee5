"""What processes that load data do when they start."""

import multiprocessing
import os

__all__ = ["end_with_parent"]


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
