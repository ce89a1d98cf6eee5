"""Embeddings of items by a fitted estimator: what its last step is given."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.experiments.estimator_samples import unwrapped
from baal.experiments.skorch_samples import batches_of, is_net
from baal.training.embedding import embed

__all__ = ["embeddings_of"]

# Numbers of a sparse matrix made dense: 1.6 GB in float64.
_LARGEST = 200_000_000


def embeddings_of(estimator: Any, x: Any) -> npt.NDArray[np.floating[Any]]:
    """What an estimator decides by.

    Of a pipeline, what its last step is given; of a skorch net, the input of the module's last
    linear layer, without dropout; of anything else, the inputs themselves.

    Args:
        estimator: Fitted.
        x: Inputs `[N, ...]`, in the form that it was fitted on.

    Returns:
        `[N, D]`.

    Raises:
        InvalidArgumentError: These are no numbers, or a sparse matrix too large to be made dense.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> model = make_pipeline(StandardScaler(), LogisticRegression())
        >>> embeddings_of(model.fit([[0.0], [2.0]], [0, 1]), [[1.0], [3.0]]).tolist()
        [[0.0], [2.0]]
    """
    estimator, x = unwrapped(estimator, x)
    if is_net(estimator):
        return _net_embeddings(estimator, x)
    if hasattr(x, "toarray"):
        n_numbers = int(np.prod(x.shape))
        if n_numbers > _LARGEST:
            raise InvalidArgumentError(
                f"Expected features of at most {_LARGEST:,} numbers in all, but got a sparse "
                f"matrix of shape {x.shape}: put a TruncatedSVD before the last step, or give "
                "`features`"
            )
        x = x.toarray()
    rows = np.asarray(x)
    if rows.dtype.kind not in "fiub":
        raise InvalidArgumentError(
            f"Expected inputs that are numbers, but got an array of dtype {rows.dtype}: put what "
            "makes numbers of them into a pipeline, or give `features`"
        )
    rows = rows.reshape(len(rows), -1)
    return rows if rows.dtype.kind == "f" else rows.astype(np.float64)


def _net_embeddings(net: Any, x: Any) -> npt.NDArray[np.floating[Any]]:
    rows = [
        embed(net.module_, partial(net.infer, batch), n_items)[1].cpu().numpy()
        for batch, n_items in batches_of(net, x)
    ]
    return np.concatenate(rows)
